//! Engines: how the attempts at tasks are started.
//!
//! A launcher other than the local one produces data: files to submit, and the commands that submit them. Dependencies
//! and retries are written in the scheduler's own format. All launchers run the same command, which reads the number of
//! its task from the scheduler's environment variable.

mod hyperqueue;
mod kubernetes;
pub mod local;
mod slurm;

use crate::{Plan, PlannedTask};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A launcher: a way of starting attempts, with its name.
pub struct Launcher {
    /// The name on the command line.
    pub name: &'static str,
    /// A description of a few words, for help texts.
    pub about: &'static str,
    /// How the launcher starts attempts.
    pub start_mode: StartMode,
}

/// The two ways of starting attempts.
#[derive(Clone, Copy)]
pub enum StartMode {
    /// By a pool of processes on this machine.
    Here,
    /// By an external scheduler, to which these files are submitted one after the other.
    Submitted(fn(&Work) -> Vec<Submission>),
}

/// Every launcher; the order is that of help texts.
pub static LAUNCHERS: &[Launcher] = &[
    Launcher { name: "local", about: "a pool of processes on this machine", start_mode: StartMode::Here },
    Launcher { name: "slurm", about: "job arrays, by sbatch", start_mode: StartMode::Submitted(slurm::render) },
    Launcher { name: "k8s", about: "Indexed Jobs, by kubectl", start_mode: StartMode::Submitted(kubernetes::render) },
    Launcher {
        name: "hyperqueue",
        about: "a job definition file, by hq",
        start_mode: StartMode::Submitted(hyperqueue::render),
    },
];

/// The launcher with this name, or `None`.
pub fn find(name: &str) -> Option<&'static Launcher> {
    LAUNCHERS.iter().find(|launcher| launcher.name == name)
}

/// The tasks to run and the settings to run them with.
pub struct Work<'a> {
    /// The plan that the tasks belong to.
    pub plan: &'a Plan,
    /// The plan's folder, as an absolute path.
    pub folder: &'a Path,
    /// The numbers of the tasks that have no result.
    pub pending: &'a BTreeSet<usize>,
    /// The lacuna command: its absolute path and global options.
    pub program: &'a [String],
    /// The resources that each task gets.
    pub resources: Resources,
    /// Extra options for the launcher, in the syntax of its own command line.
    pub options: &'a [String],
    /// How often an attempt that was stopped or killed is repeated.
    pub retries: usize,
    /// The largest number of tasks in one job array.
    pub array_max: usize,
    /// The image and volume of the Kubernetes launcher.
    pub kubernetes: Kubernetes,
}

/// The resources that a task gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resources {
    /// The number of cores, and of threads.
    pub cpus: usize,
    /// The ratio of measured to estimated time, 1 where nothing was measured.
    pub slower: f64,
    /// The largest measured memory of a task in MiB, if any was measured.
    pub mib_measured: Option<f64>,
}

/// The container image and the volume of a Kubernetes job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// The container image.
    pub image: String,
    /// The volume claim that holds the plan, the data, and the records.
    pub claim: String,
    /// The mount point; it must be the same path as on this machine.
    pub mount: PathBuf,
}

/// A file to submit to a scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The file's name.
    pub name: String,
    /// The content of the file.
    pub text: String,
    /// The command that submits it, with [`Submission::FILE`] for its path.
    pub command: Vec<String>,
    /// Indices of submissions whose jobs must end first; their commands print the jobs' numbers.
    pub after: Vec<usize>,
    /// The command that waits for the job's end, for launchers that cannot order jobs themselves.
    pub wait: Option<Vec<String>>,
}

impl Submission {
    /// The placeholder for the file's path in [`Submission::command`].
    pub const FILE: &'static str = "{file}";

    /// The submit command with the file's path and the numbers of the jobs to wait for filled in.
    pub fn command_for(&self, file: &Path, after: &[String]) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for word in &self.command {
            match word.as_str() {
                Submission::FILE => {
                    if !after.is_empty() {
                        words.push(format!("--dependency=afterok:{}", after.join(":")));
                    }
                    words.push(file.display().to_string());
                }
                _ => words.push(word.clone()),
            }
        }
        words
    }
}

impl Work<'_> {
    /// The command that runs a task; the scheduler's variable holds its number minus `offset`.
    fn command(&self, offset: usize) -> Vec<String> {
        let mut words = self.program.to_vec();
        words.extend(["--threads".to_string(), self.resources.cpus.to_string()]);
        words.extend(["study", "run-task"].map(str::to_string));
        words.push(self.folder.display().to_string());
        if offset > 0 {
            words.extend(["--offset".to_string(), offset.to_string()]);
        }
        words
    }

    /// The pending tasks of each layer, cut into ranges of at most `array_max` numbers.
    fn parts(&self) -> Vec<Vec<Range<usize>>> {
        let layers = self.plan.layers().into_iter().map(|layer| {
            let pending: Vec<usize> = self.pending.range(layer).copied().collect();
            let mut parts: Vec<Range<usize>> = Vec::new();
            for index in pending {
                match parts.last_mut() {
                    Some(part) if index - part.start < self.array_max => part.end = index + 1,
                    _ => parts.push(index..index + 1),
                }
            }
            parts
        });
        layers.filter(|parts| !parts.is_empty()).collect()
    }

    /// The pending tasks of a range.
    fn tasks(&self, part: &Range<usize>) -> impl Iterator<Item = &PlannedTask> {
        self.pending.range(part.clone()).map(|&index| &self.plan.tasks[index])
    }

    /// Memory in MiB for the largest task of a range: 1.25 times the estimate or measurement, plus 512 MiB for scans.
    fn mebibytes(&self, part: &Range<usize>) -> u64 {
        let estimated = self.tasks(part).map(|task| 1024.0 * task.gib).fold(0.0, f64::max);
        let most = estimated.max(self.resources.mib_measured.unwrap_or(0.0));
        (1.25 * most).ceil() as u64 + 512
    }

    /// Time limit in minutes for the longest task of a range: three times the expected time plus ten minutes.
    fn minutes(&self, part: &Range<usize>) -> u64 {
        let seconds = self.tasks(part).map(|task| task.core_seconds).fold(0.0, f64::max);
        let expected = seconds * self.resources.slower / self.resources.cpus as f64;
        (3.0 * expected / 60.0).ceil() as u64 + 10
    }

    /// Whether the tasks compute on a graphics processor.
    fn has_gpu(&self) -> bool {
        self.plan.about.device != "cpu"
    }
}

/// The words as one shell command, quoted where needed.
fn shell(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::tests::{about, draft};
    use crate::{Draft, TaskKind};

    /// So many trainings, and as many that are unlearned from them.
    pub(crate) fn pairs(count: usize) -> Plan {
        let train = |n: usize| draft(&format!("o{n}"), TaskKind::Train, &[]);
        let unlearn =
            |n: usize| Draft { core_seconds: 600.0, ..draft(&format!("u{n}"), TaskKind::Unlearn, &[&format!("o{n}")]) };
        Plan::new(about(), (0..count).flat_map(|n| [train(n), unlearn(n)]).collect())
    }

    pub(crate) fn with_work<T>(plan: &Plan, pending: BTreeSet<usize>, then: impl FnOnce(&Work) -> T) -> T {
        then(&Work {
            plan,
            folder: Path::new("/shared/my plan"),
            pending: &pending,
            program: &["/usr/bin/lacuna".to_string(), "--quiet".to_string()],
            resources: Resources { cpus: 2, slower: 1.0, mib_measured: None },
            options: &["--partition=gpu".to_string()],
            retries: 5,
            array_max: 1000,
            kubernetes: Kubernetes {
                image: "lacuna:1".to_string(),
                claim: "lacuna".to_string(),
                mount: "/shared".into(),
            },
        })
    }

    pub(crate) fn all(plan: &Plan) -> BTreeSet<usize> {
        (0..plan.tasks.len()).collect()
    }

    #[test]
    fn each_engine_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = LAUNCHERS.iter().map(|launcher| launcher.name).collect();
        assert_eq!(names.len(), LAUNCHERS.len());
        assert!(names.iter().all(|name| find(name).is_some()) && find("none").is_none());
    }

    #[test]
    fn every_pending_task_is_in_one_part_and_no_part_is_too_large() {
        let plan = pairs(25);
        for (array_max, skipped) in [(1, 0), (7, 3), (1000, 25), (10, 50)] {
            let pending: BTreeSet<usize> = (0..50).filter(|index| index % 50 >= skipped).collect();
            with_work(&plan, pending.clone(), |work| {
                let parts = Work { array_max, pending: &pending, ..*work_of(work) }.parts();
                let covered: Vec<usize> =
                    parts.iter().flatten().flat_map(|part| pending.range(part.clone()).copied()).collect();
                assert_eq!(covered, pending.iter().copied().collect::<Vec<_>>());
                assert!(parts.iter().flatten().all(|part| part.len() <= array_max));
            });
        }
    }

    /// Cheap to copy but for its options, which are borrowed.
    fn work_of<'a>(work: &'a Work<'a>) -> Box<Work<'a>> {
        Box::new(Work { kubernetes: work.kubernetes.clone(), ..*work })
    }

    #[test]
    fn an_engine_without_pending_tasks_gets_nothing() {
        let plan = pairs(2);
        for launcher in LAUNCHERS {
            if let StartMode::Submitted(render) = launcher.start_mode {
                with_work(&plan, BTreeSet::new(), |work| assert!(render(work).is_empty(), "{}", launcher.name));
            }
        }
    }

    #[test]
    fn words_with_spaces_or_quotes_stay_one_word_of_a_shell() {
        let words = ["a b", "it's", "plain", "", "$HOME"].map(str::to_string);
        let said = std::process::Command::new("sh").args(["-c", &format!("printf '%s|' {}", shell(&words))]).output();
        assert_eq!(String::from_utf8(said.unwrap().stdout).unwrap(), "a b|it's|plain||$HOME|");
    }
}
