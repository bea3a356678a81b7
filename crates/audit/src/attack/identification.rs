//! Which of the subjects was erased?
//!
//! An adversary who holds the model and all scans points at the subject whose score is furthest from what models
//! do that never saw them. A model that forgot too thoroughly gives its subject away (the Streisand effect).
//! The subject is the unit: seeds of one subject are one guess.

use crate::Interval;
use crate::law::{binomial_at_least, clopper_pearson};
use serde::{Deserialize, Serialize};

/// How often the erased subject was pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identification {
    /// Subjects that were identified from most of their models.
    pub identified: usize,
    /// Subjects that were erased.
    pub subjects: usize,
    /// Models whose subject was pointed at.
    pub models_identified: usize,
    /// The number of models.
    pub models: usize,
    /// Of a blind guess.
    pub chance: f64,
    /// The chance to do as well blindly, over subjects.
    pub p: f64,
    /// Of the rate over subjects, by Clopper and Pearson.
    pub interval: Interval,
}

/// The place of the subject furthest from its retrained models: the largest `|z|`, the first among equals.
///
/// `None` without a finite score.
pub fn most_unusual(deviations: &[f64]) -> Option<usize> {
    let finite = deviations.iter().enumerate().filter(|(_, z)| z.is_finite());
    finite.rev().max_by(|one, other| one.1.abs().total_cmp(&other.1.abs())).map(|(index, _)| index)
}

/// From the hits of each erased subject's models, among so many candidates. `None` without a subject or a choice.
pub fn identification(hits: &[Vec<bool>], candidates: usize, level: f64) -> Option<Identification> {
    let hits: Vec<&Vec<bool>> = hits.iter().filter(|models| !models.is_empty()).collect();
    if hits.is_empty() || candidates < 2 {
        return None;
    }
    let count = |models: &[bool]| models.iter().filter(|hit| **hit).count();
    let identified = hits.iter().filter(|models| 2 * count(models) > models.len()).count();
    let chance = 1.0 / candidates as f64;
    let (low, high) = clopper_pearson(identified as u64, hits.len() as u64, level);
    Some(Identification {
        identified,
        subjects: hits.len(),
        models_identified: hits.iter().map(|models| count(models)).sum(),
        models: hits.iter().map(|models| models.len()).sum(),
        chance,
        p: binomial_at_least(identified as u64, hits.len() as u64, chance),
        interval: Interval { low, high, level },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_on_either_side_is_pointed_at() {
        assert_eq!(most_unusual(&[0.5, -3.0, 2.0]), Some(1));
        assert_eq!(most_unusual(&[1.0, -1.0]), Some(0));
        assert_eq!(most_unusual(&[f64::NAN, 0.1]), Some(1));
        assert_eq!(most_unusual(&[]), None);
    }

    #[test]
    fn three_of_seven_subjects_are_more_than_blind_guessing() {
        // One minus the chance of none, one or two:
        // (6/7)^7 + 7 (1/7) (6/7)^6 + 21 (1/49) (6/7)^5 = 0.339917 + 0.396569 + 0.198285 = 0.934770.
        let hits: Vec<Vec<bool>> = (0..7).map(|subject| vec![subject < 3; 5]).collect();
        let found = identification(&hits, 7, 0.95).unwrap();
        assert_eq!((found.identified, found.subjects, found.models_identified, found.models), (3, 7, 15, 35));
        assert!((found.p - 0.065_229_138).abs() < 1e-8, "{}", found.p);
    }

    #[test]
    fn many_seeds_of_one_subject_are_one_guess() {
        let found = identification(&[vec![true; 30]], 7, 0.95).unwrap();
        assert!((found.p - 1.0 / 7.0).abs() < 1e-12, "{}", found.p);
        assert_eq!(identification(&[], 7, 0.95), None);
        assert_eq!(identification(&[vec![true]], 1, 0.95), None);
    }
}
