//! What each file with weights is to a person: by its run's lineage, by registers, by records, by what it began from, and
//! by content. Never by bytes that happen to spell an id.

use super::person::{Attribution, Person};
use super::survey::{Recorded, Survey, of_lineage};
use super::{Basis, Remedy};
use lacuna_artefacts::Kind;
use lacuna_ledger::Holds;
use lacuna_nn::{Device, read_model};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The one model of a run folder.
pub const MODEL: &str = "model.safetensors";

/// What is known of a file with weights.
#[derive(Clone, Debug, PartialEq)]
pub enum Saw {
    /// It holds the person.
    Person(Holds, Remedy, Basis),
    /// Others, and not the person.
    Others,
    /// Nothing says whom it saw; why.
    Unknown(String),
}

impl Saw {
    /// The same with a better reason, where nothing else is known.
    fn with_reason(self, reason: impl FnOnce() -> Option<String>) -> Saw {
        match self {
            Saw::Unknown(why) if why == NOTHING_SAYS => Saw::Unknown(reason().unwrap_or(why)),
            other => other,
        }
    }
}

/// What is known of the models below some folders.
pub struct Models<'a> {
    survey: &'a Survey,
    person: &'a Person,
    /// Digests of tensors and of files that hold the person.
    tainted: BTreeSet<String>,
    /// Runs that began from one of these.
    descended: BTreeSet<PathBuf>,
    /// Digests of tensors of models that never saw the person, or were made to forget them.
    clean: BTreeMap<String, Saw>,
}

impl<'a> Models<'a> {
    /// Follow lineages and parents; `digest_of` gives the BLAKE3 digest of a file.
    pub fn new(survey: &'a Survey, person: &'a Person, digest_of: &dyn Fn(&Path) -> Option<String>) -> Models<'a> {
        let mut models =
            Models { survey, person, tainted: BTreeSet::new(), descended: BTreeSet::new(), clean: BTreeMap::new() };
        for lineage in survey.lineages.values() {
            let (holds, knew) = of_lineage(lineage, person);
            models.tainted.extend(knew);
            match holds {
                None if lineage.seen().is_none() => {
                    drop(models.clean.insert(lineage.model.clone(), Saw::Unknown(INIT_UNKNOWN.to_string())));
                }
                None => drop(models.clean.insert(lineage.model.clone(), Saw::Others)),
                Some(Holds::Forgotten) => {
                    let saw = Saw::Person(Holds::Forgotten, Remedy::Keep, Basis::Lineage);
                    models.clean.insert(lineage.model.clone(), saw);
                }
                Some(_) => {}
            }
        }
        for entered in survey.registers.values().flatten() {
            // A prediction of the person may come from a network that never saw them.
            let is_weights = entered.artefact.kind == Kind::Weights;
            if is_weights && person.attributed_by(entered) == Attribution::Holds {
                models.tainted.extend(entered.artefact.model.iter().chain(&entered.artefact.digest).cloned());
            }
        }
        models.follow_parents(digest_of);
        let Models { tainted, clean, .. } = &mut models;
        clean.retain(|digest, _| !tainted.contains(digest));
        models
    }

    /// Mark runs that began from a model that holds the person, and the models that they made, until nothing is new.
    fn follow_parents(&mut self, digest_of: &dyn Fn(&Path) -> Option<String>) {
        let mut files: BTreeMap<&Path, Option<String>> = BTreeMap::new();
        loop {
            let before = (self.tainted.len(), self.descended.len());
            for (folder, parents) in &self.survey.runs {
                let lineage = self.survey.lineages.get(folder);
                let holds = lineage.and_then(|lineage| of_lineage(lineage, self.person).0);
                if !parents.is_disjoint(&self.tainted) && holds != Some(Holds::Forgotten) {
                    self.descended.insert(folder.clone());
                }
                if self.descended.contains(folder) || holds == Some(Holds::Weights) {
                    self.tainted.extend(lineage.map(|lineage| lineage.model.clone()));
                    let file = files.entry(folder.as_path()).or_insert_with(|| digest_of(&folder.join(MODEL)));
                    self.tainted.extend(file.clone());
                }
            }
            if before == (self.tainted.len(), self.descended.len()) {
                return;
            }
        }
    }

    /// Digests of tensors and files that hold the person.
    pub fn tainted(&self) -> &BTreeSet<String> {
        &self.tainted
    }

    /// What is known of a file with weights; what a killed write left half done is what it was to be.
    pub fn of(&self, path: &Path) -> Saw {
        let meant = lacuna_disk::unfinished(path);
        let meant = meant.as_deref().unwrap_or(path);
        let name = meant.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_checkpoint = name.contains("checkpoint") || meant != path;
        self.by_lineage(path, meant, &name, is_checkpoint)
            .or_else(|| self.by_register(meant, is_checkpoint))
            .or_else(|| self.by_record(&name, is_checkpoint))
            .or_else(|| self.by_parents(meant, is_checkpoint))
            .unwrap_or_else(|| self.by_content(path))
            .with_reason(|| self.lineage_of_another(path, &name))
    }

    /// Why the lineage beside a model says nothing of it, if one lies there.
    fn lineage_of_another(&self, path: &Path, name: &str) -> Option<String> {
        let lineage = self.survey.lineages.get(path.parent()?).filter(|_| name == MODEL)?;
        let found = network_digest(path).unwrap_or_else(|| "no network of lacuna's".to_string());
        Some(format!(
            "lineage.json beside it is of another model, so nothing says whom this one saw: expected {}, found {found}; \
             fix: restore the model or its lineage, or move the model away",
            lineage.model
        ))
    }

    /// The model and the checkpoint of a run; any other file in its folder is none of its own.
    fn by_lineage(&self, path: &Path, meant: &Path, name: &str, is_checkpoint: bool) -> Option<Saw> {
        let folder = meant.parent()?;
        let lineage = self.survey.lineages.get(folder)?;
        let (holds, _) = of_lineage(lineage, self.person);
        if is_checkpoint && (name.starts_with("checkpoint") || name == MODEL) {
            let descended = self.descended.contains(folder);
            return Some(match holds {
                // While it is being made to forget, a network still knows.
                Some(_) => Saw::Person(Holds::Checkpoint, Remedy::Quarantine, Basis::Lineage),
                None if descended => Saw::Person(Holds::Checkpoint, Remedy::Quarantine, Basis::Parents),
                None => Saw::Others,
            });
        }
        if name != MODEL || network_digest(path).as_deref() != Some(lineage.model.as_str()) {
            return None;
        }
        Some(match holds {
            Some(Holds::Forgotten) => Saw::Person(Holds::Forgotten, Remedy::Keep, Basis::Lineage),
            Some(holds) => Saw::Person(holds, Remedy::Quarantine, Basis::Lineage),
            None if self.descended.contains(folder) => Saw::Person(Holds::Weights, Remedy::Quarantine, Basis::Parents),
            None => Saw::Others,
        })
    }

    fn by_register(&self, meant: &Path, is_checkpoint: bool) -> Option<Saw> {
        // What a run's lineage says of its model is more than what was registered when it began.
        let of_run = meant.parent().is_some_and(|folder| self.survey.lineages.contains_key(folder));
        if of_run && meant.file_name().is_some_and(|name| name == MODEL) {
            return None;
        }
        let entered = self.survey.entry_of(meant)?;
        let holds = if is_checkpoint { Holds::Checkpoint } else { Holds::Weights };
        match self.person.attributed_by(entered) {
            Attribution::Holds => Some(Saw::Person(holds, Remedy::Quarantine, Basis::Register)),
            Attribution::Forgotten if is_checkpoint => Some(Saw::Person(holds, Remedy::Quarantine, Basis::Register)),
            Attribution::Forgotten => Some(Saw::Person(Holds::Forgotten, Remedy::Keep, Basis::Register)),
            Attribution::Others => Some(Saw::Others),
            Attribution::Unknown => None,
        }
    }

    /// A study's models can be made again from its records, so a record that names the person is enough to remove them.
    fn by_record(&self, name: &str, is_checkpoint: bool) -> Option<Saw> {
        let holds = if is_checkpoint { Holds::Checkpoint } else { Holds::Weights };
        Some(match self.survey.task_of(name)? {
            Recorded::Person => Saw::Person(holds, Remedy::Quarantine, Basis::Record),
            Recorded::Others => Saw::Others,
            Recorded::Pseudonyms => {
                let why = "its record calls people by number, under no key that is here; fix: look into that study's \
                           data, or delete its models, which can be made again";
                Saw::Unknown(why.to_string())
            }
        })
    }

    /// A run that was killed before it wrote its lineage.
    fn by_parents(&self, meant: &Path, is_checkpoint: bool) -> Option<Saw> {
        let folder = meant.parent()?;
        let holds = if is_checkpoint { Holds::Checkpoint } else { Holds::Weights };
        let of_run = self.descended.contains(folder) && !self.survey.lineages.contains_key(folder);
        of_run.then_some(Saw::Person(holds, Remedy::Quarantine, Basis::Parents))
    }

    /// A copy under another name, or a file whose folder says nothing of it.
    fn by_content(&self, path: &Path) -> Saw {
        let file = lacuna_disk::digest_file(path).ok();
        if file.is_some_and(|digest| self.tainted.contains(&digest)) {
            return Saw::Person(Holds::Weights, Remedy::Quarantine, Basis::Content);
        }
        match network_digest(path) {
            Some(digest) if self.tainted.contains(&digest) => {
                Saw::Person(Holds::Weights, Remedy::Quarantine, Basis::Content)
            }
            Some(digest) => self.clean.get(&digest).cloned().unwrap_or_else(|| Saw::Unknown(NOTHING_SAYS.to_string())),
            None => Saw::Unknown(NOTHING_SAYS.to_string()),
        }
    }
}

const INIT_UNKNOWN: &str = "it began from weights of which nothing says whom they saw; fix: train --init-saw states it";
const NOTHING_SAYS: &str = "nothing says whom this model saw";

/// The digest of a network's tensors, where the file is one of ours.
pub fn network_digest(path: &Path) -> Option<String> {
    Some(read_model(path, &Device::flex()).ok()?.network.digest())
}

/// Endings of files with weights, whatever is in them.
const ENDINGS: &[&str] = &[
    "safetensors",
    "checkpoint",
    "fetched",
    "pth",
    "pt",
    "ckpt",
    "onnx",
    "st",
    "h5",
    "npz",
    "pkl",
    "tflite",
    "engine",
];
/// First bytes of archives, in which anything may lie: zip, gzip, xz, zstd, bzip2, 7-Zip.
const ARCHIVES: &[&[u8]] =
    &[b"PK\x03\x04", b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"BZh", b"7z\xbc\xaf\x27\x1c"];

/// Whether a file is, or may hold, a network: by its ending, or by its first bytes whatever it is called.
pub fn may_be_a_model(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.ends_with(".nii.gz") || name.ends_with(".nii") || name.ends_with(".case") {
        return false;
    }
    let meant = lacuna_disk::unfinished(path).unwrap_or_else(|| path.to_path_buf());
    let ending = meant.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
        return true;
    }
    let mut head = Vec::with_capacity(512);
    let opened = std::fs::File::open(path).map(|file| file.take(512).read_to_end(&mut head));
    if !matches!(opened, Ok(Ok(_))) {
        return false;
    }
    let is_pickle = head.len() > 2 && head[0] == 0x80 && (2..=5).contains(&head[1]);
    let is_tar = head.get(257..262) == Some(b"ustar");
    is_safetensors(&head, path) || is_pickle || is_tar || ARCHIVES.iter().any(|magic| head.starts_with(magic))
}

/// Eight bytes of length, then a JSON header of that length.
fn is_safetensors(head: &[u8], path: &Path) -> bool {
    let Some((length, rest)) = head.split_first_chunk::<8>() else { return false };
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    rest.first() == Some(&b'{') && u64::from_le_bytes(*length) < bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_archives_are_known_by_ending_or_by_their_first_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let mut tensors = 2_u64.to_le_bytes().to_vec();
        tensors.extend(b"{}");
        let cases: [(&str, &[u8], bool); 9] = [
            ("model.safetensors", b"", true),
            ("MODEL.SAFETENSORS", b"", true),
            ("a.checkpoint", b"", true),
            ("a.checkpoint.7-1-0123456789abcdef.tmp", b"", true),
            ("model.bak", &tensors, true),
            ("copy.tar", b"PK\x03\x04", true),
            ("scan.nii.gz", b"\x1f\x8b", false),
            ("results.csv", b"subject,dice\n", false),
            ("note", b"", false),
        ];
        for (name, bytes, expected) in cases {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(may_be_a_model(&path), expected, "{name}");
        }
    }
}
