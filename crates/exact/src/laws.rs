//! The laws of exact unlearning, on the smallest network and cohort that can break them.

use crate::plan::tests::ids;
use crate::*;
use lacuna_cohort::{Case, SubjectId};
use lacuna_inference::predict;
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Device, Network};
use lacuna_seed::Seed;
use lacuna_train::test_cases::{heads, heads_of, resnet_10, tiny_unet, train as train_ordinarily};
use lacuna_train::{NoMonitor, OptimiserConfig, Schedule, State, TrainConfig, TrainError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn one(subject: &SubjectId) -> BTreeSet<SubjectId> {
    BTreeSet::from([subject.clone()])
}

/// Some scans of heads and all settings of their training.
struct Fixture {
    cases: Vec<Case>,
    config: TrainConfig,
    origin: Origin,
    network: Network,
    folder: TempDir,
}

fn fixture(count: usize, epochs: usize) -> Fixture {
    let cases = heads(count).into_iter().zip(ids(count)).map(|(case, subject)| Case { subject, ..case }).collect();
    let schedule = Schedule::Cosine;
    let config = TrainConfig {
        epochs,
        schedule,
        head_multiplier: 1.0,
        checkpoint_epochs: 1,
        learning_rate: 1e-2,
        ..TrainConfig::default()
    };
    let [lacuna, device, kernels, settings] = ["1", "cpu", "kernels", "settings"].map(str::to_string);
    let origin = Origin { lacuna, device, kernels, settings, init: None, init_saw: None };
    Fixture { cases, config, origin, network: resnet_10(), folder: tempfile::tempdir().unwrap() }
}

impl Fixture {
    fn plan(&self, counts: [usize; 2]) -> Plan {
        let ids: Vec<SubjectId> = self.scans().into_keys().collect();
        let expected = Expectation::new(&BTreeMap::new(), &ids).unwrap();
        Plan::new(&ids, &expected, counts, self.config.epochs, Seed(7)).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn scans(&self) -> BTreeMap<SubjectId, u64> {
        let mut scans = BTreeMap::new();
        self.cases.iter().for_each(|case| *scans.entry(case.subject.clone()).or_default() += 1);
        scans
    }

    fn try_train(
        &self,
        plan: &Plan,
        folder: &str,
        parent: Option<&str>,
        observer: &mut dyn Observer,
    ) -> Result<Finished, ExactError> {
        let mut data: BTreeMap<SubjectId, String> = BTreeMap::new();
        self.cases.iter().for_each(|case| data.entry(case.subject.clone()).or_default().push_str(&case.scan));
        let training = Training {
            plan,
            data: &data,
            origin: &self.origin,
            config: &self.config,
            seed: Seed(7),
            cases: &self.cases.iter().collect::<Vec<_>>(),
            network: &self.network,
            metadata: &BTreeMap::new(),
            device: &Device::flex(),
        };
        train(&training, &self.path(folder), parent.map(|name| self.path(name)).as_deref(), observer)
    }

    fn train(&self, plan: &Plan, folder: &str, parent: Option<&str>) -> Manifest {
        self.try_train(plan, folder, parent, &mut NoObserver).unwrap().manifest
    }

    /// Erases some subjects of a trained plan and compares the outcome with training without them from the beginning.
    #[track_caller]
    fn check_erase(&self, plan: &Plan, parent: &str, leaving: &BTreeSet<SubjectId>, name: &str) -> Manifest {
        let without = plan.without(leaving).unwrap();
        let erased = self.train(&without, name, Some(parent));
        let from_scratch = self.train(&without, &format!("{name}-from-scratch"), None);
        let compared = compare(&erased, &from_scratch);
        assert!(differences(&compared).is_empty(), "{leaving:?}: {compared:?}");
        for pair in &compared {
            let bytes = |folder: &str| std::fs::read(self.path(folder).join(&pair.file)).unwrap();
            assert!(bytes(name) == bytes(&format!("{name}-from-scratch")), "{}", pair.file);
        }
        std::fs::remove_dir_all(self.path(&format!("{name}-from-scratch"))).unwrap();
        assert_eq!(erased.trained_passes, erase_passes(plan, leaving, &self.scans()).unwrap(), "{leaving:?}");
        assert_eq!(from_scratch.trained_passes, training_passes(&without, &self.scans()));
        let original = Manifest::read(&self.path(parent)).unwrap();
        assert!(!differences(&compare(&original, &erased)).is_empty());
        let digest = |folder: &str| Ensemble::open(&self.path(folder)).unwrap().digest();
        assert_ne!(digest(parent), digest(name), "the original is another model");
        erased
    }
}

#[test]
fn one_shard_of_one_slice_is_ordinary_training() {
    let fixture = fixture(2, 3);
    let manifest = fixture.train(&fixture.plan([1, 1]), "run", None);
    let mut state = State::new(resnet_10(), &fixture.config);
    train_ordinarily(&mut state, &fixture.cases, &fixture.config, 7, &mut NoMonitor).unwrap();
    let model = manifest.shards[0].model.as_ref().unwrap();
    assert_eq!((&model.network, model.passes), (&state.network.digest(), state.passes.training));
}

#[test]
fn erasing_a_subject_from_one_shard_is_training_without_them() {
    let fixture = fixture(3, 4);
    let plan = fixture.plan([1, 3]);
    fixture.train(&plan, "run", None);
    for subject in ids(3) {
        fixture.check_erase(&plan, "run", &one(&subject), subject.as_str());
    }
}

#[test]
fn erasing_a_subject_from_two_shards_of_slices_with_company_is_too() {
    let fixture = fixture(5, 3);
    let plan = fixture.plan([2, 1]);
    fixture.train(&plan, "run", None);
    let leaving = one(plan.shards()[0][0].first().unwrap());
    let erased = fixture.check_erase(&plan, "run", &leaving, "erased");
    assert!(erased.data.len() == 4 && erased.plan.subjects().len() == 4);
}

/// The settings by which a training of these tests differs from the smallest one.
#[derive(Clone, Copy, Debug)]
struct Kind {
    batch_of_two: bool,
    adamw: bool,
    two_scans_each: bool,
    begun_from_weights: bool,
}

impl Kind {
    fn every() -> impl Iterator<Item = Kind> {
        let is = |number: usize, bit: usize| number >> bit & 1 == 1;
        (0..16).map(move |number| Kind {
            batch_of_two: is(number, 0),
            adamw: is(number, 1),
            two_scans_each: is(number, 2),
            begun_from_weights: is(number, 3),
        })
    }

    /// Three subjects; two of them have two scans each if `self` has more than one scan per subject.
    fn fixture(self, network: Network, loss: SegmentationLoss) -> Fixture {
        let of_subject: &[usize] = if self.two_scans_each { &[0, 0, 1, 1, 2] } else { &[0, 1, 2] };
        let people = ids(3);
        let heads = heads_of(&network, of_subject.len()).into_iter().zip(of_subject);
        let mut fixture = fixture(1, 2);
        fixture.cases = heads.map(|(case, &who)| Case { subject: people[who].clone(), ..case }).collect();
        fixture.config.loss = loss;
        fixture.config.batch_size = if self.batch_of_two { 2 } else { 1 };
        if self.adamw {
            fixture.config.optimiser = OptimiserConfig::Adamw { weight_decay: 1e-2 };
            fixture.config.learning_rate = 1e-3;
        }
        fixture.network = network;
        if self.begun_from_weights {
            let other = Network::new(fixture.network.architecture().clone(), Seed(9), &Device::flex());
            fixture.network = other;
            fixture.origin.init = Some("of a file".to_string());
            fixture.origin.init_saw = Some(BTreeSet::new());
        }
        fixture
    }
}

#[test]
fn erasing_is_training_without_them_by_every_optimiser_batch_loss_network_number_of_scans_and_beginning() {
    let unet = Kind::every().map(|kind| (kind, kind.fixture(tiny_unet(), SegmentationLoss::Nnunet)));
    let all = Kind { batch_of_two: true, adamw: true, two_scans_each: true, begun_from_weights: true };
    let resnet = (all, all.fixture(resnet_10(), SegmentationLoss::Both));
    let mut digests = BTreeSet::new();
    for (kind, fixture) in unet.chain([resnet]) {
        let plan = fixture.plan([1, 3]);
        fixture.train(&plan, "run", None);
        for slice in [0, 1] {
            let erased = fixture.check_erase(&plan, "run", &plan.shards()[0][slice], &format!("without-{slice}"));
            assert!(
                digests.insert(erased.shards[0].model.as_ref().unwrap().network.clone()),
                "{kind:?} made no difference"
            );
        }
    }
}

#[test]
fn weights_that_saw_the_person_or_of_whom_nothing_is_known_prove_nothing_and_nothing_is_trained() {
    let mut fixture = fixture(2, 1);
    let plan = fixture.plan([1, 2]);
    let (gone, stays) = (one(plan.shards()[0][0].first().unwrap()), one(plan.shards()[0][1].first().unwrap()));
    fixture.origin.init = Some("of a file".to_string());
    for (index, (saw, said)) in [(Some(gone.clone()), "saw sub-"), (None, "--init-saw")].into_iter().enumerate() {
        fixture.origin.init_saw = saw;
        let (run, erased) = (format!("run-{index}"), format!("erased-{index}"));
        fixture.train(&plan, &run, None);
        let without = plan.without(&gone).unwrap();
        let refused = fixture.try_train(&without, &erased, Some(&run), &mut NoObserver).err().unwrap().to_string();
        assert!(refused.contains(said) && refused.contains("fix:"), "{refused}");
        assert!(!fixture.path(&erased).exists(), "nothing was begun");
    }
    fixture.origin.init_saw = Some(gone.clone());
    fixture.check_erase(&plan, "run-0", &stays, "stays-saw-nothing");
    let held = |of: &BTreeSet<SubjectId>| -> Vec<PathBuf> {
        let held = files_that_hold(&fixture.path("run-0"), of).unwrap();
        held.into_iter().filter(|one| one.holds == FileHolds::Weights).map(|one| one.file).collect()
    };
    let (start, model) = (fixture.path("run-0/start.safetensors"), model_file(&fixture.path("run-0"), 0));
    assert!(held(&gone).contains(&start) && held(&gone).contains(&model), "{:?}", held(&gone));
    assert!(!held(&stays).contains(&start) && held(&stays).contains(&model));
}

#[test]
fn together_or_one_after_another_they_leave_the_same_bytes() {
    let fixture = fixture(4, 3);
    let plan = fixture.plan([2, 2]);
    fixture.train(&plan, "run", None);
    let (a, b) = (one(plan.shards()[0][0].first().unwrap()), one(plan.shards()[1][1].first().unwrap()));
    let both: BTreeSet<SubjectId> = a.union(&b).cloned().collect();
    let together = fixture.check_erase(&plan, "run", &both, "together");
    let first = fixture.check_erase(&plan, "run", &a, "first");
    let second = fixture.check_erase(&first.plan, "first", &b, "second");
    assert!(differences(&compare(&together, &second)).is_empty());
}

#[test]
fn a_shard_that_its_last_subject_leaves_is_dropped_without_a_pass() {
    let fixture = fixture(2, 2);
    let plan = fixture.plan([2, 1]);
    fixture.train(&plan, "run", None);
    let erased = fixture.check_erase(&plan, "run", &plan.shards()[0][0], "erased");
    assert_eq!((erased.trained_passes, &erased.shards[0].model), (0, &None));
    let ensemble = Ensemble::open(&fixture.path("erased")).unwrap();
    assert_eq!(ensemble.files().collect::<Vec<_>>(), [model_file(&fixture.path("erased"), 1)]);
    assert!(matches!(plan.without(&plan.subjects()), Err(ExactError::NobodyRemains)));
}

/// An observer that asks to stop as soon as a step was taken.
#[derive(Default)]
struct StopAtOnce(bool);

impl Observer for StopAtOnce {
    fn step(&mut self, _stage: StageProgress) {
        self.0 = true;
    }

    fn wants_to_stop(&self) -> bool {
        self.0
    }
}

/// Trains in pieces of one step until the end.
fn train_by_steps(fixture: &Fixture, plan: &Plan, folder: &str, parent: Option<&str>) -> (Manifest, usize) {
    for pieces in 1.. {
        match fixture.try_train(plan, folder, parent, &mut StopAtOnce::default()) {
            Ok(finished) => return (finished.manifest, pieces),
            Err(ExactError::Train(TrainError::Interrupted { .. })) => {}
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("the loop has no end of its own")
}

#[test]
fn a_run_stopped_after_every_step_ends_in_the_same_bytes_and_so_does_an_erase() {
    let fixture = fixture(3, 2);
    let plan = fixture.plan([1, 2]);
    let straight = fixture.train(&plan, "run", None);
    let (pieces, count) = train_by_steps(&fixture, &plan, "pieces", None);
    // One step of the first slice, then two epochs of three.
    assert_eq!(count, 1 + 6);
    assert!(straight == pieces, "the manifest too");
    let without = plan.without(&one(plan.shards()[0][0].first().unwrap())).unwrap();
    let erased = fixture.train(&without, "erased", Some("run"));
    let (by_steps, _) = train_by_steps(&fixture, &without, "erased-by-steps", Some("run"));
    assert_eq!(erased, by_steps);
    let left = std::fs::read_dir(fixture.path("pieces/shard-1")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with("during")), "{left:?}");
}

#[test]
fn what_is_damaged_in_a_run_under_way_is_made_again() {
    let fixture = fixture(3, 2);
    let plan = fixture.plan([1, 3]);
    let straight = fixture.train(&plan, "run", None);
    let expected = straight.shards.clone();
    flip_a_bit(&fixture.path("run/shard-1/before-slice-2.safetensors"));
    std::fs::remove_file(fixture.path("run/shard-1/before-slice-3.safetensors")).unwrap();
    std::fs::remove_file(fixture.path("run/shard-1/model.safetensors")).unwrap();
    assert_eq!(fixture.train(&plan, "run", None).shards, expected);
}

#[test]
fn files_that_hold_a_subject_are_those_trained_on_it_and_those_that_name_it() {
    let fixture = fixture(3, 2);
    let plan = fixture.plan([1, 3]);
    fixture.train(&plan, "run", None);
    std::fs::write(fixture.path("run/other.txt"), "nobody").unwrap();
    let held = |slice: usize| -> Vec<String> {
        let held = files_that_hold(&fixture.path("run"), &plan.shards()[0][slice]).unwrap();
        held.iter().map(|one| one.file.file_name().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(held(2), ["exact.json", "metrics.jsonl", "model.safetensors"]);
    assert_eq!(held(1), ["exact.json", "before-slice-3.safetensors", "metrics.jsonl", "model.safetensors"]);
    assert_eq!(held(0)[1], "before-slice-2.safetensors");
}

#[test]
fn what_never_saw_a_subject_stays_under_a_manifest_without_them_and_an_erase_takes_it_over() {
    let fixture = fixture(4, 3);
    let plan = fixture.plan([2, 2]);
    let manifest = fixture.train(&plan, "run", None);
    let run = fixture.path("run");
    let others = |of: &BTreeSet<SubjectId>, manifest: &Manifest| files_of_others(&run, manifest, of).unwrap();
    for (shard, slices) in plan.shards().iter().enumerate() {
        for (slice, leaving) in slices.iter().enumerate() {
            let rest = without(&manifest, leaving).unwrap();
            assert_eq!(rest.plan, plan.without(leaving).unwrap());
            assert!(!serde_json::to_string(&rest).unwrap().contains(leaving.first().unwrap().as_str()));
            // All files but those that `files_that_hold` lists, and nothing else.
            let held: BTreeSet<PathBuf> =
                files_that_hold(&run, leaving).unwrap().into_iter().map(|held| held.file).collect();
            let all: BTreeSet<PathBuf> = others(&BTreeSet::new(), &manifest);
            assert_eq!(others(leaving, &manifest), all.difference(&held).cloned().collect(), "{shard} {slice}");
            assert!(others(leaving, &manifest).contains(&model_file(&run, 1 - shard)), "the other shard's model stays");
            assert!(!others(leaving, &manifest).contains(&model_file(&run, shard)));
        }
    }
    // Read back with its seal, the manifest is the beginning of the training of that plan, and gives the same bytes.
    let leaving = &plan.shards()[0][1];
    let mut rest = without(&manifest, leaving).unwrap();
    let text = rest.sealed();
    for held in files_that_hold(&run, leaving).unwrap() {
        std::fs::remove_file(held.file).unwrap();
    }
    std::fs::write(run.join(crate::MANIFEST), text).unwrap();
    let finished = fixture.train(&rest.plan, "run", None);
    let straight = fixture.train(&rest.plan, "straight", None);
    let models = |manifest: &Manifest| manifest.shards.iter().map(|files| files.model.clone()).collect::<Vec<_>>();
    assert_eq!(models(&finished), models(&straight));
    flip_a_bit(&model_file(&run, 1));
    assert!(!others(leaving, &rest).contains(&model_file(&run, 1)), "other bytes are nobody's");
    // No subject remains, or it is unknown whom the initial weights were trained on.
    assert!(without(&manifest, &plan.subjects()).is_none());
    let begun = |saw| {
        let mut begun = manifest.clone();
        (begun.init, begun.init_saw) = (Some("i".to_string()), saw);
        begun
    };
    assert!(without(&begun(None), leaving).is_none() && without(&begun(Some(leaving.clone())), leaving).is_none());
    assert!(without(&begun(Some(BTreeSet::new())), leaving).is_some());
}

#[test]
fn what_is_not_as_it_was_is_refused_by_name() {
    let mut fixture = fixture(2, 2);
    let plan = fixture.plan([1, 2]);
    fixture.train(&plan, "run", None);
    let without = plan.without(&plan.shards()[0][1]).unwrap();
    let refused = |fixture: &Fixture, folder: &str| {
        fixture.try_train(&without, folder, Some("run"), &mut NoObserver).err().unwrap().to_string()
    };
    flip_a_bit(&fixture.path("run/start.safetensors"));
    let message = refused(&fixture, "damaged");
    assert!(message.contains("start.safetensors: digest") && message.contains("fix"), "{message}");
    flip_a_bit(&fixture.path("run/shard-1/model.safetensors"));
    let ensemble = Ensemble::open(&fixture.path("run")).unwrap();
    let said = ensemble.average(&Device::flex(), &mut |_| Ok(Vec::new()));
    assert!(said.unwrap_err().to_string().contains("model.safetensors"));
    fixture.origin.settings = "others".to_string();
    assert!(refused(&fixture, "other").contains("settings: expected settings, found others"));
    fixture.origin.kernels = "others".to_string();
    assert!(refused(&fixture, "other").contains("erase with the build of lacuna that trained it"));
    fixture.origin.device = "cpu/another".to_string();
    assert!(refused(&fixture, "other").contains("give --device and --isa as it was trained with"));
    fixture.origin.lacuna = "2".to_string();
    assert!(refused(&fixture, "other").contains("erase with the version that trained it"));
    let message = fixture.try_train(&plan, "run", None, &mut NoObserver).err().unwrap().to_string();
    assert!(message.contains("start a new run"), "{message}");
}

fn flip_a_bit(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn two_shards_say_the_mean_of_both() {
    let fixture = fixture(2, 1);
    fixture.train(&fixture.plan([2, 1]), "run", None);
    let ensemble = Ensemble::open(&fixture.path("run")).unwrap();
    let (case, device, mut each) = (&fixture.cases[0], Device::flex(), Vec::new());
    let mean = ensemble
        .average(&device, &mut |network| {
            let said = predict(network, case, &device)?;
            each.push(said.clone());
            Ok(vec![said])
        })
        .unwrap();
    assert_eq!(each.len(), 2);
    assert_ne!(each[0], each[1]);
    let expected = (f64::from(each[0].probabilities[5]) + f64::from(each[1].probabilities[5])) / 2.0;
    assert_eq!(mean[0].probabilities[5], expected as f32);
}
