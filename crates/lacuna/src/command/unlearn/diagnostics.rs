//! Looking into a run on its way: curves of scores and gradients per epoch, if asked for.
//!
//! Both are tables in the run folder with a line per epoch, beginning with the original as epoch 0. What they take is
//! no part of the method's cost and is reported apart. They change no byte of the run, so a resumed run may be looked
//! into again or not; epochs that it does again replace the lines they had.

use crate::arguments::ImageArguments;
use crate::error::CliError;
use crate::run_folder::RunFolder;
use lacuna_cohort::SubjectId;
use lacuna_nn::{Device, Network};
use lacuna_report::Role;
use lacuna_study::Data;
use lacuna_train::{EpochRecord, Passes};
use lacuna_unlearn::Conflicts;
use std::collections::BTreeSet;

/// The table of both norms and their cosine.
const GRADIENTS: &str = "gradients.csv";
/// The table of losses and Dice.
const CURVES: &str = "curves.csv";
const TABLE_BYTES_MAX: u64 = 64 << 20;
/// The last two columns of both tables.
const PASSES: &str = "training_passes,teacher_passes";

/// What is looked at.
pub struct Diagnostics<'a> {
    /// Where the tables lie.
    pub folder: &'a RunFolder,
    /// Who is scored, and on what, if curves are asked for.
    pub curves: Option<Curves<'a>>,
    /// Whose gradients are taken, if they are asked for.
    pub gradients: Option<Conflicts<'a>>,
    /// Whose slices the report holds.
    pub images: &'a ImageArguments,
}

/// The subjects whose loss and Dice are followed.
pub struct Curves<'a> {
    pub data: &'a Data,
    pub sides: Vec<(Role, BTreeSet<SubjectId>)>,
    /// Where to compute.
    pub device: Device,
}

impl Diagnostics<'_> {
    /// Look at the network that would be returned after so many epochs, and at the gradients where it stands.
    pub fn look(&self, result: &Network, current: &Network, history: &[EpochRecord]) -> Result<(), CliError> {
        let epoch = history.len();
        if let Some(curves) = &self.curves {
            let head = format!("epoch,role,subjects,cross_entropy,dice_output,dice_volume,{PASSES}");
            self.keep(CURVES, &head, epoch, &curves.lines(result, epoch)?)?;
        }
        if let Some(conflicts) = &self.gradients {
            let found = conflicts.at(current, history)?;
            let values = [found.retain_norm, found.forget_norm, found.cosine].map(cell).join(",");
            let head = format!("epoch,retain_norm,forget_norm,cosine,{PASSES}");
            self.keep(GRADIENTS, &head, epoch, &[format!("{epoch},{values},{}", of(found.passes))])?;
        }
        Ok(())
    }

    /// What looking has taken, over all lines of both tables.
    pub fn passes(&self) -> Result<Passes, CliError> {
        let mut sum = Passes::default();
        for name in [CURVES, GRADIENTS] {
            for line in self.read(name)?.lines().skip(1) {
                let mut fields = line.rsplit(',').map(|field| field.parse().unwrap_or(0));
                let (teacher, training) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
                sum += Passes { training, teacher };
            }
        }
        Ok(sum)
    }

    /// The table with these lines behind those of earlier epochs.
    fn keep(&self, name: &str, head: &str, epoch: usize, lines: &[String]) -> Result<(), CliError> {
        let before = self.read(name)?;
        let is_earlier = |line: &&str| {
            line.split(',').next().and_then(|field| field.parse().ok()).is_some_and(|of: usize| of < epoch)
        };
        let earlier = before.lines().skip(1).filter(is_earlier).map(str::to_string);
        let all: Vec<String> = std::iter::once(head.to_string()).chain(earlier).chain(lines.iter().cloned()).collect();
        self.folder.write(name, (all.join("\n") + "\n").as_bytes())
    }

    fn read(&self, name: &str) -> Result<String, CliError> {
        let path = self.folder.file(name);
        if path.exists() { Ok(lacuna_disk::read_text(&path, TABLE_BYTES_MAX)?) } else { Ok(String::new()) }
    }
}

impl Curves<'_> {
    /// One line per role that has a subject: means over its subjects.
    fn lines(&self, network: &Network, epoch: usize) -> Result<Vec<String>, CliError> {
        let mut lines = Vec::new();
        for (role, subjects) in self.sides.iter().filter(|(_, subjects)| !subjects.is_empty()) {
            let (mut cross_entropy, mut output, mut volume) = (Vec::new(), Vec::new(), Vec::new());
            for subject in subjects {
                let scores = self.data.score(network, subject, &self.device)?;
                cross_entropy.push(scores.cross_entropy);
                output.extend(scores.output.mean.dice);
                volume.extend(scores.volume.mean.dice);
            }
            let means = [cross_entropy, output, volume].map(mean).map(cell).join(",");
            let passes = of(Passes { training: 0, teacher: self.data.of(subjects).len() as u64 });
            lines.push(format!("{epoch},{},{},{means},{passes}", role.name(), subjects.len()));
        }
        Ok(lines)
    }
}

/// None over no subjects: a subject whose masks are all empty has no Dice.
fn mean(values: Vec<f64>) -> Option<f64> {
    let count = values.len() as f64;
    (!values.is_empty()).then(|| values.into_iter().sum::<f64>() / count)
}

fn cell(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

fn of(passes: Passes) -> String {
    format!("{},{}", passes.training, passes.teacher)
}
