//! What `lacuna unlearn` says at the end.

use super::earlier::EarlierErasure;
use crate::text_table::named;
use lacuna_report::Table;
use lacuna_train::Passes;
use lacuna_unlearn::Effect;
use serde::Serialize;
use std::path::PathBuf;

/// What a run came to.
#[derive(Serialize)]
pub struct Record {
    pub run: PathBuf,
    /// The file of the model that came of it.
    pub model: PathBuf,
    /// That model's digest.
    pub digest: String,
    /// The original's digest.
    pub parent: String,
    /// The named strategy.
    pub strategy: String,
    /// How the recipe differs from it.
    pub variant: String,
    /// Volumes forward and backward in the steps.
    pub training_passes: u64,
    /// Volumes forward alone, along the way.
    pub teacher_passes: u64,
    /// The same before the first step.
    pub preparation_passes: u64,
    /// Forward and backward before the first step.
    pub preparation_training_passes: u64,
    /// Of curves and gradients, and of what the effect took; no part of the cost.
    pub looking_passes: Passes,
    /// The epoch whose network is returned, where the recipe rewinds.
    pub returned_epoch: Option<usize>,
    /// What it did to the subjects to forget.
    pub effect: Effect,
    /// Whom the model was made to forget before, measured again.
    pub earlier: Vec<EarlierErasure>,
    /// Classes that no remaining subject shows.
    pub orphaned_classes: Vec<String>,
    pub tables: Vec<Table>,
}

impl Record {
    /// The command that people give next.
    pub fn next(&self) -> String {
        match self.effect.is_nothing {
            true => "the same command with --find-learning-rate, which finds a rate that has an effect".to_string(),
            false => format!("lacuna audit AUDIT.toml --model {}", self.run.display()),
        }
    }

    pub fn text(&self) -> String {
        let mut lines = vec![("model", self.model.display().to_string()), ("digest", self.digest.clone())];
        let (training, forward) = (self.preparation_training_passes, self.preparation_passes);
        let (all_training, all_forward) = (training + self.training_passes, forward + self.teacher_passes);
        lines
            .push(("cost", format!("{all_training} passes of one volume forward and backward, {all_forward} forward")));
        if training + forward > 0 {
            lines.push(("of which", format!("{training} and {forward} before the first step")));
        }
        let (moved, relabelled) = (100.0 * self.effect.moved, 100.0 * self.effect.relabelled);
        let nothing = if self.effect.is_nothing { "NONE, the model still holds them: " } else { "" };
        let effect = format!(
            "{nothing}{moved:.2} % of the probability and {relabelled:.2} % of the labels of those to forget moved"
        );
        lines.push(("effect", effect));
        lines.extend(self.returned_epoch.map(|epoch| ("returned", format!("the network after epoch {epoch}"))));
        lines.extend(self.earlier.iter().map(|earlier| ("earlier", earlier.line())));
        if !self.orphaned_classes.is_empty() {
            lines.push((
                "classes",
                format!("only in the subjects being forgotten: {}", self.orphaned_classes.join(", ")),
            ));
        }
        format!("{}\n{}", Table::texts(&self.tables), named(&lines))
    }
}
