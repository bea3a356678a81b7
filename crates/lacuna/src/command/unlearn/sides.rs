//! Who is kept, forgotten, was forgotten before, and was never seen.

use super::config::UnlearnRun;
use crate::error::CliError;
use lacuna_cohort::{Split, SplitLists, SubjectId};
use lacuna_report::Role;
use lacuna_study::by_role;
use std::collections::BTreeSet;

/// All subjects of the data on one side.
pub struct Sides {
    /// Whom the steps may read, those to forget included, and who was never seen.
    pub split: Split,
    /// Whom the model was made to forget before. Nothing but a score may read them: to hold on to what the model says
    /// of them would teach them again.
    pub earlier: BTreeSet<SubjectId>,
}

impl Sides {
    /// Divide the subjects of the data.
    ///
    /// Where the lineage names the subjects that the model was trained on, all others count as never seen; where it
    /// does not, all others count as trained on.
    ///
    /// # Errors
    /// A subject that is not in the data, is to be forgotten without having been trained on, or is on two sides.
    pub fn divide(subjects: &[SubjectId], run: &UnlearnRun) -> Result<Sides, CliError> {
        let all: BTreeSet<SubjectId> = subjects.iter().cloned().collect();
        let earlier = run.earlier.iter().filter(|subject| all.contains(*subject)).cloned().collect();
        let mut held_out: BTreeSet<SubjectId> = run.held_out.iter().cloned().collect();
        if let Some(trained) = &run.trained {
            held_out.extend(all.iter().filter(|subject| !trained.contains(subject)).cloned());
        }
        let train = all.difference(&held_out).filter(|subject| !run.earlier.contains(subject)).cloned().collect();
        let forget = run.forget.iter().cloned().collect();
        let split = Split::of_lists(subjects, SplitLists { train, held_out, forget })?;
        Ok(Sides { split, earlier })
    }

    pub fn everybody(&self) -> BTreeSet<SubjectId> {
        self.split.train().iter().chain(self.split.held_out()).chain(&self.earlier).cloned().collect()
    }

    /// Those to keep, to forget and never seen, and those that the model forgot before if there are any.
    pub fn by_role(&self) -> Vec<(Role, BTreeSet<SubjectId>)> {
        let Sides { split, earlier } = self;
        by_role(split.train(), split.forget(), &self.everybody(), earlier)
    }
}
