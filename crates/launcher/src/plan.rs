//! A plan: the tasks of a study in a file that is written once.
//!
//! `plan.jsonl` has one object per line: the description of the plan, then one task per line. Tasks are ordered by
//! layer, those without dependencies first, so that each layer is a range of indices; within a layer they keep the
//! study's order. The study file is named and not copied, since its paths are relative to its folder and it may name
//! people; its digest is part of the plan.

use crate::LauncherError;
use lacuna_objects::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The format's name; its number rises with every change that a reader has to follow.
const SCHEMA: &str = "lacuna.plan/1";
const FILE: &str = "plan.jsonl";
/// The largest file that is read, in bytes: about a million tasks.
const BYTES_MAX: u64 = 1 << 29;

/// The study, the locations and the device that a plan was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The study's name.
    pub study: String,
    /// The path of the study file.
    pub file: PathBuf,
    /// The digest of the study file.
    pub file_digest: String,
    /// Where the records of finished tasks lie.
    pub records: Address,
    /// Where models lie.
    pub models: Address,
    /// Whether the study was planned with subject ids replaced.
    pub pseudonyms: bool,
    /// The device to compute on, as named on the command line.
    pub device: String,
    /// The only instruction set to use, if one was asked for.
    pub isa: Option<String>,
    /// The device as it enters the names of tasks; `None` on x86-64 with AVX2 or AVX-512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_device: Option<String>,
    /// The version of lacuna, which the names of tasks depend on.
    pub version: String,
}

/// The kind of run that a task makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Training from initial weights.
    Train,
    /// Unlearning a subject from a trained model.
    Unlearn,
    /// Probing a model after unlearning.
    Probe,
}

impl TaskKind {
    /// The kind's name in tables.
    pub fn name(self) -> &'static str {
        match self {
            TaskKind::Train => "train",
            TaskKind::Unlearn => "unlearn",
            TaskKind::Probe => "probe",
        }
    }
}

/// A task that has no number yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The digest that names the run.
    pub key: String,
    /// The kind of run.
    pub kind: TaskKind,
    /// A description of the run, for tables.
    pub what: String,
    /// The seed of the run.
    pub seed: u64,
    /// The keys of the tasks that must be done before it.
    pub needs: Vec<String>,
    /// The number of volumes passed forward and backward.
    pub passes: u64,
    /// Estimated seconds on one core.
    pub core_seconds: f64,
    /// Estimated peak memory in GiB.
    pub gib: f64,
}

/// A task of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTask {
    /// The number of the task, from 0.
    pub index: usize,
    /// The digest that names the run.
    pub key: String,
    /// The kind of run.
    pub kind: TaskKind,
    /// A description of the run, for tables.
    pub what: String,
    /// The seed of the run.
    pub seed: u64,
    /// The length of the longest chain of tasks that must be done before it.
    pub layer: usize,
    /// The numbers of the tasks that it depends on.
    pub needs: Vec<usize>,
    /// The number of volumes passed forward and backward.
    pub passes: u64,
    /// Estimated seconds on one core.
    pub core_seconds: f64,
    /// Estimated peak memory in GiB.
    pub gib: f64,
}

/// The tasks of a study, in the order in which they may run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The study, locations and device of the plan.
    pub about: About,
    /// The tasks, ordered by their numbers.
    pub tasks: Vec<PlannedTask>,
}

/// A plan's description, its digest, one of its tasks, and the keys of the tasks that this one depends on.
pub type TaskOfPlan = (About, String, PlannedTask, Vec<String>);

/// The first line of the plan's file.
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
    /// Builds a plan of these tasks, ordered by layer and numbered.
    ///
    /// # Panics
    /// If a task depends on one that does not stand before it in `drafts`; the tasks of a study never do.
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

    /// The path of the plan's file: `plan.jsonl` in `folder`.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Writes the plan into its folder, unless it is there already, and returns its digest.
    ///
    /// # Errors
    /// [`LauncherError::AnotherPlan`] if a different plan is there, or an error of the disk.
    pub fn write(&self, folder: &Path) -> Result<String, LauncherError> {
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
        Err(LauncherError::AnotherPlan { path })
    }

    /// Reads the plan in a folder, and returns it with its digest.
    ///
    /// # Errors
    /// If the file is missing, is damaged, or was changed after it was written.
    pub fn read(folder: &Path) -> Result<(Plan, String), LauncherError> {
        let text = PlanText::read(folder)?;
        let tasks = text.lines.lines().map(|line| text.parse(line)).collect::<Result<_, _>>()?;
        Ok((Plan { about: text.head.about, tasks }, text.head.digest))
    }

    /// Reads one task of the plan in a folder, without parsing the others.
    ///
    /// # Errors
    /// Those of [`Plan::read`], and [`LauncherError::NoTask`] if the plan has no task with this number.
    pub fn read_task(folder: &Path, index: usize) -> Result<TaskOfPlan, LauncherError> {
        let text = PlanText::read(folder)?;
        let of = |index: usize| -> Result<PlannedTask, LauncherError> {
            let line = text.lines.lines().nth(index);
            text.parse(line.ok_or(LauncherError::NoTask { found: index, tasks: text.head.tasks })?)
        };
        let task = of(index)?;
        let needs = task.needs.iter().map(|&index| Ok(of(index)?.key)).collect::<Result<_, LauncherError>>()?;
        Ok((text.head.about, text.head.digest, task, needs))
    }

    /// The layers, each as a range of task numbers; tasks depend only on earlier layers.
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
    fn read(folder: &Path) -> Result<PlanText, LauncherError> {
        let path = Plan::path(folder);
        let text = lacuna_disk::read_text(&path, BYTES_MAX)?;
        let (first, lines) = text.split_once('\n').unwrap_or((&text, ""));
        let unfit = |found: String, fix| LauncherError::NotAPlan { path: path.clone(), found, fix };
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

    fn parse(&self, line: &str) -> Result<PlannedTask, LauncherError> {
        serde_json::from_str(line).map_err(|error| LauncherError::NotAPlan {
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
        assert!(matches!(other.write(folder.path()), Err(LauncherError::AnotherPlan { .. })));
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
