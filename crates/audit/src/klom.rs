//! KLoM with few models: how far apart the laws of unlearned and retrained margins lie, patch by patch.
//!
//! Source: Georgiev et al., "Attribute-to-delete: machine unlearning via datamodel matching", arXiv 2410.23232, 2024.
//! Their histograms need a hundred models per arm; with ten, the normal laws of both arms are compared instead. The
//! figure is above 0 for models of one and the same kind too, so it is only to be read beside its null floor.

use crate::AuditError;
use crate::pool::{mean, quantile, variance};
use serde::{Deserialize, Serialize};

/// The distance of laws, and what chance alone gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Klom {
    /// The 95th percentile over patches of `KL(U || R)`, in nats.
    pub nats: f64,
    /// The same between two halves of the retrained models, averaged over both directions. `None` of fewer than four.
    pub floor: Option<f64>,
    /// Patches that took part: a patch whose retrained models do not scatter has no law.
    pub patches: usize,
}

/// From margins by model and patch.
///
/// `KL(U||R) = ln(s_R/s_U) + (s_U^2 + (mu_U - mu_R)^2) / (2 s_R^2) - 1/2`.
///
/// # Errors
/// [`AuditError::TooFew`] below two models per arm; [`AuditError::Size`] if models have different patches;
/// [`AuditError::NoVoxel`] if no patch scatters.
pub fn klom(unlearned: &[Vec<f64>], retrained: &[Vec<f64>]) -> Result<Klom, AuditError> {
    let (nats, patches) = percentile(unlearned, retrained)?;
    let half = retrained.len() / 2;
    let floor = if half >= 2 {
        let (one, other) = (&retrained[..half], &retrained[retrained.len() - half..]);
        Some((percentile(one, other)?.0 + percentile(other, one)?.0) / 2.0)
    } else {
        None
    };
    Ok(Klom { nats, floor, patches })
}

fn percentile(of: &[Vec<f64>], from: &[Vec<f64>]) -> Result<(f64, usize), AuditError> {
    let fewest = of.len().min(from.len());
    if fewest < 2 {
        return Err(AuditError::TooFew { what: "KLoM", found: fewest, least: 2 });
    }
    let patches = from[0].len();
    if let Some(model) = of.iter().chain(from).find(|model| model.len() != patches) {
        return Err(AuditError::Size { what: "margins by patch", expected: patches, found: model.len() });
    }
    let at = |models: &[Vec<f64>], patch: usize| models.iter().map(|model| model[patch]).collect::<Vec<f64>>();
    let distances: Vec<f64> = (0..patches).filter_map(|patch| divergence(&at(of, patch), &at(from, patch))).collect();
    if distances.is_empty() {
        return Err(AuditError::NoVoxel { what: "KLoM" });
    }
    Ok((quantile(&distances, 0.95), distances.len()))
}

/// `None` where one of the arms has no scatter.
fn divergence(of: &[f64], from: &[f64]) -> Option<f64> {
    let (own, other) = (variance(of), variance(from));
    let apart = mean(of) - mean(from);
    (own > 0.0 && other > 0.0).then(|| 0.5 * (other / own).ln() + (own + apart * apart) / (2.0 * other) - 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    #[test]
    fn a_divergence_worked_by_hand() {
        // Means 3 and 0, variances 2 and 8: ln(2) + (2 + 9) / 16 - 1/2 = 0.693147 + 0.6875 - 0.5.
        let found = klom(&[vec![2.0], vec![4.0]], &[vec![-2.0], vec![2.0]]).unwrap();
        assert!((found.nats - 0.880_647).abs() < 1e-6, "{}", found.nats);
        assert_eq!((found.floor, found.patches), (None, 1));
    }

    #[test]
    fn an_arm_is_no_further_from_its_like_than_the_floor() {
        let mut draws = Seed(13).stream("klom").draws();
        let mut arm = |mean: f64| -> Vec<Vec<f64>> {
            (0..10).map(|_| (0..200).map(|_| mean + draws.normal()).collect()).collect()
        };
        let (retrained, like, apart) = (arm(0.0), arm(0.0), arm(3.0));
        let (same, other) = (klom(&like, &retrained).unwrap(), klom(&apart, &retrained).unwrap());
        // The floor is of half as many models, hence higher.
        assert!(same.nats < same.floor.unwrap() && other.nats > 2.0 * other.floor.unwrap(), "{same:?} {other:?}");
    }

    #[test]
    fn models_must_have_the_same_patches() {
        assert!(klom(&[vec![1.0], vec![1.0, 2.0]], &[vec![1.0], vec![2.0]]).is_err());
        assert!(klom(&[vec![1.0]], &[vec![1.0]]).is_err());
        assert!(klom(&[vec![1.0], vec![1.0]], &[vec![1.0], vec![1.0]]).is_err());
    }
}
