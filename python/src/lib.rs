//! The compiled half of the Python package `lacuna`.
//!
//! `python/lacuna/__init__.py` is what users import; it turns their objects into arrays of one kind and JSON, and this
//! turns those into the crates' types and back. Errors keep their words. The interpreter's lock is released while a
//! network computes and while files are read.

mod audit;
mod model;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

pyo3::create_exception!(lacuna, Error, PyValueError, "What lacuna refused, in its own words.");

/// An error of ours as Python's.
fn refused(error: impl std::fmt::Display) -> PyErr {
    Error::new_err(error.to_string())
}

/// The files of a run folder that are not as its manifest says; `None` if it has none yet.
#[pyfunction]
fn altered_files(py: Python<'_>, path: PathBuf) -> PyResult<Option<BTreeMap<String, &'static str>>> {
    py.detach(|| lacuna_disk::manifest::altered_files(&path)).map_err(refused)
}

#[pymodule]
fn _lacuna(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("Error", module.py().get_type::<Error>())?;
    module.add_class::<model::Model>()?;
    module.add_function(wrap_pyfunction!(altered_files, module)?)?;
    module.add_function(wrap_pyfunction!(audit::audit, module)?)
}
