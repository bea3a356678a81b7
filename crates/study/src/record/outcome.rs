//! Two records of one run: whether they say the same, and how far apart they are.
//!
//! A task that was begun twice, as schedulers do, ends in two records. On machines that compute alike they must agree in
//! all but what is measured by a clock; that is the cheapest test of determinism there is. Machines that round otherwise
//! train otherwise, so between them only scores can be compared.

use crate::{EpochScores, HorizonCost, Record};
use lacuna_metrics::SubjectScores;
use std::collections::BTreeMap;

impl Record {
    /// The digest of all that a run decides: the record without seconds, memory, and the seal that covers them.
    pub fn outcome(&self) -> String {
        let unmeasured = |cost: &HorizonCost| HorizonCost { seconds: 0.0, peak_mib: None, ..*cost };
        let horizons = self
            .horizons
            .iter()
            .map(|scores| EpochScores { cost: scores.cost.as_ref().map(unmeasured), ..scores.clone() });
        let decided = Record { seconds: 0.0, seal: None, horizons: horizons.collect(), ..self.clone() };
        lacuna_disk::digest(&decided.to_line())
    }

    /// The largest difference of a Dice between two records of one run; `None` where they cannot be compared: other
    /// horizons, subjects or classes, a mask that is empty in one, one that diverged.
    pub fn dice_apart(&self, other: &Record) -> Option<f64> {
        let comparable =
            self.diverged.is_some() == other.diverged.is_some() && self.horizons.len() == other.horizons.len();
        let pairs = self.horizons.iter().zip(&other.horizons);
        pairs.fold(comparable.then_some(0.0), |most, (one, other)| {
            let apart = of_scores(&one.volume, &other.volume)?.max(of_scores(&one.output, &other.output)?);
            (one.epochs == other.epochs).then_some(most?.max(apart))
        })
    }
}

fn of_scores(one: &BTreeMap<String, SubjectScores>, other: &BTreeMap<String, SubjectScores>) -> Option<f64> {
    let pairs = one.iter().zip(other);
    pairs.fold((one.len() == other.len()).then_some(0.0), |most, ((subject, one), (same, other))| {
        (subject == same).then_some(most?.max(of_subject(one, other)?))
    })
}

fn of_subject(one: &SubjectScores, other: &SubjectScores) -> Option<f64> {
    let pairs = one.classes.iter().zip(&other.classes);
    pairs.fold((one.classes.len() == other.classes.len()).then_some(0.0), |most, (one, other)| {
        let apart = match (one.dice, other.dice) {
            (Some(one), Some(other)) => (one - other).abs(),
            (None, None) => 0.0,
            _ => return None,
        };
        (one.name == other.name).then_some(most?.max(apart))
    })
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
            horizons: vec![EpochScores {
                epochs: 1,
                volume: scores.clone(),
                output: scores,
                cross_entropy: BTreeMap::new(),
                collapsed: false,
                model: None,
                cost: Some(cost),
            }],
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
        // Dice 2 * 3 / (3 + 4) and 2 * 2 / (2 + 4); the background is in neither truth.
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
        // All found, so that the background is predicted nowhere: its Dice does not exist in one of the two.
        assert_eq!(record(4).dice_apart(&record(3)), None);
        let mut other = record(3);
        other.horizons[0].output = BTreeMap::new();
        assert_eq!(record(3).dice_apart(&other), None);
    }
}
