//! `lacuna unlearn --gradients`: both sides' gradient norms and their cosine per epoch, in `gradients.csv`.
//!
//! The table begins with the original as epoch 0. Its cost is no part of the method's and is counted apart. It changes
//! no byte of the run; epochs that a resumed run does again replace the lines that they had.

use crate::error::CliError;
use crate::run_folder::RunFolder;
use lacuna_nn::Network;
use lacuna_train::{EpochRecord, Passes};
use lacuna_unlearn::{Conflicts, Unlearned};

/// The name of the table in a run folder.
const FILE: &str = "gradients.csv";
const BYTES_MAX: u64 = 64 << 20;
const HEAD: &str = "epoch,retain_norm,forget_norm,cosine,training_passes,teacher_passes";

/// The table of gradients of a run.
pub struct Gradients<'a> {
    folder: &'a RunFolder,
    conflicts: Conflicts<'a>,
}

impl<'a> Gradients<'a> {
    /// The table of a run; a new one begins with the line of the original.
    ///
    /// # Errors
    /// Those of [`Gradients::add`].
    pub fn of(run: &'a Unlearned<'a>, folder: &'a RunFolder) -> Result<Gradients<'a>, CliError> {
        let gradients = Gradients { folder, conflicts: Conflicts::of(run)? };
        if !folder.file(FILE).exists() {
            gradients.add(run.original, &[])?;
        }
        Ok(gradients)
    }

    /// Adds the line of the epoch that a network has reached, in place of that line and all later ones.
    ///
    /// # Errors
    /// If a gradient cannot be computed, or the file cannot be written.
    pub fn add(&self, network: &Network, history: &[EpochRecord]) -> Result<(), CliError> {
        let (epoch, found) = (history.len(), self.conflicts.at(network, history)?);
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let values = [found.retain_norm, found.forget_norm, found.cosine].map(cell).join(",");
        let Passes { training, teacher } = found.passes;
        let before = read(self.folder)?;
        let is_earlier = |line: &&str| {
            line.split(',').next().and_then(|field| field.parse().ok()).is_some_and(|of: usize| of < epoch)
        };
        let earlier = before.lines().skip(1).filter(is_earlier).map(str::to_string);
        let line = format!("{epoch},{values},{training},{teacher}");
        let all: Vec<String> = std::iter::once(HEAD.to_string()).chain(earlier).chain([line]).collect();
        self.folder.write(FILE, (all.join("\n") + "\n").as_bytes())
    }
}

/// The cost of the table over all its lines.
///
/// # Errors
/// If the file cannot be read.
pub fn passes(folder: &RunFolder) -> Result<Passes, CliError> {
    let mut sum = Passes::default();
    for line in read(folder)?.lines().skip(1) {
        let mut fields = line.rsplit(',').map(|field| field.parse().unwrap_or(0));
        let (teacher, training) = (fields.next().unwrap_or(0), fields.next().unwrap_or(0));
        sum += Passes { training, teacher };
    }
    Ok(sum)
}

fn read(folder: &RunFolder) -> Result<String, CliError> {
    let path = folder.file(FILE);
    if path.exists() { Ok(lacuna_disk::read_text(&path, BYTES_MAX)?) } else { Ok(String::new()) }
}
