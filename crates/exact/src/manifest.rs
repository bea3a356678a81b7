//! `exact.json`: the plan of an exact model, and every state and model with its digests.
//!
//! It is rewritten whenever a stage ends, so it is also the journal from which an interrupted run resumes: a file that
//! it does not name is ignored. A seal shows damage and careless edits, not forgery.

use crate::folder::{MANIFEST, model_file, start_file, state_file};
use crate::{ExactError, Identity, Plan};
use lacuna_cohort::SubjectId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The format's name; its number rises with every change that a reader has to follow.
const SCHEMA: &str = "lacuna-exact-1";

/// The largest manifest that is read, in bytes; it has a line per subject and per state.
const BYTES_MAX: u64 = 64 << 20;

/// The manifest of an exact model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: String,
    /// The version of lacuna that made the model; states of another version are not continued.
    pub lacuna: String,
    /// The compute device and instruction set; others round differently.
    pub device: String,
    /// A digest of the sources of the kernels that computed the model; empty in manifests without this field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernels: String,
    /// A digest of the settings of the training.
    pub settings: String,
    /// The BLAKE3 digest of the file with initial weights, if there was one.
    pub init: Option<String>,
    /// The subjects that the initial weights were trained on, by their lineage or by the user's statement; `None` if
    /// unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_saw: Option<BTreeSet<SubjectId>>,
    /// The seal of the manifest that this one was erased from.
    pub parent: Option<String>,
    /// The subjects of each slice of each shard.
    pub plan: Plan,
    /// A digest of each subject's prepared scans.
    pub data: BTreeMap<SubjectId, String>,
    /// The volumes passed forward and backward to make the files of this folder; files that were copied from a parent
    /// do not count.
    pub trained_passes: u64,
    /// The state that every shard begins from.
    pub start: Option<Kept>,
    /// The files of each shard, in the order of the plan.
    pub shards: Vec<ShardFiles>,
    seal: Option<String>,
}

/// The files of one shard; none if all its subjects were erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardFiles {
    /// The state before each slice, by slice counted from 1. The state before the first slice is the common start.
    pub states: BTreeMap<usize, Kept>,
    /// The trained network of the shard.
    pub model: Option<Kept>,
}

/// A state or model file, with its digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The name of its state: a digest of everything that determines its bytes.
    pub key: String,
    /// The BLAKE3 digest of the file.
    pub file: String,
    /// The digest of the network in it.
    pub network: String,
    /// The volumes that the shard had passed when the file was written.
    pub passes: u64,
}

/// The program and the machine that make a model.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'a> {
    /// The version of lacuna; see [`Manifest::lacuna`].
    pub lacuna: &'a str,
    /// The compute device; see [`Manifest::device`].
    pub device: &'a str,
    /// The digest of the kernels; see [`Manifest::kernels`].
    pub kernels: &'a str,
}

/// The program, settings and initial weights of a training, for a new manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The version of lacuna; see [`Manifest::lacuna`].
    pub lacuna: String,
    /// The compute device; see [`Manifest::device`].
    pub device: String,
    /// The digest of the kernels; see [`Manifest::kernels`].
    pub kernels: String,
    /// The digest of the settings; see [`Manifest::settings`].
    pub settings: String,
    /// The digest of the initial weights; see [`Manifest::init`].
    pub init: Option<String>,
    /// The subjects of the initial weights; see [`Manifest::init_saw`].
    pub init_saw: Option<BTreeSet<SubjectId>>,
}

impl Manifest {
    /// The manifest of a training that has not begun.
    pub fn new(origin: &Origin, plan: &Plan, data: BTreeMap<SubjectId, String>, parent: Option<String>) -> Manifest {
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

    /// Reads the manifest in a folder.
    ///
    /// # Errors
    /// If the file cannot be read, has another format, does not match its seal, or contradicts itself.
    pub fn read(folder: &Path) -> Result<Manifest, ExactError> {
        let path = folder.join(MANIFEST);
        Manifest::of_text(&lacuna_disk::read_text(&path, BYTES_MAX)?, &path)
    }

    /// Parses the text of a manifest; `path` is named in errors.
    ///
    /// # Errors
    /// Those of [`Manifest::read`].
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

    /// Seals the manifest and writes it atomically.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self, folder: &Path) -> Result<(), ExactError> {
        Ok(lacuna_disk::write_bytes(&folder.join(MANIFEST), self.sealed().as_bytes())?)
    }

    /// Computes the seal, stores it in the manifest, and returns the manifest's text.
    pub fn sealed(&mut self) -> String {
        self.seal = Some(self.digest());
        serde_json::to_string_pretty(self).expect("plain data is JSON") + "\n"
    }

    /// Removes every file from the manifest that is missing or damaged; training makes such files again.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn strike_damaged(&mut self, folder: &Path) -> Result<(), ExactError> {
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

    /// A digest of the whole manifest; a manifest that was erased from this one has it as `parent`.
    pub fn digest(&self) -> String {
        let unsealed = Manifest { seal: None, ..self.clone() };
        lacuna_disk::digest(&serde_json::to_vec(&unsealed).expect("plain data is JSON"))
    }

    /// Everything that determines the states besides the stages.
    pub fn identity(&self) -> Identity<'_> {
        let Manifest { lacuna, device, kernels, settings, data, .. } = self;
        Identity { lacuna, device, kernels, settings, data }
    }

    /// Whether the model was trained on a subject, by its plan or through its initial weights; `None` if the subjects
    /// of the initial weights are unknown.
    pub fn saw(&self, subject: &SubjectId) -> Option<bool> {
        let by_init = match (&self.init, &self.init_saw) {
            (None, _) => Some(false),
            (Some(_), Some(seen)) => Some(seen.contains(subject)),
            (Some(_), None) => None,
        };
        if self.plan.subjects().contains(subject) { Some(true) } else { by_init }
    }

    /// Checks that an erase can reach the bytes of training without the subjects. It cannot if the model was made by
    /// another program, device, instruction set or kernels, or if its initial weights were, or may have been, trained
    /// on them.
    ///
    /// # Errors
    /// [`ExactError::Unfit`] or [`ExactError::InitSaw`], with the value that would be required.
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
            None => "train anew, and state with --init-saw whom the weights saw (none, if they saw no subject)",
            Some(_) => "train anew without --init, or from weights that never saw them",
        };
        Err(ExactError::InitSaw { path: folder.join(MANIFEST), init: init.clone(), found, fix })
    }

    /// Whether the training is finished: every shard that has subjects has a model.
    pub fn is_finished(&self) -> bool {
        self.plan.living_shards().all(|shard| self.shards[shard].model.is_some())
    }

    /// Whether everything that determines the bytes is the same in both manifests.
    pub fn is_of_the_training_of(&self, other: &Manifest) -> bool {
        let decides = |field: fn(&Manifest) -> &String| field(self) == field(other);
        decides(|of| &of.lacuna)
            && decides(|of| &of.device)
            && decides(|of| &of.kernels)
            && decides(|of| &of.settings)
            && (&self.init, &self.init_saw) == (&other.init, &other.init_saw)
            && (&self.parent, &self.plan, &self.data) == (&other.parent, &other.plan, &other.data)
    }

    /// The state with this name, and the path of its file below `folder`.
    pub fn state_named(&self, folder: &Path, key: &str) -> Option<(PathBuf, &Kept)> {
        let states = self.shards.iter().enumerate().flat_map(|(shard, files)| {
            files.states.iter().filter(|(slice, _)| **slice > 0).map(move |(slice, kept)| (shard, slice - 1, kept))
        });
        let found = states.into_iter().find(|(_, _, kept)| kept.key == key);
        found.map(|(shard, slice, kept)| (state_file(folder, shard, slice), kept))
    }

    /// The model with this name, and the path of its file below `folder`.
    pub fn model_named(&self, folder: &Path, key: &str) -> Option<(PathBuf, &Kept)> {
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
