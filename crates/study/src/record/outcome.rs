//! The comparison of two records of one run.
//!
//! A task that a scheduler ran twice has two records. On machines that compute alike they must agree in everything that
//! is not measured by a clock, which is a cheap test of determinism. Machines with different rounding train different
//! models, so only their scores can be compared.

use crate::{EpochScores, HorizonCost, Record};
use lacuna_metrics::SubjectScores;
use std::collections::BTreeMap;

impl Record {
    /// The digest of everything that a run determines: the record without seconds, memory, and the seal that covers
    /// them.
    pub fn outcome(&self) -> String {
        let unmeasured = |cost: &HorizonCost| HorizonCost { seconds: 0.0, peak_mib: None, ..*cost };
        let horizons = self
            .horizons
            .iter()
            .map(|scores| EpochScores { cost: scores.cost.as_ref().map(unmeasured), ..scores.clone() });
        let decided = Record { seconds: 0.0, seal: None, horizons: horizons.collect(), ..self.clone() };
        lacuna_disk::digest(&decided.to_line())
    }

    /// The distance between two records of one run: the largest difference, over horizons, of the Dice on the volume's
    /// grid averaged over classes and subjects. `None` if they cannot be compared: their horizons or subjects differ,
    /// or one run diverged.
    ///
    /// Averages are compared, since rounding alone can change the Dice of one small structure of one subject a lot.
    pub fn dice_apart(&self, other: &Record) -> Option<f64> {
        let comparable =
            self.diverged.is_some() == other.diverged.is_some() && self.horizons.len() == other.horizons.len();
        let pairs = self.horizons.iter().zip(&other.horizons);
        pairs.fold(comparable.then_some(0.0), |most, (one, other)| {
            let same = one.epochs == other.epochs && one.volume.keys().eq(other.volume.keys());
            let apart = (mean_dice(&one.volume)? - mean_dice(&other.volume)?).abs();
            same.then_some(most?.max(apart))
        })
    }
}

/// The mean Dice of the subjects that have one.
fn mean_dice(scores: &BTreeMap<String, SubjectScores>) -> Option<f64> {
    let dice: Vec<f64> = scores.values().filter_map(|scores| scores.mean.dice).collect();
    (!dice.is_empty()).then(|| dice.iter().sum::<f64>() / dice.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_metrics::Scorer;
    use lacuna_train::Passes;

    /// One subject and one horizon; of four voxels of the foreground so many are found.
    fn record(found: usize) -> Record {
        let mut scorer = Scorer::new(&["background".to_string(), "brain".to_string()]).unwrap();
        for voxel in 0..4 {
            scorer.add(&[0.5, 0.5], u8::from(voxel < found), 1).unwrap();
        }
        let scores = BTreeMap::from([("sub-01".to_string(), scorer.finish().unwrap())]);
        let cost = HorizonCost {
            steps: 2,
            passes: Passes::default(),
            preparation: Passes::default(),
            seconds: 1.0,
            peak_mib: Some(2.0),
        };
        Record {
            schema: crate::RECORD_SCHEMA.to_string(),
            key: "ab12".to_string(),
            model: Some("cd34".to_string()),
            parent: None,
            original: None,
            horizons: vec![EpochScores {
                epochs: 1,
                volume: scores.clone(),
                output: scores,
                cross_entropy: BTreeMap::new(),
                collapsed: false,
                model: None,
                cost: Some(cost),
            }],
            returned_epoch: None,
            diverged: None,
            passes: Passes::default(),
            preparation: Passes::default(),
            seconds: 3.0,
            history: Vec::new(),
            curve: Vec::new(),
            relearned: None,
            seal: None,
        }
    }

    #[test]
    fn a_slower_machine_has_the_same_outcome_and_another_model_has_not() {
        let mut slower = Record { seconds: 99.0, ..record(3) };
        slower.horizons[0].cost.as_mut().unwrap().seconds = 50.0;
        slower.horizons[0].cost.as_mut().unwrap().peak_mib = None;
        assert_eq!(slower.sealed().outcome(), record(3).outcome());
        assert_ne!(Record { model: None, ..record(3) }.outcome(), record(3).outcome());
        assert_ne!(record(2).outcome(), record(3).outcome());
    }

    #[test]
    fn how_far_apart_two_records_are_worked_by_hand() {
        // Dice 2 * 3 / (3 + 4) and 2 * 2 / (2 + 4) of the one class that is not background.
        let apart = record(3).dice_apart(&record(2)).unwrap();
        assert!((apart - (6.0 / 7.0 - 4.0 / 6.0)).abs() < 1e-12, "{apart}");
        assert_eq!(record(3).dice_apart(&record(3)), Some(0.0));
        assert_eq!(record(3).dice_apart(&record(2)), record(2).dice_apart(&record(3)));
    }

    #[test]
    fn records_of_another_kind_are_not_compared() {
        let diverged = Record { diverged: Some("so".to_string()), ..record(3) };
        assert_eq!(record(3).dice_apart(&diverged), None);
        assert_eq!(record(3).dice_apart(&Record { horizons: Vec::new(), ..record(3) }), None);
        let mut other = record(3);
        let scores = other.horizons[0].volume.remove("sub-01").unwrap();
        assert_eq!(record(3).dice_apart(&other), None);
        other.horizons[0].volume.insert("sub-02".to_string(), scores);
        assert_eq!(record(3).dice_apart(&other), None);
    }
}
