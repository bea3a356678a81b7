//! What records say of a model beside its scores: Dice of those who stay, rebound and relearning.

use crate::{EpochScores, Probe, Record, Study, StudyError, Task};
use lacuna_audit::Measured;
use lacuna_cohort::{Split, SubjectId};

/// The records about one subject.
pub(super) struct Recorded<'a> {
    pub(super) study: &'a Study,
    /// Tasks among which the probes of the model are looked for.
    pub(super) probes: &'a [Task],
    pub(super) subject: &'a SubjectId,
    pub(super) split: &'a Split,
}

impl Recorded<'_> {
    /// Add what the record of a run and those of its probes say.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(super) fn add(&self, measured: &mut Measured, key: &str) -> Result<(), StudyError> {
        let Some(record) = self.study.store().record(key)? else { return Ok(()) };
        let Some(scores) = record.horizons.last() else { return Ok(()) };
        let dice = |subject: &SubjectId| Ok(output_dice(scores, &self.study.shown(subject)));
        add_utility(measured, self.split, &dice)?;
        let shown = self.study.shown(self.subject);
        for task in self.probes {
            let Task::Probe(task) = task else { continue };
            if task.probed.key() != key || task.forget != *self.subject || task.epochs != scores.epochs {
                continue;
            }
            let Some(record) = self.study.store().record(&task.key)? else { continue };
            add_probe(measured, &task.probe, &record, output_dice(scores, &shown), &shown);
        }
        Ok(())
    }
}

/// Add the mean Dice of those who stay and of those never seen, over subjects that have one.
///
/// # Errors
/// Those of `dice`.
pub(super) fn add_utility(
    measured: &mut Measured,
    split: &Split,
    dice: &dyn Fn(&SubjectId) -> Result<Option<f64>, StudyError>,
) -> Result<(), StudyError> {
    let mean = |subjects: &mut dyn Iterator<Item = &SubjectId>| -> Result<Option<f64>, StudyError> {
        let of_each: Vec<Option<f64>> = subjects.map(dice).collect::<Result<_, _>>()?;
        let known: Vec<f64> = of_each.into_iter().flatten().collect();
        Ok((!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64))
    };
    measured.retain_dice = mean(&mut split.retain().iter())?;
    measured.held_out_dice = mean(&mut split.held_out().iter())?;
    Ok(())
}

/// Add what a probe's record says of a model whose Dice of the subject was `before`.
pub(super) fn add_probe(measured: &mut Measured, probe: &Probe, record: &Record, before: Option<f64>, shown: &str) {
    match probe {
        Probe::Rebound(_) => {
            let after = record.horizons.last().and_then(|scores| output_dice(scores, shown));
            measured.rebound = after.zip(before).map(|(after, before)| after - before);
        }
        Probe::Relearn(_) => {
            let Some(relearned) = &record.relearned else { return };
            measured.relearn_given_up = relearned.passes.is_none();
            measured.relearn_passes = Some(relearned.passes.unwrap_or(relearned.passes_max) as f64);
        }
    }
}

/// Mean Dice of a subject on the output grid.
fn output_dice(scores: &EpochScores, shown: &str) -> Option<f64> {
    scores.output.get(shown).and_then(|scores| scores.mean.dice)
}
