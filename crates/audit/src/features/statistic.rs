//! The features by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One number of a subject and a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// The trimmed mean of voxel margins within two voxels of a label boundary: the primary one by default.
    BandMargin,
    /// Mean cross-entropy where the truth is no background, in nats.
    CrossEntropyForeground,
    /// Mean cross-entropy in the boundary band.
    CrossEntropyBand,
    /// Mean cross-entropy in the background.
    CrossEntropyBackground,
    /// Dice of the probabilities, mean over the classes present.
    SoftDice,
    /// Dice of the most probable classes.
    HardDice,
    /// The usual 95 % Hausdorff distance of the most probable classes, mean over the classes present, in voxels of the
    /// output grid.
    #[serde(rename = "hausdorff-95")]
    Hausdorff95,
    /// Mean entropy of the prediction, in nats.
    Entropy,
    /// The 90th percentile over patches of their mean cross-entropy.
    PatchTail,
    /// Band margin of the scan minus the mean of its seven mirror images'.
    AugmentationGap,
    /// The natural logarithm of the L2 norm of the mean cross-entropy's gradient by all weights: small where there is
    /// nothing left to learn of the subject. It looks inside the model.
    GradientNorm,
}

impl Statistic {
    /// Every one, in the order of tables.
    pub const ALL: [Statistic; 11] = [
        Statistic::BandMargin,
        Statistic::CrossEntropyForeground,
        Statistic::CrossEntropyBand,
        Statistic::CrossEntropyBackground,
        Statistic::SoftDice,
        Statistic::HardDice,
        Statistic::Hausdorff95,
        Statistic::Entropy,
        Statistic::PatchTail,
        Statistic::AugmentationGap,
        Statistic::GradientNorm,
    ];

    /// As files and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::BandMargin => "band-margin",
            Statistic::CrossEntropyForeground => "cross-entropy-foreground",
            Statistic::CrossEntropyBand => "cross-entropy-band",
            Statistic::CrossEntropyBackground => "cross-entropy-background",
            Statistic::SoftDice => "soft-dice",
            Statistic::HardDice => "hard-dice",
            Statistic::Hausdorff95 => "hausdorff-95",
            Statistic::Entropy => "entropy",
            Statistic::PatchTail => "patch-tail",
            Statistic::AugmentationGap => "augmentation-gap",
            Statistic::GradientNorm => "gradient-norm",
        }
    }

    /// Whether one expects more of it from a model that was trained on the subject. The audit itself takes the
    /// direction from the originals.
    pub fn is_larger_if_known(self) -> bool {
        use Statistic::*;
        matches!(self, BandMargin | SoftDice | HardDice | AugmentationGap)
    }
}

/// The features of a subject under one model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Features(BTreeMap<Statistic, f64>);

impl Features {
    /// Sets the value of one statistic.
    pub fn set(&mut self, statistic: Statistic, value: f64) {
        self.0.insert(statistic, value);
    }

    /// One, if it is known.
    pub fn get(&self, statistic: Statistic) -> Option<f64> {
        self.0.get(&statistic).copied()
    }

    /// Each that is known, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Statistic, f64)> {
        self.0.iter().map(|(statistic, value)| (*statistic, *value))
    }

    /// The mean over a subject's scans, of each feature that all of them have. `None` without a scan.
    pub fn mean(scans: &[Features]) -> Option<Features> {
        let first = scans.first()?;
        let mean = |statistic: Statistic| {
            let values: Option<Vec<f64>> = scans.iter().map(|scan| scan.get(statistic)).collect();
            values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
        };
        Some(Features(first.0.keys().filter_map(|statistic| Some((*statistic, mean(*statistic)?))).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_are_those_of_files() {
        let names: BTreeSet<&str> = Statistic::ALL.iter().map(|statistic| statistic.name()).collect();
        assert_eq!(names.len(), Statistic::ALL.len());
        for statistic in Statistic::ALL {
            assert_eq!(serde_json::to_value(statistic).unwrap(), statistic.name());
        }
    }

    #[test]
    fn a_subject_has_the_mean_of_its_scans_where_all_have_one() {
        let scan = |margin: f64, dice: Option<f64>| {
            let mut features = Features::default();
            features.set(Statistic::BandMargin, margin);
            dice.into_iter().for_each(|dice| features.set(Statistic::HardDice, dice));
            features
        };
        let mean = Features::mean(&[scan(1.0, Some(0.5)), scan(2.0, None)]).unwrap();
        assert_eq!((mean.get(Statistic::BandMargin), mean.get(Statistic::HardDice)), (Some(1.5), None));
        assert_eq!(Features::mean(&[]), None);
    }
}
