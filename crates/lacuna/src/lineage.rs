//! The lineage that lies beside a model: where it is found, and whether it is of that model.
//!
//! Without it a second request would hold on to the first one's subject as if it were to be kept, and teach it again.

use crate::error::CliError;
use crate::exact::Named;
use lacuna_nn::{Device, Network, match_file, read_model, recognise};
pub use lacuna_runs::{ErasedBy, Init, LINEAGE as FILE, Lineage, check_file};
use lacuna_seed::Seed;
use lacuna_weights::WeightFile;
use std::path::Path;

/// What lies beside a model, if anything does. Every verb that reads a model asks here first.
///
/// # Errors
/// A file that cannot be read, or is of another model than that of `digest`; weights that are no longer those of
/// which the run folder keeps a digest.
pub fn beside(model: &Path, digest: &str) -> Result<Option<Lineage>, CliError> {
    check_file(model)?;
    if let Some(named) = Named::by(model)? {
        named.check(digest)?;
        return named.lineage(digest);
    }
    match unchecked_beside(model)? {
        Some(lineage) if !lineage.speaks_for(digest) => {
            Err(of_another(&model.with_file_name(FILE), digest, &lineage.model))
        }
        lineage => Ok(lineage),
    }
}

/// The same before the weights are read, so that the lineage may be that of another model.
///
/// # Errors
/// A file that cannot be read.
pub fn unchecked_beside(model: &Path) -> Result<Option<Lineage>, CliError> {
    let path = match Named::by(model)? {
        Some(named) => named.root.join(FILE),
        None => model.with_file_name(FILE),
    };
    Ok(Lineage::read(&path)?)
}

/// What lies beside a file of weights, as [`beside`]; of a part of a network, which has no digest, none is.
///
/// # Errors
/// Those of [`beside`].
pub fn check(file: &Path, digest: Option<&str>) -> Result<Option<Lineage>, CliError> {
    match digest {
        Some(digest) => beside(file, digest),
        None => Ok(check_file(file).map(|()| None)?),
    }
}

/// The error of a lineage beside a model that it is not of.
pub fn of_another(lineage: &Path, model: &str, found: &str) -> CliError {
    let what = format!(
        "{}: expected the lineage of {model}, found that of {found}: the model beside it was changed, or is another; fix: \
         restore the model from a copy, take it back to the run folder that it came from, or take it alone to another \
         folder",
        lineage.display()
    );
    CliError::Data { what }
}

/// The digest of the network in a file, if the file holds a whole one; the weights are read for it.
///
/// # Errors
/// A file that cannot be read.
pub fn network_digest(path: &Path, device: &Device) -> Result<Option<String>, CliError> {
    let file = WeightFile::open(path)?;
    if file.notes().contains_key("lacuna") {
        return Ok(Some(read_model(path, device)?.network.digest()));
    }
    // A head that the file lacks would be of any number of classes.
    const ANY_CLASSES: usize = 2;
    let Ok(architecture) = recognise(&file).and_then(|found| found.architecture(ANY_CLASSES)) else { return Ok(None) };
    let mut network = Network::new(architecture, Seed(0), device);
    Ok(match_file(&file, &mut network)?.is_exact().then(|| network.digest()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_lineage_is_found_beside_its_own_model_alone() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.safetensors");
        assert_eq!(beside(&model, "m2").unwrap(), None);
        let lineage = Lineage::of_training("m2".to_string(), BTreeSet::new());
        std::fs::write(folder.path().join(FILE), serde_json::to_vec(&lineage).unwrap()).unwrap();
        assert_eq!(beside(&model, "m2").unwrap(), Some(lineage.clone()));
        let refused = beside(&model, "m1").unwrap_err().to_string();
        assert!(refused.contains("expected the lineage of m1, found that of m2"), "{refused}");
    }

    #[test]
    fn a_damaged_lineage_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        let refused = beside(&folder.path().join("model.safetensors"), "m").unwrap_err().to_string();
        assert!(refused.contains(FILE), "{refused}");
    }
}
