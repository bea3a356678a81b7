//! What an exact training is made from, by a run's settings and data.

use super::watch::Watch;
use crate::command::{BURN_VERSION, TrainRun};
use crate::context::Context;
use crate::error::CliError;
use crate::scores::{Scored, Side};
use lacuna_cohort::{Case, SubjectId};
use lacuna_exact::{Ensemble, ExactError, Finished, Origin, Plan, Training};
use lacuna_inference::ModelNotes;
use lacuna_inference::{CaseScores, predict, score_subject};
use lacuna_nn::{Network, device_identity, kernels_digest, match_file};
use lacuna_seed::Seed;
use lacuna_study::Data;
use lacuna_train::TrainError;
use lacuna_weights::WeightFile;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A run's settings and data.
pub struct Setup<'a> {
    /// The surroundings.
    pub context: &'a Context,
    /// How the model is, or was, trained.
    pub run: &'a TrainRun,
    /// The prepared scans.
    pub data: &'a Data,
    /// The digest of the file with initial weights.
    pub init: Option<String>,
    /// Whom those were trained on, if anything says it.
    pub init_saw: Option<BTreeSet<SubjectId>>,
}

/// The version that decides the bytes beside device and kernels.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a model is worth on one subject.
pub struct SubjectScore {
    /// What the model knows of it.
    pub side: Side,
    pub subject: SubjectId,
    pub scores: CaseScores,
}

/// A plan to train: its folders, and the words that its progress is shown with.
pub struct TrainingJob<'a> {
    /// Where its files go.
    pub folder: &'a Path,
    /// The run that it is part of: the same folder, but for a proof.
    pub run: &'a Path,
    /// Whose states are taken over.
    pub parent: Option<&'a Path>,
    /// The word before its progress.
    pub verb: &'static str,
    /// The command that goes on if it is stopped, up to the run folder.
    pub again: &'a str,
}

impl SubjectScore {
    /// The scores of all subjects, as run folders have them.
    pub fn listed(scores: &[SubjectScore]) -> Vec<Scored> {
        let listed = |one: &SubjectScore| Scored::new(one.subject.to_string(), one.side, one.scores.clone());
        scores.iter().map(listed).collect()
    }
}

impl Setup<'_> {
    /// The scans of each subject.
    pub fn scans(&self, subjects: &BTreeSet<SubjectId>) -> BTreeMap<SubjectId, u64> {
        let count = |subject: &SubjectId| self.data.of(&BTreeSet::from([subject.clone()])).len() as u64;
        subjects.iter().map(|subject| (subject.clone(), count(subject))).collect()
    }

    /// What the shards begin from.
    ///
    /// # Errors
    /// A file with initial weights that does not fit.
    pub fn fresh_network(&self) -> Result<Network, CliError> {
        let mut network = self.any_network();
        if let Some(init) = &self.run.network.init {
            let file = WeightFile::open(init)?;
            self.context.note(&format!("init     {}", match_file(&file, &mut network)?));
        }
        Ok(network)
    }

    /// A network of the run's architecture, for states to be read into.
    pub fn any_network(&self) -> Network {
        Network::new(self.data.architecture.clone(), Seed(self.run.seed), &self.context.device)
    }

    /// Train a plan.
    ///
    /// # Errors
    /// [`CliError::Interrupted`] if the user stops it.
    pub fn train(&self, plan: &Plan, network: &Network, training_job: &TrainingJob) -> Result<Finished, CliError> {
        let subjects = plan.subjects();
        let training = Training {
            plan,
            data: &self.digests(&subjects)?,
            origin: &self.origin(),
            config: &self.run.train,
            seed: Seed(self.run.seed),
            cases: &self.data.of(&subjects),
            network,
            metadata: &self.metadata(),
            device: &self.context.device,
        };
        let mut watch = Watch::new(self.context, training_job.verb, plan);
        lacuna_exact::train(&training, training_job.folder, training_job.parent, &mut watch).map_err(
            |error| match error {
                ExactError::Train(TrainError::Interrupted { .. }) => {
                    let (again, at) = (training_job.again, training_job.run.display());
                    CliError::Interrupted {
                        kept: format!("every stage and step done is kept in {at}; fix: {again} {at}"),
                    }
                }
                error => error.into(),
            },
        )
    }

    /// The scores of a trained model on all subjects, as the mean of its shards; shards come and go, scans stay.
    ///
    /// # Errors
    /// A prediction that is not finite.
    pub fn score(&self, folder: &Path, sides: &[(Side, BTreeSet<SubjectId>)]) -> Result<Vec<SubjectScore>, CliError> {
        let (ensemble, device) = (Ensemble::open(folder)?, &self.context.device);
        let everybody = sides.iter().flat_map(|(_, subjects)| subjects.iter().cloned()).collect();
        let cases = self.data.of(&everybody);
        let predictions = ensemble
            .average(device, &mut |network| cases.iter().map(|case| predict(network, case, device)).collect())?;
        let mut scored = Vec::new();
        for (side, subject) in sides.iter().flat_map(|(side, of)| of.iter().map(move |subject| (*side, subject))) {
            let of_subject = cases.iter().zip(&predictions).filter(|(case, _)| case.subject == *subject);
            let (scans, of_scans): (Vec<_>, Vec<_>) = of_subject.map(|(case, one)| (*case, one.clone())).unzip();
            let mut of_scans = of_scans.into_iter();
            let next = &mut |_: &Case| Ok::<_, CliError>(of_scans.next().expect("one prediction per scan"));
            let scores = score_subject(&scans, self.data.labels.classes(), None, next)?;
            scored.push(SubjectScore { side, subject: subject.clone(), scores });
        }
        Ok(scored)
    }

    /// A digest of each subject's scans.
    ///
    /// # Errors
    /// The first subject that has none.
    fn digests(&self, subjects: &BTreeSet<SubjectId>) -> Result<BTreeMap<SubjectId, String>, CliError> {
        let digest = |subject: &SubjectId| {
            let one = BTreeSet::from([subject.clone()]);
            if self.data.of(&one).is_empty() {
                let root = self.run.data.root.display();
                let what =
                    format!("{root}: expected the scans of {subject}, found none; fix: say with --data where they are");
                return Err(CliError::Data { what });
            }
            Ok((subject.clone(), self.data.digest_of(&one)))
        };
        subjects.iter().map(digest).collect()
    }

    /// Everything that decides the bytes beside subjects and stages. How often a checkpoint is written, what the run is
    /// called and where its data lie decide nothing.
    fn origin(&self) -> Origin {
        let mut train = self.run.train.clone();
        train.checkpoint_epochs = 1;
        let decides = (
            BURN_VERSION,
            self.run.seed,
            self.data.architecture.to_string(),
            // The whole table stands in the model files.
            &self.data.labels,
            &self.run.preprocess,
            train,
            &self.init,
        );
        let settings = lacuna_disk::digest(&serde_json::to_vec(&decides).expect("plain data is JSON"));
        Origin {
            lacuna: VERSION.to_string(),
            device: device_identity(&self.context.device),
            kernels: kernels_digest().to_string(),
            settings,
            init: self.init.clone(),
            init_saw: self.init_saw.clone(),
        }
    }

    /// What the model files say beside their weights. They name no parent: erased or trained from the beginning, they
    /// are the same files.
    fn metadata(&self) -> BTreeMap<String, String> {
        let notes = ModelNotes::new(&self.data.labels, &self.run.preprocess, self.init.clone());
        ModelNotes { loss: Some(self.run.train.loss), ..notes }.to_metadata()
    }
}
