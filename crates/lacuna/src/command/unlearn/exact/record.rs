//! What an exact erase says of itself.

use super::ancestry::Purge;
use crate::output::Outcome;
use crate::scores::{self, Scored};
use crate::text_table::{aligned, named};
use lacuna_cohort::SubjectId;
use lacuna_exact::Proof;
use lacuna_report::Table;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What `--dry-run` says.
#[derive(Serialize)]
pub struct Planned {
    pub name: String,
    pub forget: BTreeSet<SubjectId>,
    /// Passes that would be replayed.
    pub replay_passes: u64,
    /// Passes of training the plan without the subjects from the beginning.
    pub scratch_passes: u64,
}

/// What is known of whether the erased model is the one that training without the subjects makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exactness {
    /// It was trained from the beginning too, and every file is the same.
    Proved,
    /// It is by construction; nothing was compared.
    Unproved,
    /// It was trained from the beginning too, and a file differs.
    Refuted,
}

impl Exactness {
    /// By the proof, if one was asked for.
    pub fn of(proof: Option<&Proof>) -> Exactness {
        match proof {
            None => Exactness::Unproved,
            Some(proof) if proof.equal => Exactness::Proved,
            Some(_) => Exactness::Refuted,
        }
    }
}

#[derive(Serialize)]
pub struct Record {
    pub run: PathBuf,
    pub model: PathBuf,
    pub digest: String,
    pub parent: String,
    pub strategy: String,
    /// None: the key that other strategies have too.
    pub variant: String,
    pub forget: BTreeSet<SubjectId>,
    pub training_passes: u64,
    pub scratch_passes: u64,
    /// Seconds of the replay, of the last piece if it was interrupted.
    pub seconds: f64,
    pub shards_left: usize,
    pub exactness: Exactness,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    pub purge: Purge,
    pub scores: Vec<Scored>,
    pub tables: Vec<Table>,
}

impl Planned {
    pub fn outcome(&self) -> Outcome {
        let lines = [
            ("name", self.name.clone()),
            ("forget", names(&self.forget)),
            ("takes", cost(self.replay_passes, self.scratch_passes)),
        ];
        Outcome::new("unlearn", self, named(&lines) + "nothing was done: --dry-run\n")
    }
}

impl Record {
    /// The command that people give next: what they saw is still there.
    pub fn next(&self) -> String {
        let subject = self.forget.first().map_or("SUBJECT", SubjectId::as_str);
        format!("lacuna trace {subject} --data DATA")
    }

    pub fn text(&self) -> String {
        let proof = match &self.proof {
            None => "exact by construction, unproved; fix: --prove trains without them from the beginning and compares"
                .to_string(),
            Some(proof) if proof.equal => {
                format!(
                    "{} files are those of training without {}, byte for byte",
                    proof.files.len(),
                    names(&self.forget)
                )
            }
            Some(_) => "FAILED: files differ from those of training from the beginning; see proof.json".to_string(),
        };
        let lines = [
            ("model", self.model.display().to_string()),
            ("digest", self.digest.clone()),
            ("parent", self.parent.clone()),
            ("cost", format!("{}, {:.1} s", cost(self.training_passes, self.scratch_passes), self.seconds)),
            ("proof", proof),
        ];
        let (scores, tables) = (scores::text(&self.scores), Table::texts(&self.tables));
        format!("{scores}\n{tables}\n{}\n{}", named(&lines), self.still_held())
    }

    fn still_held(&self) -> String {
        let mut text = format!("what still holds {}, to be deleted (purge.json):\n", names(&self.forget));
        let row =
            |held: &lacuna_exact::Holding| vec![format!("  {}", held.holds.name()), held.file.display().to_string()];
        text.push_str(&aligned(&self.purge.files.iter().map(row).collect::<Vec<_>>()));
        for folder in &self.purge.not_found {
            text.push_str(&format!("  not found: {}, which this model comes from\n", folder.display()));
        }
        text
    }
}

fn names(subjects: &BTreeSet<SubjectId>) -> String {
    subjects.iter().map(SubjectId::as_str).collect::<Vec<_>>().join(", ")
}

fn cost(replayed: u64, from_scratch: u64) -> String {
    let share = if from_scratch > 0 { 100.0 * replayed as f64 / from_scratch as f64 } else { 0.0 };
    format!("{replayed} passes replayed, {share:.1} % of the {from_scratch} of training without them")
}
