//! `exact.json`: the plan of an exact model, and every state and model with its digests.
//!
//! It is rewritten whenever a stage ends, so it is also the journal that an interrupted run goes on from: a
//! file that it does not name is not believed. A seal shows damage and careless edits, not forgery.

use crate::folder::{MANIFEST, model_file, start_file, state_file};
use crate::{ExactError, Identity, Plan};
use lacuna_cohort::SubjectId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The format; it changes when a reader would have to.
const SCHEMA: &str = "lacuna-exact-1";

/// A line per subject and per state.
const BYTES_MAX: u64 = 64 << 20;

/// What an exact model is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: String,
    /// The program that made it; another one's states are not gone on from.
    pub lacuna: String,
    /// Where it was computed; another device or instruction set rounds differently.
    pub device: String,
    /// A digest of the sources of the kernels that computed it; none of a model that was made before this was kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernels: String,
    /// A digest of the settings.
    pub settings: String,
    /// The digest of the file with initial weights, if there was one.
    pub init: Option<String>,
    /// Whom those weights were trained on, by their lineage or by the user's statement; none if nothing says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_saw: Option<BTreeSet<SubjectId>>,
    /// The seal of the manifest that this one was erased from.
    pub parent: Option<String>,
    /// Who is trained on where.
    pub plan: Plan,
    /// A digest of each subject's prepared scans.
    pub data: BTreeMap<SubjectId, String>,
    /// Volumes passed forward and backward for the files of this folder, those not counted that were taken over.
    pub trained_passes: u64,
    /// The state that every shard begins from.
    pub start: Option<Kept>,
    /// By shard.
    pub shards: Vec<ShardFiles>,
    seal: Option<String>,
}

/// The files of one shard; of one that everybody left, none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardFiles {
    /// The state before each slice, by slice counted from 1. The first stage's is the common start.
    pub states: BTreeMap<usize, Kept>,
    /// The network at the end.
    pub model: Option<Kept>,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The name of its state: a digest of all that decides its bytes.
    pub key: String,
    /// BLAKE3 of the file.
    pub file: String,
    /// The digest of the network in it.
    pub network: String,
    /// Volumes that the shard had passed by then.
    pub passes: u64,
}

/// The program and the machine that make a model.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'a> {
    /// As [`Manifest::lacuna`].
    pub lacuna: &'a str,
    /// As [`Manifest::device`].
    pub device: &'a str,
    /// As [`Manifest::kernels`].
    pub kernels: &'a str,
}

/// What a model is made from, for a new manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// As [`Manifest::lacuna`].
    pub lacuna: String,
    /// As [`Manifest::device`].
    pub device: String,
    /// As [`Manifest::kernels`].
    pub kernels: String,
    /// As [`Manifest::settings`].
    pub settings: String,
    /// As [`Manifest::init`].
    pub init: Option<String>,
    /// As [`Manifest::init_saw`].
    pub init_saw: Option<BTreeSet<SubjectId>>,
}

impl Manifest {
    /// Of a training that has not begun.
    pub(crate) fn new(
        origin: &Origin,
        plan: &Plan,
        data: BTreeMap<SubjectId, String>,
        parent: Option<String>,
    ) -> Manifest {
        Manifest {
            schema: SCHEMA.to_string(),
            lacuna: origin.lacuna.clone(),
            device: origin.device.clone(),
            kernels: origin.kernels.clone(),
            settings: origin.settings.clone(),
            init: origin.init.clone(),
            init_saw: origin.init_saw.clone(),
            parent,
            plan: plan.clone(),
            data,
            trained_passes: 0,
            start: None,
            shards: vec![ShardFiles::default(); plan.shards().len()],
            seal: None,
        }
    }

    /// The manifest in a folder.
    ///
    /// # Errors
    /// A file that cannot be read, is of another format, not as it was sealed, or at odds with itself.
    pub fn read(folder: &Path) -> Result<Manifest, ExactError> {
        let path = folder.join(MANIFEST);
        Manifest::of_text(&lacuna_disk::read_text(&path, BYTES_MAX)?, &path)
    }

    /// The manifest that a text is, read from `path`.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn of_text(text: &str, path: &Path) -> Result<Manifest, ExactError> {
        let unfit = |field: &str, expected: &str, found: String| ExactError::Unfit {
            path: path.to_path_buf(),
            field: field.to_string(),
            expected: expected.to_string(),
            found,
            fix: "restore it from a copy, or train again",
        };
        let manifest: Manifest = serde_json::from_str(text)
            .map_err(|error| unfit("manifest", "one of an exact model", error.to_string()))?;
        if manifest.schema != SCHEMA {
            return Err(unfit("schema", SCHEMA, manifest.schema.clone()));
        }
        let seal = manifest.digest();
        if manifest.seal.as_ref() != Some(&seal) {
            return Err(unfit("seal", &seal, manifest.seal.clone().unwrap_or("none".to_string())));
        }
        if manifest.shards.len() != manifest.plan.shards().len() {
            let expected = format!("{} shards, those of the plan", manifest.plan.shards().len());
            return Err(unfit("shards", &expected, manifest.shards.len().to_string()));
        }
        if let Some(subject) = manifest.plan.subjects().iter().find(|subject| !manifest.data.contains_key(subject)) {
            return Err(unfit("data", "a digest of every subject", format!("none of {subject}")));
        }
        Ok(manifest)
    }

    /// Seal it and write it, atomically.
    pub(crate) fn write(&mut self, folder: &Path) -> Result<(), ExactError> {
        Ok(lacuna_disk::write_bytes(&folder.join(MANIFEST), self.sealed().as_bytes())?)
    }

    /// Seal it; its text.
    pub fn sealed(&mut self) -> String {
        self.seal = Some(self.digest());
        serde_json::to_string_pretty(self).expect("plain data is JSON") + "\n"
    }

    /// Strike out every file that is gone or not as it was: what is not named is made again.
    pub(crate) fn strike_damaged(&mut self, folder: &Path) -> Result<(), ExactError> {
        let keep_intact = |path: PathBuf, kept: &mut Option<Kept>| {
            let intact = match kept {
                Some(kept) => path.is_file() && lacuna_disk::digest_file(&path)? == kept.file,
                None => true,
            };
            if !intact {
                *kept = None;
            }
            Ok::<(), ExactError>(())
        };
        keep_intact(start_file(folder), &mut self.start)?;
        for (shard, files) in self.shards.iter_mut().enumerate() {
            keep_intact(model_file(folder, shard), &mut files.model)?;
            let mut intact = BTreeMap::new();
            for (slice, kept) in std::mem::take(&mut files.states) {
                let mut kept = Some(kept);
                keep_intact(state_file(folder, shard, slice.saturating_sub(1)), &mut kept)?;
                intact.extend(kept.map(|kept| (slice, kept)));
            }
            files.states = intact;
        }
        Ok(())
    }

    /// A digest of everything in it: its name as a parent.
    pub fn digest(&self) -> String {
        let unsealed = Manifest { seal: None, ..self.clone() };
        lacuna_disk::digest(&serde_json::to_vec(&unsealed).expect("plain data is JSON"))
    }

    /// What decides the states beside the stages.
    pub fn identity(&self) -> Identity<'_> {
        let Manifest { lacuna, device, kernels, settings, data, .. } = self;
        Identity { lacuna, device, kernels, settings, data }
    }

    /// Whether the model was trained on a subject, by its plan or through the weights that it began from; none if
    /// nothing says whom those had seen.
    pub fn saw(&self, subject: &SubjectId) -> Option<bool> {
        let by_init = match (&self.init, &self.init_saw) {
            (None, _) => Some(false),
            (Some(_), Some(seen)) => Some(seen.contains(subject)),
            (Some(_), None) => None,
        };
        if self.plan.subjects().contains(subject) { Some(true) } else { by_init }
    }

    /// Refuse an erase that could not come to the bytes of training without the subjects: the model was made by another
    /// program, device, instruction set or kernels, or began from weights that saw them, or may have.
    ///
    /// # Errors
    /// [`ExactError::Unfit`] or [`ExactError::InitSaw`], with what would have to be otherwise.
    pub fn check_erase(&self, folder: &Path, by: &Maker, leaving: &BTreeSet<SubjectId>) -> Result<(), ExactError> {
        let fields = [
            ("lacuna", by.lacuna, &self.lacuna, "erase with the version that trained it"),
            ("device", by.device, &self.device, "give --device and --isa as it was trained with"),
            ("kernels", by.kernels, &self.kernels, "erase with the build of lacuna that trained it"),
        ];
        for (field, here, trained, fix) in fields {
            if here != trained {
                let path = folder.join(MANIFEST);
                let expected = if trained.is_empty() { "a digest of its kernels" } else { trained }.to_string();
                let found = if trained.is_empty() { "none" } else { here }.to_string();
                return Err(ExactError::Unfit { path, field: field.to_string(), expected, found, fix });
            }
        }
        let Some(init) = &self.init else { return Ok(()) };
        let found = match &self.init_saw {
            None => "nothing beside the weights or in the training's settings that says whom they saw".to_string(),
            Some(seen) => match leaving.intersection(seen).next() {
                None => return Ok(()),
                Some(subject) => format!("weights that saw {subject}, and with them start.safetensors and every state"),
            },
        };
        let fix = match &self.init_saw {
            None => "train anew, and state with --init-saw whom the weights saw (none, if they saw nobody)",
            Some(_) => "train anew without --init, or from weights that never saw them",
        };
        Err(ExactError::InitSaw { path: folder.join(MANIFEST), init: init.clone(), found, fix })
    }

    /// Whether the training is finished: every shard that has somebody has a model.
    pub fn is_finished(&self) -> bool {
        self.plan.living_shards().all(|shard| self.shards[shard].model.is_some())
    }

    /// Whether all that decides the bytes is the same.
    pub(crate) fn is_of_the_training_of(&self, other: &Manifest) -> bool {
        let decides = |field: fn(&Manifest) -> &String| field(self) == field(other);
        decides(|of| &of.lacuna)
            && decides(|of| &of.device)
            && decides(|of| &of.kernels)
            && decides(|of| &of.settings)
            && (&self.init, &self.init_saw) == (&other.init, &other.init_saw)
            && (&self.parent, &self.plan, &self.data) == (&other.parent, &other.plan, &other.data)
    }

    /// The state of a name, and its file below `folder`.
    pub(crate) fn state_named(&self, folder: &Path, key: &str) -> Option<(PathBuf, &Kept)> {
        let states = self.shards.iter().enumerate().flat_map(|(shard, files)| {
            files.states.iter().filter(|(slice, _)| **slice > 0).map(move |(slice, kept)| (shard, slice - 1, kept))
        });
        let found = states.into_iter().find(|(_, _, kept)| kept.key == key);
        found.map(|(shard, slice, kept)| (state_file(folder, shard, slice), kept))
    }

    /// The model of a name, and its file below `folder`.
    pub(crate) fn model_named(&self, folder: &Path, key: &str) -> Option<(PathBuf, &Kept)> {
        let models = self.shards.iter().enumerate().filter_map(|(shard, files)| Some((shard, files.model.as_ref()?)));
        let found = models.into_iter().find(|(_, kept)| kept.key == key);
        found.map(|(shard, kept)| (model_file(folder, shard), kept))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::tests::plan;

    fn manifest() -> Manifest {
        let plan = plan(4, [2, 2]);
        let [lacuna, device, kernels, settings] = ["1", "cpu", "k", "s"].map(str::to_string);
        let origin = Origin { lacuna, device, kernels, settings, init: None, init_saw: None };
        let data = plan.subjects().into_iter().map(|subject| (subject, "d".to_string())).collect();
        Manifest::new(&origin, &plan, data, None)
    }

    /// One with a start and a model of these digests.
    pub(crate) fn manifest_with_files([start, model]: [&str; 2]) -> Manifest {
        let kept = |file: &str| Kept { key: String::new(), file: file.to_string(), network: String::new(), passes: 0 };
        let mut manifest = manifest();
        (manifest.start, manifest.shards[0].model) = (Some(kept(start)), Some(kept(model)));
        manifest
    }

    #[test]
    fn an_erase_by_another_program_device_or_kernels_or_from_weights_that_saw_the_person_is_refused() {
        let (folder, ids) = (Path::new("run"), crate::plan::tests::ids(4));
        let one = BTreeSet::from([ids[0].clone()]);
        let here = Maker { lacuna: "1", device: "cpu", kernels: "k" };
        let refused = |manifest: &Manifest, by: Maker| manifest.check_erase(folder, &by, &one).unwrap_err().to_string();
        assert!(manifest().check_erase(folder, &here, &one).is_ok());
        let others = [
            (Maker { lacuna: "2", ..here }, "lacuna: expected 1, found 2; fix: "),
            (Maker { device: "gpu", ..here }, "device: expected cpu, found gpu; fix: "),
            (Maker { kernels: "l", ..here }, "kernels: expected k, found l; fix: "),
        ];
        for (by, said) in others {
            let message = refused(&manifest(), by);
            assert!(message.contains(said) && message.contains("exact.json"), "{message}");
        }
        let begun = |saw: Option<&SubjectId>| {
            let saw = saw.map(|subject| BTreeSet::from([subject.clone()]));
            Manifest { init: Some("i".to_string()), init_saw: saw, ..manifest() }
        };
        let old = Manifest { kernels: String::new(), ..manifest() };
        for (manifest, said) in [
            (begun(Some(&ids[0])), "weights that saw sub-0"),
            (begun(None), "--init-saw"),
            (old, "kernels: expected a digest of its kernels, found none"),
        ] {
            let message = refused(&manifest, here);
            assert!(message.contains(said) && message.contains("fix: "), "{message}");
        }
        assert!(begun(Some(&ids[1])).check_erase(folder, &here, &one).is_ok(), "the weights saw somebody else");
        let stranger = SubjectId::new("stranger").unwrap();
        assert_eq!((manifest().saw(&ids[0]), manifest().saw(&stranger)), (Some(true), Some(false)));
        assert_eq!((begun(None).saw(&stranger), begun(Some(&stranger)).saw(&stranger)), (None, Some(true)));
    }

    #[test]
    fn a_manifest_reads_back_and_an_edited_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut written = manifest();
        written.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), written);
        let path = folder.path().join(MANIFEST);
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to, field) in [
            ("\"trained_passes\": 0", "\"trained_passes\": 1", "seal"),
            ("lacuna-exact-1", "lacuna-exact-2", "schema"),
            ("\"plan\"", "\"plane\"", "manifest"),
            ("\"sub-1\"", "\"../1\"", "manifest"),
        ] {
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let message = Manifest::read(folder.path()).unwrap_err().to_string();
            assert!(message.contains(field) && message.contains("exact.json") && message.contains("fix"), "{message}");
        }
    }

    #[test]
    fn a_sealed_manifest_at_odds_with_itself_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut few = manifest();
        few.shards.pop();
        few.write(folder.path()).unwrap();
        assert!(Manifest::read(folder.path()).unwrap_err().to_string().contains("2 shards"));
        let mut unknown = manifest();
        unknown.data.pop_first();
        unknown.write(folder.path()).unwrap();
        assert!(Manifest::read(folder.path()).unwrap_err().to_string().contains("none of sub-0"));
    }
}
