//! What a plan costs, as a record and as a table.

use crate::text_table::aligned;
use lacuna_cohort::SubjectId;
use lacuna_exact::{Expectation, Plan, SubjectCost, ordinary_passes, subject_costs, training_passes};
use serde::Serialize;
use std::collections::BTreeMap;

/// A plan and what training it and erasing from it cost.
#[derive(Clone, Debug, Serialize)]
pub struct Costs {
    pub shards: usize,
    pub slices: usize,
    /// Epochs of the stage that begins with each slice.
    pub epochs_per_stage: Vec<usize>,
    /// Passes of training it from the beginning.
    pub training_passes: u64,
    /// Passes of ordinary training.
    pub ordinary_passes: u64,
    /// Every subject that can be erased, with the cost of it.
    pub subjects: Vec<SubjectCost>,
    /// How many requests are expected.
    pub expected_requests: f64,
    /// Passes that all requests expected take, each alone and from the model as trained.
    pub expected_passes: f64,
    /// Those of one request on average; none if no request is expected.
    pub expected_passes_per_request: Option<f64>,
    /// The same as a share of ordinary training without the subject.
    pub expected_of_retraining: Option<f64>,
}

impl Costs {
    /// Of a plan; `epochs` are those of ordinary training.
    pub fn of(plan: &Plan, epochs: usize, expected: &Expectation, scans: &BTreeMap<SubjectId, u64>) -> Costs {
        let subjects = subject_costs(plan, epochs, expected, scans);
        let weighted =
            |of: &dyn Fn(&SubjectCost) -> f64| subjects.iter().map(|one| one.probability * of(one)).sum::<f64>();
        let requests = weighted(&|_| 1.0);
        let passes = weighted(&|one| one.erase_passes as f64);
        let per_request = |total: f64| (requests > 0.0).then_some(total / requests);
        Costs {
            shards: plan.shards().len(),
            slices: plan.epochs().len(),
            epochs_per_stage: plan.epochs().to_vec(),
            training_passes: training_passes(plan, scans),
            ordinary_passes: ordinary_passes(epochs, &plan.subjects(), scans),
            expected_requests: requests,
            expected_passes: passes,
            expected_passes_per_request: per_request(passes),
            expected_of_retraining: per_request(weighted(&|one| one.of_retraining)),
            subjects,
        }
    }
}

/// The costs for people.
pub fn table(costs: &Costs) -> String {
    let head = ["shard", "slice", "subject", "scans", "asks", "passes to erase", "of retraining"].map(str::to_string);
    let mut rows = vec![head.to_vec()];
    rows.extend(costs.subjects.iter().map(|one| {
        vec![
            one.shard.to_string(),
            one.slice.to_string(),
            one.subject.to_string(),
            one.scans.to_string(),
            format!("{:.3}", one.probability),
            one.erase_passes.to_string(),
            format!("{:.1} %", 100.0 * one.of_retraining),
        ]
    }));
    let expected = match (costs.expected_passes_per_request, costs.expected_of_retraining) {
        (Some(passes), Some(share)) => format!(
            "{:.2} requests, {:.1} passes in all; of one request {passes:.1}, {:.1} % of retraining",
            costs.expected_requests,
            costs.expected_passes,
            100.0 * share
        ),
        _ => "no request".to_string(),
    };
    format!(
        "{}\nstages    epochs {}\ntraining  {} passes; ordinary training {}\nexpected  {expected}\n",
        aligned(&rows),
        costs.epochs_per_stage.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        costs.training_passes,
        costs.ordinary_passes
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::ExactConfig;
    use std::collections::BTreeSet;

    #[test]
    fn expected_costs_are_weighted_by_who_asks() {
        // Slices of one, 20 epochs over 4: 8 each. A subject that asks for certain stands last and leaves for nothing.
        let subjects: BTreeSet<SubjectId> = (0..4).map(|n| SubjectId::new(format!("sub-{n}")).unwrap()).collect();
        let scans = subjects.iter().map(|subject| (subject.clone(), 1)).collect();
        let cost = |expect: &[(&str, f64)]| {
            let expect = expect.iter().map(|(name, p)| (name.to_string(), *p)).collect();
            let config = ExactConfig { expect, ..ExactConfig::default() };
            let (expected, plan) = config.plan(&subjects, 20, 0).unwrap();
            Costs::of(&plan, 20, &expected, &scans)
        };
        let equal = cost(&[]);
        // (48 + 40 + 24 + 0) / 4 passes, of 60 that retraining takes.
        assert_eq!((equal.expected_passes_per_request, equal.expected_requests), (Some(28.0), 1.0));
        assert!((equal.expected_of_retraining.unwrap() - 28.0 / 60.0).abs() < 1e-12);
        let certain = cost(&[("sub-2", 1.0), ("*", 0.0)]);
        assert_eq!((certain.expected_passes, certain.expected_requests), (0.0, 1.0));
        let nobody = cost(&[("*", 0.0)]);
        assert_eq!(nobody.expected_passes_per_request, None);
        assert!(table(&nobody).contains("no request") && table(&equal).contains("of one request 28.0"));
    }
}
