//! What a run would do and take, before it does.

use crate::config::{Origin, Setting};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::{aligned, named};
use lacuna_cohort::SubjectId;
use lacuna_study::{Data, Estimate, Machine};
use lacuna_unlearn::EpochCost;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a run would do and take.
#[derive(Serialize)]
pub struct Plan {
    /// What the run folder would be called.
    pub name: String,
    pub network: String,
    /// D, H and W of its largest input.
    pub input: [usize; 3],
    /// The side of each subject.
    pub subjects: BTreeMap<&'static str, BTreeSet<SubjectId>>,
    /// Passes over its cases.
    pub epochs: usize,
    /// Optimiser steps of each.
    pub steps_per_epoch: usize,
    /// Volumes passed forward by the original or a teacher before the first step.
    pub preparation_passes: u64,
    /// Volumes passed forward and backward before the first step, by edits and teachers.
    pub preparation_training_passes: u64,
    /// Time and memory.
    pub estimate: Estimate,
    /// Every setting and who says it, where that is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Setting>,
}

impl Plan {
    /// The plan of so many epochs on these data; one that does not fit into memory is refused.
    ///
    /// # Errors
    /// [`lacuna_study::StudyError::Memory`], with a size that fits.
    pub fn new(context: &Context, name: &str, data: &Data, epochs: usize, epoch: EpochCost) -> Result<Plan, CliError> {
        let machine = Machine::measure(&context.device);
        let workload = data.workload(epoch.volumes_at_once, context.activations);
        let estimate = Estimate::new(&workload, epoch.passes * epochs as u64, &machine);
        workload.check_memory(machine.available_gib)?;
        Ok(Plan {
            name: name.to_string(),
            network: workload.architecture.to_string(),
            input: workload.size,
            subjects: BTreeMap::new(),
            epochs,
            steps_per_epoch: epoch.steps,
            preparation_passes: 0,
            preparation_training_passes: 0,
            estimate,
            settings: Vec::new(),
        })
    }

    /// A line before the work begins.
    pub fn note(&self, context: &Context) {
        context.note(&format!("estimate {} from beginning to end", self.estimate));
    }

    /// What `--dry-run` prints for a verb.
    pub fn outcome(&self, verb: &str) -> Outcome {
        Outcome::new(verb, self, self.text())
    }

    fn text(&self) -> String {
        let [d, h, w] = self.input;
        let mut lines = vec![
            ("name", self.name.clone()),
            ("network", self.network.clone()),
            ("input", format!("{d} x {h} x {w} voxels (D x H x W), the largest")),
        ];
        lines.extend(self.subjects.iter().map(|(role, subjects)| (*role, listed(subjects))));
        lines.push(("epochs", format!("{}, {} steps each", self.epochs, self.steps_per_epoch)));
        if self.preparation_passes > 0 {
            lines.push(("before", format!("{} passes forward", self.preparation_passes)));
        }
        if self.preparation_training_passes > 0 {
            lines.push(("before", format!("{} passes forward and backward", self.preparation_training_passes)));
        }
        lines.push(("takes", self.estimate.to_string()));
        named(&lines) + &self.settings_text() + "nothing was done: --dry-run\n"
    }
}

impl Plan {
    fn settings_text(&self) -> String {
        if self.settings.is_empty() {
            return String::new();
        }
        let head = ["setting", "value", "set by"].map(str::to_string).to_vec();
        let origin = |origin: Origin| match origin {
            Origin::Default => "default",
            Origin::File => "--config",
            Origin::Flag => "a flag",
            Origin::Set => "--set",
        };
        let row =
            |setting: &Setting| vec![setting.key.clone(), setting.value.clone(), origin(setting.origin).to_string()];
        let rows: Vec<Vec<String>> = [head].into_iter().chain(self.settings.iter().map(row)).collect();
        format!("\n{}\n", aligned(&rows))
    }
}

fn listed(subjects: &BTreeSet<SubjectId>) -> String {
    let names: Vec<String> = subjects.iter().map(SubjectId::to_string).collect();
    format!("{}: {}", names.len(), if names.is_empty() { "none".to_string() } else { names.join(", ") })
}
