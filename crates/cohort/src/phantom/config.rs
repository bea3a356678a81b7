//! What a user may ask of the synthetic cohort.

use super::Contrast;
use lacuna_seed::Seed;
use lacuna_volume::SpacingMm;
use serde::{Deserialize, Serialize};

/// The recipe of a synthetic cohort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhantomConfig {
    /// How many subjects the cohort has.
    pub subjects: usize,
    /// Voxels along i (to the right), j (to the front) and k (up).
    pub dims: [usize; 3],
    /// Voxel edges along i, j and k. The head is about 180 x 205 x 150 mm; what does not fit is cut off.
    pub spacing_mm: SpacingMm,
    /// One image per sequence, in this order, on one grid.
    pub channels: Vec<Contrast>,
    /// What every draw follows from, together with the subject's index.
    #[serde(with = "SeedNumber")]
    pub seed: Seed,
    /// The subjects that carry an odd lesion; all others are ordinary.
    pub memorable: Vec<Memorable>,
    /// How far the coil's sensitivity strays from 1 over the head: 0.2 is from about 0.8 to 1.2.
    pub bias_field: f64,
    /// Standard deviation of the noise in each of the two receiver channels, as a fraction of the brightest tissue.
    pub noise: f64,
}

/// A subject with an odd lesion, and how odd.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memorable {
    /// The subject's index, counted from 0.
    pub subject: usize,
    /// 0 is an ordinary subject; the lesion's volume is proportional to the dial, up to about a third of the brain at
    /// 1.
    pub dial: f64,
}

/// A recipe that makes no cohort.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhantomConfigError {
    /// A number outside its range.
    #[error("phantom: `{field}` is {found}, expected {expected}")]
    OutOfRange {
        /// The key as written in the configuration.
        field: String,
        /// The accepted values.
        expected: &'static str,
        /// The value that was given.
        found: String,
    },
    /// The dial of a subject that is not in the cohort.
    #[error("phantom: `memorable` names subject {subject}, but the cohort has {subjects}: expected 0 to {}", subjects - 1)]
    NoSuchSubject {
        /// The index as given.
        subject: usize,
        /// How many subjects there are.
        subjects: usize,
    },
    /// Two dials for one subject.
    #[error("phantom: `memorable` names subject {subject} twice: keep one")]
    DialTwice {
        /// The index as given.
        subject: usize,
    },
}

/// How serde sees a seed: as its number.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Seed")]
struct SeedNumber(u64);

impl Default for PhantomConfig {
    /// Seven ordinary T1 heads, small enough to train on in minutes.
    fn default() -> PhantomConfig {
        PhantomConfig {
            subjects: 7,
            dims: [64, 72, 48],
            spacing_mm: SpacingMm([3.0, 3.0, 3.2]),
            channels: vec![Contrast::T1],
            seed: Seed(0),
            memorable: Vec::new(),
            bias_field: 0.15,
            noise: 0.02,
        }
    }
}

impl PhantomConfig {
    /// The default cohort on another lattice that covers the same field of view, 192 x 216 x 153.6 mm.
    pub fn with_dims(dims: [usize; 3]) -> PhantomConfig {
        let usual = PhantomConfig::default();
        let edge_mm = |axis: usize| usual.spacing_mm.0[axis] * (usual.dims[axis] as f64 / dims[axis].max(1) as f64);
        PhantomConfig { dims, spacing_mm: SpacingMm(std::array::from_fn(edge_mm)), ..usual }
    }

    /// The grid and the sequences of MRBrainS18: 240 x 240 x 48 voxels of 0.958 x 0.958 x 3 mm; T1, IR and FLAIR.
    pub fn mrbrains() -> PhantomConfig {
        PhantomConfig {
            dims: [240, 240, 48],
            spacing_mm: SpacingMm([0.958, 0.958, 3.0]),
            channels: vec![Contrast::T1, Contrast::Ir, Contrast::Flair],
            ..PhantomConfig::default()
        }
    }

    /// How memorable a subject is: its dial, or 0 for one that `memorable` does not name.
    pub fn dial(&self, index: usize) -> f64 {
        self.memorable.iter().find(|entry| entry.subject == index).map_or(0.0, |entry| entry.dial)
    }

    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`PhantomConfigError`] with the first value that is not.
    pub fn check(&self) -> Result<(), PhantomConfigError> {
        let non_negative = |x: f64| x.is_finite() && x >= 0.0;
        demand(self.subjects > 0, "subjects", "at least 1", self.subjects)?;
        demand(
            self.dims.iter().all(|&n| (1..=512).contains(&n)),
            "dims",
            "1 to 512 per axis",
            format!("{:?}", self.dims),
        )?;
        let edges = self.spacing_mm.0;
        demand(
            edges.iter().all(|x| x.is_finite() && *x > 0.0),
            "spacing_mm",
            "positive numbers",
            format!("{edges:?}"),
        )?;
        demand(!self.channels.is_empty(), "channels", "at least one of t1, ir, flair", "none")?;
        demand((0.0..1.0).contains(&self.bias_field), "bias_field", "0 or more, below 1", self.bias_field)?;
        demand(non_negative(self.noise), "noise", "0 or more", self.noise)?;
        self.memorable.iter().enumerate().try_for_each(|(position, entry)| self.check_memorable(position, entry))
    }

    fn check_memorable(&self, position: usize, entry: &Memorable) -> Result<(), PhantomConfigError> {
        let Memorable { subject, dial } = *entry;
        demand((0.0..=1.0).contains(&dial), &format!("memorable[{position}].dial"), "0 to 1", dial)?;
        if subject >= self.subjects {
            return Err(PhantomConfigError::NoSuchSubject { subject, subjects: self.subjects });
        }
        if self.memorable[..position].iter().any(|earlier| earlier.subject == subject) {
            return Err(PhantomConfigError::DialTwice { subject });
        }
        Ok(())
    }
}

fn demand(
    holds: bool,
    field: &str,
    expected: &'static str,
    found: impl std::fmt::Display,
) -> Result<(), PhantomConfigError> {
    if holds {
        return Ok(());
    }
    Err(PhantomConfigError::OutOfRange { field: field.to_string(), expected, found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_survives_a_round_trip() {
        let config =
            PhantomConfig { memorable: vec![Memorable { subject: 2, dial: 0.5 }], ..PhantomConfig::mrbrains() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<PhantomConfig>(&text).unwrap(), config);
    }

    #[test]
    fn missing_keys_take_the_default_and_unknown_keys_are_refused() {
        let config: PhantomConfig = serde_json::from_str(r#"{"seed": 9, "channels": ["t1", "flair"]}"#).unwrap();
        assert_eq!(
            config,
            PhantomConfig { seed: Seed(9), channels: vec![Contrast::T1, Contrast::Flair], ..Default::default() }
        );
        assert!(serde_json::from_str::<PhantomConfig>(r#"{"sed": 9}"#).is_err());
    }

    #[test]
    fn another_lattice_keeps_the_field_of_view() {
        let config = PhantomConfig::with_dims([16, 18, 12]);
        assert_eq!(config.spacing_mm, SpacingMm([12.0, 12.0, 12.8]));
    }

    #[track_caller]
    fn check_refused(change: impl Fn(&mut PhantomConfig), message: &str) {
        let mut config = PhantomConfig::default();
        config.check().expect("the default is good");
        change(&mut config);
        assert_eq!(config.check().unwrap_err().to_string(), message);
    }

    #[test]
    fn what_makes_no_cohort_is_refused_by_name() {
        let memorable = |subject, dial| Memorable { subject, dial };
        check_refused(|c| c.subjects = 0, "phantom: `subjects` is 0, expected at least 1");
        check_refused(|c| c.dims[1] = 0, "phantom: `dims` is [64, 0, 48], expected 1 to 512 per axis");
        check_refused(|c| c.noise = f64::NAN, "phantom: `noise` is NaN, expected 0 or more");
        check_refused(
            |c| c.memorable = vec![memorable(0, 1.5)],
            "phantom: `memorable[0].dial` is 1.5, expected 0 to 1",
        );
        check_refused(
            |c| c.memorable = vec![memorable(7, 0.5)],
            "phantom: `memorable` names subject 7, but the cohort has 7: expected 0 to 6",
        );
        check_refused(
            |c| c.memorable = vec![memorable(3, 0.5), memorable(3, 1.0)],
            "phantom: `memorable` names subject 3 twice: keep one",
        );
    }
}
