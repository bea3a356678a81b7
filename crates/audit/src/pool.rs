//! The scores of one arm: one number per model, and one model per seed.
//!
//! The models are the units of replication. A pool never holds two numbers of one model, so neither slices nor voxels
//! can be counted as if they were independent.

use crate::AuditError;

/// One finite score per model, in the order of the seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    what: &'static str,
    values: Vec<f64>,
}

impl Pool {
    /// Of at least two models; `what` names the arm in errors.
    ///
    /// # Errors
    /// [`AuditError::TooFew`], or [`AuditError::NotFinite`] for a model that diverged.
    pub fn new(what: &'static str, values: Vec<f64>) -> Result<Pool, AuditError> {
        if values.len() < 2 {
            return Err(AuditError::TooFew { what, found: values.len(), least: 2 });
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(position) => Err(AuditError::NotFinite { what, model: position + 1, found: values[position] }),
            None => Ok(Pool { what, values }),
        }
    }

    /// The scores, in the order of the seeds.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How the arm is called.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// How many models.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns the mean of the scores.
    pub fn mean(&self) -> f64 {
        mean(&self.values)
    }

    /// The sample variance, with `n - 1`.
    pub fn variance(&self) -> f64 {
        variance(&self.values)
    }

    /// The sample standard deviation.
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The sample standard deviation, unless the models do not differ at all.
    ///
    /// # Errors
    /// [`AuditError::NoSpread`].
    pub fn spread(&self) -> Result<f64, AuditError> {
        match self.deviation() {
            deviation if deviation > 0.0 => Ok(deviation),
            _ => Err(AuditError::NoSpread { what: self.what, value: self.values[0] }),
        }
    }

    /// How far a score lies from the mean, in sample deviations; not finite if the models do not differ.
    pub fn deviations_of(&self, score: f64) -> f64 {
        (score - self.mean()) / self.deviation()
    }

    /// The pool without one model; `None` if fewer than two are left.
    pub(crate) fn without(&self, position: usize) -> Option<Pool> {
        let mut values = self.values.clone();
        values.remove(position);
        Pool::new(self.what, values).ok()
    }

    /// Differences by seed, `self - other`.
    ///
    /// # Errors
    /// [`AuditError::Unpaired`] if there is not one model of each arm for each seed.
    pub fn differences(&self, other: &Pool) -> Result<Vec<f64>, AuditError> {
        if self.len() != other.len() {
            return Err(AuditError::Unpaired { what: self.what, left: self.len(), right: other.len() });
        }
        Ok(self.values.iter().zip(&other.values).map(|(one, other)| one - other).collect())
    }
}

/// The arithmetic mean of at least one value.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample variance of at least two values, around a mean computed first. Equal values have exactly none.
pub(crate) fn variance(values: &[f64]) -> f64 {
    if values.iter().all(|value| *value == values[0]) {
        return 0.0;
    }
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// The quantile between order statistics, as R's type 7 and numpy have it; of at least one value.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = part.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    low + (high - low) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_worked_by_hand() {
        // Deviations from 3: -2, -1, 0, 1, 2; squares sum to 10, over 4.
        let pool = Pool::new("retrained", vec![1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!((pool.mean(), pool.variance(), pool.len()), (3.0, 2.5, 5));
        assert_eq!(pool.without(4).unwrap().mean(), 2.5);
    }

    #[test]
    fn a_diverged_model_is_named_by_its_place() {
        let message = Pool::new("unlearned", vec![0.5, f64::NAN]).unwrap_err().to_string();
        assert!(message.contains("unlearned: model 2 has the score NaN"), "{message}");
        assert!(Pool::new("unlearned", vec![0.5]).is_err());
    }

    #[test]
    fn equal_models_have_no_spread_however_their_mean_rounds() {
        let pool = Pool::new("retrained", vec![0.1; 3]).unwrap();
        assert_eq!(pool.spread(), Err(AuditError::NoSpread { what: "retrained", value: 0.1 }));
    }

    #[test]
    fn quantiles_interpolate_between_order_statistics() {
        // numpy.quantile([1, 2, 4], [0, 0.25, 0.5, 1]) -> 1, 1.5, 2, 4
        let of = |part| quantile(&[4.0, 1.0, 2.0], part);
        assert_eq!([of(0.0), of(0.25), of(0.5), of(1.0)], [1.0, 1.5, 2.0, 4.0]);
    }
}
