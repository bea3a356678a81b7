//! Classes that no remaining subject shows.
//!
//! Retraining without the last subject of a class gives a model that never learnt the class. A strategy holds the
//! model to what the others show, in which the class does not occur; it cannot unlearn the class by that alone.

use crate::error::CliError;
use lacuna_cohort::{Case, LabelTable};
use lacuna_volume::IGNORED;
use std::collections::BTreeSet;

/// The names of the classes that occur in the scans to forget and in none of those to keep.
pub fn without_a_subject(forget: &[&Case], retain: &[&Case], labels: &LabelTable) -> Result<Vec<String>, CliError> {
    let (leaving, staying) = (classes_of(forget)?, classes_of(retain)?);
    Ok(leaving.difference(&staying).map(|&class| labels.classes()[usize::from(class)].clone()).collect())
}

/// Classes on the network's output grid.
fn classes_of(cases: &[&Case]) -> Result<BTreeSet<u8>, CliError> {
    let mut classes = BTreeSet::new();
    for case in cases {
        let voxels = case.voxels()?;
        let mut seen = [false; 256];
        voxels.target.iter().for_each(|&class| seen[usize::from(class)] = true);
        classes.extend((0..IGNORED).filter(|&class| seen[usize::from(class)]));
    }
    Ok(classes)
}
