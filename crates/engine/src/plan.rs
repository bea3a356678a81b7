//! A plan: the tasks of a study in a file that is written once.
//!
//! `plan.jsonl` has one object per line: what the plan is of, then one task per line. Tasks are ordered by layer, those
//! that need nothing first, so that each layer is a range of indices; within a layer they keep the study's order. A
//! study file is named, not copied, since its paths go out from where it lies and it may name people; its digest is
//! part of the plan.

use crate::EngineError;
use lacuna_objects::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The format; it changes when a reader would have to.
const SCHEMA: &str = "lacuna.plan/1";
const FILE: &str = "plan.jsonl";
/// About a million tasks.
const BYTES_MAX: u64 = 1 << 29;

/// What a plan is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The study's name.
    pub study: String,
    /// Its file.
    pub file: PathBuf,
    /// The digest of that file.
    pub file_digest: String,
    /// Where the records of finished tasks lie.
    pub records: Address,
    /// Where models lie.
    pub models: Address,
    /// Whether the study was planned with subject ids replaced.
    pub pseudonyms: bool,
    /// Where to compute, as the command line names it.
    pub device: String,
    /// The one instruction set that is computed with, if that was asked for.
    pub isa: Option<String>,
    /// What the names of tasks say of the device they were planned on; nothing on x86-64 with AVX2 or AVX-512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_device: Option<String>,
    /// lacuna's version, which the names of tasks depend on.
    pub version: String,
}

/// What kind of run a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Training from the beginning.
    Train,
    /// Unlearning.
    Unlearn,
    /// A question to a model.
    Probe,
}

impl TaskKind {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            TaskKind::Train => "train",
            TaskKind::Unlearn => "unlearn",
            TaskKind::Probe => "probe",
        }
    }
}

/// A task before it has a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The digest that names the run.
    pub key: String,
    /// What it is.
    pub kind: TaskKind,
    /// The same in words.
    pub what: String,
    /// Its seed.
    pub seed: u64,
    /// The keys of the tasks that must be done before it.
    pub needs: Vec<String>,
    /// Volumes forward and backward.
    pub passes: u64,
    /// Seconds on one core, as estimated.
    pub core_seconds: f64,
    /// Memory, as estimated.
    pub gib: f64,
}

/// A task of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTask {
    /// Its number, from 0.
    pub index: usize,
    /// The digest that names the run.
    pub key: String,
    /// What it is.
    pub kind: TaskKind,
    /// The same in words.
    pub what: String,
    /// Its seed.
    pub seed: u64,
    /// How many tasks, one after the other, must be done before it.
    pub layer: usize,
    /// The numbers of the tasks that it needs.
    pub needs: Vec<usize>,
    /// Volumes forward and backward.
    pub passes: u64,
    /// Seconds on one core, as estimated.
    pub core_seconds: f64,
    /// Memory, as estimated.
    pub gib: f64,
}

/// The tasks of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it is of.
    pub about: About,
    /// In order of their numbers.
    pub tasks: Vec<PlannedTask>,
}

/// What a plan is of, its digest, one of its tasks, and the keys of those that the task needs.
pub type TaskOfPlan = (About, String, PlannedTask, Vec<String>);

/// The first line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: String,
    about: About,
    tasks: usize,
    /// BLAKE3 of `about` as JSON, a line break, and the lines that follow.
    digest: String,
}

impl Plan {
    /// The plan of some tasks, what is needed first in front.
    ///
    /// # Panics
    /// If a task needs one that does not stand before it: a study's tasks do.
    pub fn new(about: About, drafts: Vec<Draft>) -> Plan {
        let mut layers: BTreeMap<&str, usize> = BTreeMap::new();
        for draft in &drafts {
            let below = draft.needs.iter().map(|key| 1 + layers[key.as_str()]);
            layers.insert(&draft.key, below.max().unwrap_or(0));
        }
        let mut order: Vec<&Draft> = drafts.iter().collect();
        order.sort_by_key(|draft| layers[draft.key.as_str()]);
        let numbers: BTreeMap<&str, usize> =
            order.iter().enumerate().map(|(index, draft)| (draft.key.as_str(), index)).collect();
        let tasks = order.iter().enumerate().map(|(index, draft)| PlannedTask {
            index,
            key: draft.key.clone(),
            kind: draft.kind,
            what: draft.what.clone(),
            seed: draft.seed,
            layer: layers[draft.key.as_str()],
            needs: draft.needs.iter().map(|key| numbers[key.as_str()]).collect(),
            passes: draft.passes,
            core_seconds: draft.core_seconds,
            gib: draft.gib,
        });
        let tasks = tasks.collect();
        Plan { about, tasks }
    }

    /// The file of a plan: `plan.jsonl` in its folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Write it into its folder, where it stays as it is; its digest comes back.
    ///
    /// # Errors
    /// [`EngineError::AnotherPlan`] if another one is there, or the disk's own.
    pub fn write(&self, folder: &Path) -> Result<String, EngineError> {
        let path = Plan::path(folder);
        let lines: String = self.tasks.iter().map(|task| line(task) + "\n").collect();
        let digest = digest(&self.about, &lines);
        let head = Head {
            schema: SCHEMA.to_string(),
            about: self.about.clone(),
            tasks: self.tasks.len(),
            digest: digest.clone(),
        };
        let text = line(&head) + "\n" + &lines;
        if lacuna_disk::write_new(&path, text.as_bytes())?
            || lacuna_disk::read_bytes(&path, BYTES_MAX)? == text.as_bytes()
        {
            return Ok(digest);
        }
        Err(EngineError::AnotherPlan { path })
    }

    /// The plan in a folder, with its digest.
    ///
    /// # Errors
    /// A file that is not there or not as it was written.
    pub fn read(folder: &Path) -> Result<(Plan, String), EngineError> {
        let text = PlanText::read(folder)?;
        let tasks = text.lines.lines().map(|line| text.parse(line)).collect::<Result<_, _>>()?;
        Ok((Plan { about: text.head.about, tasks }, text.head.digest))
    }

    /// One task of the plan in a folder, without reading the others.
    ///
    /// # Errors
    /// As [`Plan::read`], and a number that the plan does not have.
    pub fn read_task(folder: &Path, index: usize) -> Result<TaskOfPlan, EngineError> {
        let text = PlanText::read(folder)?;
        let of = |index: usize| -> Result<PlannedTask, EngineError> {
            let line = text.lines.lines().nth(index);
            text.parse(line.ok_or(EngineError::NoTask { found: index, tasks: text.head.tasks })?)
        };
        let task = of(index)?;
        let needs = task.needs.iter().map(|&index| Ok(of(index)?.key)).collect::<Result<_, EngineError>>()?;
        Ok((text.head.about, text.head.digest, task, needs))
    }

    /// The layers, each a range of numbers; what is needed lies in an earlier one.
    pub fn layers(&self) -> Vec<Range<usize>> {
        let chunks = self.tasks.chunk_by(|one, next| one.layer == next.layer);
        chunks.map(|chunk| chunk[0].index..chunk[chunk.len() - 1].index + 1).collect()
    }
}

/// The file before its tasks are parsed.
struct PlanText {
    path: PathBuf,
    head: Head,
    lines: String,
}

impl PlanText {
    fn read(folder: &Path) -> Result<PlanText, EngineError> {
        let path = Plan::path(folder);
        let text = lacuna_disk::read_text(&path, BYTES_MAX)?;
        let (first, lines) = text.split_once('\n').unwrap_or((&text, ""));
        let unfit = |found: String, fix| EngineError::NotAPlan { path: path.clone(), found, fix };
        let head: Head = serde_json::from_str(first)
            .map_err(|error| unfit(error.to_string(), "give the folder that `lacuna study plan --out` made"))?;
        if head.schema != SCHEMA {
            return Err(unfit(format!("the format {}", head.schema), "plan again with this lacuna"));
        }
        if digest(&head.about, lines) != head.digest || lines.lines().count() != head.tasks {
            return Err(unfit("one that was changed".to_string(), "plan again into another folder"));
        }
        Ok(PlanText { path, head, lines: lines.to_string() })
    }

    fn parse(&self, line: &str) -> Result<PlannedTask, EngineError> {
        serde_json::from_str(line).map_err(|error| EngineError::NotAPlan {
            path: self.path.clone(),
            found: error.to_string(),
            fix: "plan again with this lacuna",
        })
    }
}

fn digest(about: &About, lines: &str) -> String {
    lacuna_disk::digest((line(about) + "\n" + lines).as_bytes())
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data is JSON")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn about() -> About {
        About {
            study: "small".to_string(),
            file: "/studies/small.toml".into(),
            file_digest: "ab".to_string(),
            records: PathBuf::from("/records").into(),
            models: PathBuf::from("/models").into(),
            pseudonyms: false,
            device: "cpu".to_string(),
            isa: None,
            named_device: None,
            version: "0".to_string(),
        }
    }

    pub(crate) fn draft(key: &str, kind: TaskKind, needs: &[&str]) -> Draft {
        Draft {
            key: key.to_string(),
            kind,
            what: format!("the task {key}"),
            seed: 0,
            needs: needs.iter().map(|key| key.to_string()).collect(),
            passes: 10,
            core_seconds: 120.0,
            gib: 0.5,
        }
    }

    /// Two trainings, what is unlearned from the first, probes of that and of the second, in a study's own order.
    pub(crate) fn small() -> Plan {
        let drafts = vec![
            draft("o", TaskKind::Train, &[]),
            draft("u", TaskKind::Unlearn, &["o"]),
            draft("p", TaskKind::Probe, &["u"]),
            draft("r", TaskKind::Train, &[]),
            draft("q", TaskKind::Probe, &["r"]),
        ];
        Plan::new(about(), drafts)
    }

    #[test]
    fn tasks_are_numbered_by_layer_and_otherwise_keep_their_order() {
        let plan = small();
        let keys: Vec<&str> = plan.tasks.iter().map(|task| task.key.as_str()).collect();
        assert_eq!(keys, ["o", "r", "u", "q", "p"]);
        assert_eq!(plan.layers(), [0..2, 2..4, 4..5]);
        let needs: Vec<&[usize]> = plan.tasks.iter().map(|task| task.needs.as_slice()).collect();
        assert_eq!(needs, [&[] as &[usize], &[], &[0], &[1], &[2]]);
        assert_eq!(Plan::new(about(), Vec::new()).layers(), []);
    }

    #[test]
    fn a_plan_reads_back_as_written_and_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let digest = small().write(folder.path()).unwrap();
        assert_eq!(Plan::read(folder.path()).unwrap(), (small(), digest.clone()));
        assert_eq!(small().write(folder.path()).unwrap(), digest, "the same again is no other plan");
        let other = Plan { about: About { isa: Some("avx2".to_string()), ..about() }, ..small() };
        assert!(matches!(other.write(folder.path()), Err(EngineError::AnotherPlan { .. })));
        assert_eq!(Plan::read(folder.path()).unwrap().1, digest);
    }

    #[test]
    fn one_task_is_read_with_the_names_of_what_it_needs() {
        let folder = tempfile::tempdir().unwrap();
        let written = small().write(folder.path()).unwrap();
        let (read, digest, task, needs) = Plan::read_task(folder.path(), 4).unwrap();
        assert_eq!((read, digest, task.key.as_str(), needs), (about(), written, "p", vec!["u".to_string()]));
        let message = Plan::read_task(folder.path(), 5).unwrap_err().to_string();
        assert!(message.contains("expected 0 to 4, found 5"), "{message}");
    }

    #[test]
    fn a_plan_with_any_byte_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        small().write(folder.path()).unwrap();
        let path = Plan::path(folder.path());
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, changed).unwrap();
            // Where it can be read, the plan is the same: white space in the head decides nothing.
            assert!(Plan::read(folder.path()).map_or(true, |(plan, _)| plan == small()), "byte {at}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
        assert!(Plan::read(folder.path()).is_err(), "cut short");
    }
}
