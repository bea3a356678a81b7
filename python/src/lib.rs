//! The compiled half of the Python package `lacuna`.
//!
//! Users import `python/lacuna/__init__.py`. It converts their objects to arrays of one kind and to JSON, and this
//! crate converts those to the types of lacuna's crates and back. Error messages are passed on unchanged. The
//! interpreter's lock is released while a network computes and while files are read.

mod audit;
mod model;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

pyo3::create_exception!(lacuna, Error, PyValueError, "What lacuna refused, in its own words.");

/// Converts an error of lacuna to a Python exception.
fn refused(error: impl std::fmt::Display) -> PyErr {
    Error::new_err(error.to_string())
}

/// The files of a run folder that differ from its manifest, by name with the kind of difference; `None` if there is no
/// manifest.
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
