//! The name of a state: a digest of everything that decides its bytes.
//!
//! Subjects that are trained on later do not enter the name of a state. So a state that precedes a subject's slice has
//! the same name in the plan with the subject and in the plan without, and an erase finds it by that name.

use crate::Stage;
use lacuna_cohort::SubjectId;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that determines a state besides the stages that led to it.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The version of lacuna.
    pub lacuna: &'a str,
    /// The compute device, with its instruction set.
    pub device: &'a str,
    /// A digest of the kernels' sources.
    pub kernels: &'a str,
    /// A digest of the settings: seed, network, initial weights, loss, optimiser.
    pub settings: &'a str,
    /// A digest of each subject's prepared scans.
    pub data: &'a BTreeMap<SubjectId, String>,
}

#[derive(Serialize)]
struct Trained<'a> {
    first_epoch: usize,
    epochs: usize,
    subjects: Vec<(&'a SubjectId, &'a String)>,
}

/// The name of the state after `stages`, the first stages of a shard; without stages, of the state that all shards
/// begin from.
///
/// # Panics
/// If `identity.data` has no digest for a subject of a stage.
pub fn key_after(stages: &[Stage], identity: Identity) -> String {
    let trained: Vec<Trained> = stages
        .iter()
        .map(|stage| Trained {
            first_epoch: stage.first_epoch,
            epochs: stage.epochs,
            subjects: stage.subjects.iter().map(|subject| (subject, &identity.data[subject])).collect(),
        })
        .collect();
    let Identity { lacuna, device, kernels, settings, .. } = identity;
    let decides = ("lacuna exact state 2", lacuna, device, kernels, settings, trained);
    lacuna_disk::digest(&serde_json::to_vec(&decides).expect("plain data is JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{ids, plan};
    use std::collections::BTreeSet;

    fn data() -> BTreeMap<SubjectId, String> {
        ids(4).into_iter().map(|subject| (subject.clone(), format!("digest of {subject}"))).collect()
    }

    fn identity<'a>(settings: &'a str, data: &'a BTreeMap<SubjectId, String>) -> Identity<'a> {
        Identity { lacuna: "1", device: "cpu", kernels: "k", settings, data }
    }

    #[test]
    fn states_before_a_subject_keep_their_names_when_it_leaves_and_later_ones_do_not() {
        let (plan, data) = (plan(4, [1, 4]), data());
        let identity = identity("s", &data);
        let (with, third) = (plan.stages(0), plan.shards()[0][2].clone());
        let without = plan.without(&third).unwrap().stages(0);
        for done in 0..=2 {
            assert_eq!(key_after(&with[..done], identity), key_after(&without[..done], identity), "after {done}");
        }
        let later: BTreeSet<String> = (3..=4).map(|done| key_after(&with[..done], identity)).collect();
        assert!(!later.contains(&key_after(&without[..3], identity)));
    }

    #[test]
    fn program_device_kernels_settings_and_data_are_part_of_the_name() {
        let (plan, data) = (plan(4, [1, 4]), data());
        let key = |identity| key_after(&plan.stages(0)[..1], identity);
        let (name, of) = (|settings, data| key(identity(settings, data)), identity("s", &data));
        let others =
            [Identity { lacuna: "2", ..of }, Identity { device: "gpu", ..of }, Identity { kernels: "l", ..of }]
                .map(key);
        assert!(others.iter().all(|other| *other != key(of)), "{others:?}");
        assert_ne!(name("s", &data), name("t", &data));
        let other = data.iter().map(|(subject, digest)| (subject.clone(), format!("another {digest}"))).collect();
        assert_ne!(name("s", &data), name("s", &other));
    }
}
