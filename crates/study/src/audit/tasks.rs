//! What has to be trained for an audit: the bank, what is audited, and what controls it.

use super::AuditConfig;
use crate::config::bad;
use crate::{Probed, Study, StudyError, Task, TrainTask, UnlearnTask, Variant};
use lacuna_cohort::{Split, SubjectId};

/// The tasks of an audit, and how they are found again.
pub struct Tasks<'a> {
    study: &'a Study,
    config: &'a AuditConfig,
    /// What controls leave the forget term out of.
    recipes: &'a [Variant],
}

/// A control's recipe: a strategy without its forget term.
pub struct Sham {
    /// The strategy that it is of.
    pub strategy: String,
    /// The recipe; `None` where nothing is left of it, or what is left cannot be run.
    pub variant: Option<Variant>,
}

impl<'a> Tasks<'a> {
    /// Of an audit of the file's strategies.
    pub fn new(study: &'a Study, config: &'a AuditConfig) -> Tasks<'a> {
        Tasks { study, config, recipes: study.variants() }
    }

    /// Of an audit of one model, with the recipe that it was unlearned by if that is known.
    pub fn of_delivered(study: &'a Study, config: &'a AuditConfig, recipe: Option<&'a Variant>) -> Tasks<'a> {
        Tasks { study, config, recipes: recipe.map_or(&[], std::slice::from_ref) }
    }

    /// Who is audited, with the side of each; not a subject who is there for the planted control alone.
    pub fn audited(&self) -> impl Iterator<Item = &'a (SubjectId, Split)> {
        self.study.splits().iter().filter(|(subject, _)| !self.is_only_planted(subject))
    }

    /// The subject of the controls.
    ///
    /// # Errors
    /// One that the audit does not forget.
    pub fn control_subject(&self) -> Result<&'a (SubjectId, Split), StudyError> {
        let wanted = self.config.controls.subject.as_ref();
        let found = match wanted {
            None => self.audited().next(),
            Some(wanted) => self.audited().find(|(subject, _)| subject == wanted),
        };
        found.ok_or_else(|| match wanted {
            Some(wanted) => bad("controls.subject", "a subject that split.forget names", wanted.as_str()),
            None => bad("split.forget", "a subject beside the planted one", "none"),
        })
    }

    /// The planted subject with its split.
    ///
    /// # Errors
    /// One that is not trained on.
    pub fn planted(&self) -> Result<Option<&'a (SubjectId, Split)>, StudyError> {
        let Some(planted) = &self.config.controls.planted else { return Ok(None) };
        let found = self.study.splits().iter().find(|(subject, _)| subject == planted);
        let refused = || bad("controls.planted", "a subject of the training set", planted.as_str());
        found.map(Some).ok_or_else(refused)
    }

    /// Everything that has to be done, what is needed first in front: first the bank, so that what was declared before
    /// any unlearning stands before it, then what is unlearned, then the controls.
    ///
    /// # Errors
    /// Controls on a subject that is not audited.
    pub fn all(&self) -> Result<Vec<Task>, StudyError> {
        let of_planted = |task: &Task| match task {
            Task::Train(_) => false,
            Task::Unlearn(task) => task.forget.iter().any(|subject| self.is_only_planted(subject)),
            Task::Probe(task) => self.is_only_planted(&task.forget),
        };
        let tasks: Vec<Task> = self.study.tasks().into_iter().filter(|task| !of_planted(task)).collect();
        let (bank, unlearned): (Vec<Task>, Vec<Task>) =
            tasks.into_iter().partition(|task| matches!(task, Task::Train(_)));
        let mut all = bank;
        all.extend(unlearned);
        for task in self.controls()? {
            if !all.contains(&task) {
                all.push(task);
            }
        }
        Ok(all)
    }

    /// Only the bank: originals, retrained models and what was asked of them.
    ///
    /// # Errors
    /// As [`Tasks::all`].
    pub fn bank(&self) -> Result<Vec<Task>, StudyError> {
        let is_of_bank = |task: &Task| match task {
            Task::Train(_) => true,
            Task::Unlearn(_) => false,
            Task::Probe(task) => matches!(task.probed, Probed::Reference { .. }),
        };
        Ok(self.all()?.into_iter().filter(is_of_bank).collect())
    }

    /// The runs whose models control the audit, for every seed.
    ///
    /// # Errors
    /// As [`Tasks::control_subject`].
    pub fn controls(&self) -> Result<Vec<Task>, StudyError> {
        let who = self.control_subject()?;
        let tasks = self.seeds().iter().flat_map(|seed| self.control_tasks(who, *seed));
        Ok(tasks.map(|task| Task::Unlearn(Box::new(task))).collect())
    }

    fn control_tasks(&self, (subject, split): &(SubjectId, Split), seed: u64) -> Vec<UnlearnTask> {
        let shams = self.shams().into_iter().filter_map(|sham| sham.variant);
        let mut tasks: Vec<UnlearnTask> =
            shams.map(|sham| self.study.unlearn_task(&self.retrained(split, seed), subject, &sham)).collect();
        tasks.extend(
            self.fine_tuning().map(|variant| self.study.unlearn_task(&self.original(split, seed), subject, &variant)),
        );
        tasks
    }

    /// One for each strategy.
    pub fn shams(&self) -> Vec<Sham> {
        self.recipes.iter().map(sham).collect()
    }

    /// What the original is fine-tuned by on the retain subjects alone: the first strategy without its forget term.
    pub fn fine_tuning(&self) -> Option<Variant> {
        self.shams().into_iter().find_map(|sham| sham.variant)
    }

    pub fn original(&self, split: &Split, seed: u64) -> TrainTask {
        self.study.train_task(split.train().clone(), split, seed)
    }

    pub fn retrained(&self, split: &Split, seed: u64) -> TrainTask {
        self.study.train_task(split.retain(), split, seed)
    }

    pub fn seeds(&self) -> &'a [u64] {
        &self.config.study.seeds
    }

    fn is_only_planted(&self, subject: &SubjectId) -> bool {
        self.config.only_planted && Some(subject) == self.config.controls.planted.as_ref()
    }
}

/// A strategy without whatever looks at the forgotten subject: forget term, edits, saliency, and rules that end or
/// steer a run by the forget loss.
fn sham(variant: &Variant) -> Sham {
    let recipe = variant.recipe.without_forget_term();
    let horizons = vec![variant.longest_horizon()];
    let runs = recipe.has_retain_side() && recipe.check().is_ok();
    let (strategy, differences) = (variant.strategy.clone(), "without its forget term".to_string());
    let variant = runs.then(|| Variant { strategy: strategy.clone(), differences, recipe, horizons });
    Sham { strategy, variant }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_unlearn::STRATEGIES;

    #[test]
    fn a_sham_looks_at_nobody_and_goes_through_the_same_steps() {
        for strategy in STRATEGIES {
            let recipe = (strategy.recipe)();
            let variant = Variant::new(strategy.name, &toml::Table::new(), &[2, 5]).unwrap();
            let Some(sham) = sham(&variant).variant else {
                // The decoder stays in place only where features are pulled, which a sham does not.
                continue;
            };
            assert_eq!((sham.recipe.forget_weight, sham.recipe.edits.len()), (0.0, 0), "{}", strategy.name);
            assert_eq!(sham.recipe.learning_rate, recipe.learning_rate, "{}", strategy.name);
            assert_eq!(sham.recipe.retain_weight, recipe.retain_weight, "{}", strategy.name);
            assert_eq!(sham.horizons, [5]);
        }
        let names = STRATEGIES.iter().filter(|strategy| {
            sham(&Variant::new(strategy.name, &toml::Table::new(), &[1]).unwrap()).variant.is_some()
        });
        assert!(names.count() > STRATEGIES.len() / 2, "most strategies have a retain side");
    }
}
