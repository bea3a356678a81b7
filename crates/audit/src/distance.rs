//! How far models lie from each other: what they say, and what they see inside.
//!
//! A distance has no sign. It tells that a model is unlike retrained ones, never on which side, so no verdict hangs on
//! it; it is shown beside what the retrained models are from one another. Channels of models of different seeds may be
//! exchanged, which CKA does not mind; weights are compared between models of one seed, who began alike.

use crate::delivered::{Prediction, beside};
use crate::pool::mean;
use crate::{AuditError, Pool};
use serde::{Deserialize, Serialize};

/// More positions than this are thinned evenly: a Gram matrix grows with their square.
const POSITIONS_MAX: usize = 400;

/// What an encoder makes of a scan, up to rotations of its channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Representation {
    /// The centred Gram matrix over positions, of norm 1.
    gram: Vec<f32>,
}

impl Representation {
    /// From features `[C, D, H, W]`, row-major. `None` if they are the same everywhere.
    ///
    /// # Errors
    /// [`AuditError::Size`] if they are not so many channels.
    pub fn new(features: &[f32], channels: usize) -> Result<Option<Representation>, AuditError> {
        let positions = features.len() / channels.max(1);
        if positions == 0 || positions * channels != features.len() {
            let expected = channels * positions.max(1);
            return Err(AuditError::Size { what: "encoder features", expected, found: features.len() });
        }
        let stride = positions.div_ceil(POSITIONS_MAX);
        let kept: Vec<usize> = (0..positions).step_by(stride).collect();
        // [position][channel], the mean of each channel taken out.
        let centred = |channel: usize| {
            let values: Vec<f64> = kept.iter().map(|at| f64::from(features[channel * positions + at])).collect();
            let mean = mean(&values);
            values.into_iter().map(move |value| value - mean).collect::<Vec<f64>>()
        };
        let columns: Vec<Vec<f64>> = (0..channels).map(centred).collect();
        let n = kept.len();
        let mut gram = vec![0.0; n * n];
        for column in &columns {
            for (row, value) in gram.chunks_mut(n).zip(column) {
                row.iter_mut().zip(column).for_each(|(cell, other)| *cell += value * other);
            }
        }
        let norm = gram.iter().map(|cell| cell * cell).sum::<f64>().sqrt();
        Ok((norm > 0.0).then(|| Representation { gram: gram.iter().map(|cell| (cell / norm) as f32).collect() }))
    }

    /// `1 - CKA`, linear: 0 for encoders that see the same up to a rotation, 1 for unrelated ones.
    ///
    /// Source: Kornblith, Norouzi, Lee and Hinton, "Similarity of neural network representations revisited", 2019.
    ///
    /// # Panics
    /// If both are not of one grid.
    pub fn distance(&self, other: &Representation) -> f64 {
        assert_eq!(self.gram.len(), other.gram.len(), "two encoders see one scan on one grid");
        1.0 - self.gram.iter().zip(&other.gram).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum::<f64>()
    }
}

/// The mean over voxels of the Jensen-Shannon divergence of two predictions, in nats: between 0 and ln 2.
///
/// # Panics
/// If both are not of one grid.
pub fn jensen_shannon(one: &[f32], other: &[f32], classes: usize) -> f64 {
    let mut sum = 0.0;
    for_each_voxel(one, other, classes, &mut |p, q| {
        let towards = |p: &[f64], q: &[f64]| -> f64 {
            p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (2.0 * p / (p + q)).ln()).sum()
        };
        sum += (towards(p, q) + towards(q, p)) / 2.0;
    });
    sum / (one.len() / classes) as f64
}

/// The part of voxels in which two predictions name different classes.
///
/// # Panics
/// If both are not of one grid.
pub fn disagreement(one: &[f32], other: &[f32], classes: usize) -> f64 {
    let named = |p: &[f64]| (0..classes).rev().max_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut count = 0usize;
    for_each_voxel(one, other, classes, &mut |p, q| count += usize::from(named(p) != named(q)));
    count as f64 / (one.len() / classes) as f64
}

/// Probabilities of both predictions, from logits `[C, ...]`.
fn for_each_voxel(one: &[f32], other: &[f32], classes: usize, each: &mut dyn FnMut(&[f64], &[f64])) {
    assert_eq!(one.len(), other.len(), "two predictions of one scan lie on one grid");
    let voxels = one.len() / classes;
    let (mut p, mut q) = (vec![0.0; classes], vec![0.0; classes]);
    for voxel in 0..voxels {
        for (said, to) in [(one, &mut p), (other, &mut q)] {
            let logit = |class: usize| f64::from(said[class * voxels + voxel]);
            let largest = (0..classes).map(logit).fold(f64::NEG_INFINITY, f64::max);
            to.iter_mut().enumerate().for_each(|(class, to)| *to = (logit(class) - largest).exp());
            let total: f64 = to.iter().sum();
            to.iter_mut().for_each(|value| *value /= total);
        }
        each(&p, &q);
    }
}

/// One kind of distance of an arm from the retrained models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// `outputs`, `classes`, `features of STAGE` or `weights`.
    pub kind: String,
    /// Mean over the arm's models of their mean distance from the retrained models of other seeds.
    pub mean: f64,
    /// The same among the retrained models.
    pub retrained_mean: f64,
    /// Where the arm's mean lies in their range; none if they are all equally far apart, and of weights, since those of
    /// one seed begin alike and those of two do not.
    pub prediction: Option<Prediction>,
}

/// From distances by model and retrained model, both in the order of the seeds; those of one seed are left out, so that
/// a retrained model is not compared with itself. `None` of fewer than three seeds.
///
/// # Errors
/// [`AuditError::NotFinite`].
pub fn beside_retrained(
    kind: &str,
    arm: &[Vec<f64>],
    retrained: &[Vec<f64>],
    level: f64,
) -> Result<Option<Distance>, AuditError> {
    let of_others = |rows: &[Vec<f64>]| -> Vec<f64> {
        let others = |(own, row): (usize, &Vec<f64>)| {
            let others: Vec<f64> =
                row.iter().enumerate().filter(|(seed, _)| *seed != own).map(|(_, value)| *value).collect();
            mean(&others)
        };
        rows.iter().enumerate().map(others).collect()
    };
    if arm.is_empty() || retrained.len() < 3 {
        return Ok(None);
    }
    let (own, pool) = (mean(&of_others(arm)), Pool::new("retrained", of_others(retrained))?);
    let prediction = match beside(own, &pool, level) {
        Err(AuditError::NoSpread { .. }) => None,
        other => Some(other?),
    };
    Ok(Some(Distance { kind: kind.to_string(), mean: own, retrained_mean: pool.mean(), prediction }))
}

/// Distances of weights: of each of the arm's models from the retrained one of its seed, beside those between retrained
/// models of different seeds, which is as far as two models that never saw the subject go apart. `None` without either.
pub fn of_weights(arm: &[f64], between_retrained: &[f64]) -> Option<Distance> {
    if arm.is_empty() || between_retrained.is_empty() {
        return None;
    }
    let kind = "weights".to_string();
    Some(Distance { kind, mean: mean(arm), retrained_mean: mean(between_retrained), prediction: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    /// `[2, 4]`: two channels at four positions.
    const FEATURES: [f32; 8] = [1.0, 2.0, 3.0, 4.0, 0.0, 1.0, 0.0, -1.0];

    fn of(features: &[f32]) -> Representation {
        Representation::new(features, 2).unwrap().unwrap()
    }

    #[test]
    fn encoders_that_differ_by_a_rotation_and_a_scale_see_the_same() {
        let (sin, cos) = 0.7f32.sin_cos();
        let rotated: Vec<f32> = (0..4)
            .map(|at| cos * FEATURES[at] - sin * FEATURES[at + 4] + 9.0)
            .chain((0..4).map(|at| sin * FEATURES[at] + cos * FEATURES[at + 4]))
            .map(|value| 3.0 * value)
            .collect();
        assert!(of(&FEATURES).distance(&of(&rotated)).abs() < 1e-6);
        assert!(of(&FEATURES).distance(&of(&[1.0, -1.0, 1.0, -1.0, 0.0, 0.0, 1.0, 1.0])) > 0.3);
    }

    #[test]
    fn a_distance_worked_by_hand() {
        // One channel each: x = (1, -1, 0, 0), y = (1, 0, -1, 0), centred already. CKA = (x.y)^2 / (x.x y.y) = 1/4.
        let one = Representation::new(&[1.0, -1.0, 0.0, 0.0], 1).unwrap().unwrap();
        let other = Representation::new(&[1.0, 0.0, -1.0, 0.0], 1).unwrap().unwrap();
        assert!((one.distance(&other) - 0.75).abs() < 1e-6);
        assert_eq!(Representation::new(&[2.0; 4], 1).unwrap(), None);
        assert!(Representation::new(&[2.0; 5], 2).is_err());
    }

    #[test]
    fn predictions_worked_by_hand() {
        // p = (1, 0), q = (1/2, 1/2): JS = (ln(4/3) + (ln(2/3) + ln 2) / 2) / 2.
        let (certain, even) = ([90.0, -90.0], [0.0, 0.0]);
        let expected = ((4f64 / 3.0).ln() + ((2f64 / 3.0).ln() + 2f64.ln()) / 2.0) / 2.0;
        assert!((jensen_shannon(&certain, &even, 2) - expected).abs() < 1e-12);
        assert_eq!(jensen_shannon(&even, &even, 2), 0.0);
        assert!((jensen_shannon(&certain, &[-90.0, 90.0], 2) - 2f64.ln()).abs() < 1e-12);
        // The first of equal classes is named: both name class 0.
        assert_eq!(disagreement(&certain, &even, 2), 0.0);
        assert_eq!(disagreement(&[1.0, 1.0, 0.0, 0.0], &[1.0, 0.0, 0.0, 1.0], 2), 0.5);
    }

    #[test]
    fn weights_are_compared_within_a_seed_and_set_beside_what_lies_between_seeds() {
        let found = of_weights(&[1.0, 3.0], &[10.0]).unwrap();
        assert_eq!((found.mean, found.retrained_mean, found.prediction), (2.0, 10.0, None));
        assert_eq!(of_weights(&[], &[10.0]), None);
        assert_eq!(of_weights(&[1.0], &[]), None);
    }

    #[test]
    fn an_arm_of_retrained_models_lies_in_their_range() {
        let mut draws = Seed(30).stream("distances").draws();
        let mut rows = |near: f64| -> Vec<Vec<f64>> {
            (0..6).map(|_| (0..6).map(|_| near + 0.1 * draws.uniform()).collect()).collect()
        };
        let (like, unlike, retrained) = (rows(1.0), rows(2.0), rows(1.0));
        let holds = |arm: &[Vec<f64>]| {
            let found = beside_retrained("encoder", arm, &retrained, 0.95).unwrap().unwrap();
            found.prediction.unwrap().interval.holds(found.mean)
        };
        assert!(holds(&like) && !holds(&unlike));
        assert_eq!(beside_retrained("encoder", &like, &retrained[..2], 0.95).unwrap(), None);
    }
}
