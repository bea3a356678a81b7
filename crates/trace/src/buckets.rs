//! The objects in buckets that hold a person: they are listed, and left for the bucket's own tools to delete, with all
//! versions and copies.
//!
//! A bucket is found by the plans and runs that name it. Its records are read, models are known by the records' keys,
//! and scans by their names. A bucket that cannot be reached is reported as not listed.

use crate::error::TraceError;
use crate::folders::Folders;
use crate::person::Person;
use crate::survey::{Recorded, Survey, study_record};
use crate::{TEXT_BYTES_MAX, ours, walk};
use lacuna_ledger::{Holds, Ledger};
use lacuna_objects::{Address, Location, ObjectError};
use lacuna_runs::RUN;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A prefix of a bucket.
#[derive(Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// The URL of the bucket and its prefix.
    pub address: String,
    /// The reason why it could not be listed, if so.
    pub not_listed: Option<String>,
    /// Objects that hold the subject, by their URL.
    pub objects: BTreeMap<String, Holds>,
    /// Models of which no record says whom they saw.
    pub unattributed: Vec<String>,
}

/// What buckets hold of a person: those of `folders`, and those that plans and runs in its roots name.
///
/// # Errors
/// A file in a root that cannot be read. A bucket that cannot be listed is in the result, with the reason.
pub fn in_buckets(person: &Person, folders: &Folders, ledger: Option<&Ledger>) -> Result<Vec<Bucket>, TraceError> {
    let mut addresses = named_buckets(folders, ledger)?;
    addresses.extend(folders.buckets.iter().cloned());
    if addresses.is_empty() {
        return Ok(Vec::new());
    }
    let walked = walk::walk(&folders.roots, ledger)?;
    Ok(look(person, &addresses, &Survey::read(&walked, person)?))
}

/// The buckets that plans and runs in the roots name: an address counts in whatever field it stands.
fn named_buckets(folders: &Folders, ledger: Option<&Ledger>) -> Result<BTreeSet<String>, TraceError> {
    let mut found = BTreeSet::new();
    for path in &walk::walk(&folders.roots, ledger)?.files {
        match path.file_name().and_then(|name| name.to_str()) {
            Some(RUN) => urls_in(&lacuna_disk::read_text(path, TEXT_BYTES_MAX)?, &mut found),
            Some("plan.jsonl") => {
                let text = lacuna_disk::read_text(path, TEXT_BYTES_MAX)?;
                let head = text.lines().next().unwrap_or_default();
                urls_in(head, &mut found);
                found.extend(data_of_plan(head));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Every bucket among the texts of a JSON document; none in what is no JSON.
fn urls_in(text: &str, found: &mut BTreeSet<String>) {
    let mut values: Vec<Value> = serde_json::from_str(text).into_iter().collect();
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) => found.extend(bucket(&text)),
            Value::Array(items) => values.extend(items),
            Value::Object(fields) => values.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}

fn bucket(text: &str) -> Option<String> {
    // `--records=s3://…` is one word of a command line.
    let url = text.split_once('=').filter(|(option, _)| option.starts_with("--")).map_or(text, |(_, url)| url);
    ["s3://", "gs://", "az://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
        .then(|| url.trim_end_matches('/').to_string())
}

/// The data set of a plan's study, if the study file is still there.
fn data_of_plan(head: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        about: About,
    }
    #[derive(Deserialize)]
    struct About {
        file: PathBuf,
    }
    #[derive(Deserialize)]
    struct Study {
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        root: String,
    }
    let head: Head = serde_json::from_str(head).ok()?;
    let study: Study = toml::from_str(&lacuna_disk::read_text(&head.about.file, TEXT_BYTES_MAX).ok()?).ok()?;
    bucket(&study.data.root)
}

/// List each of them; `survey` knows the records that lie in folders.
fn look(person: &Person, addresses: &BTreeSet<String>, survey: &Survey) -> Vec<Bucket> {
    let mut listed = Vec::new();
    // Models may lie in another prefix than the records that say whom they saw.
    let mut tasks = BTreeMap::new();
    for address in addresses {
        let opened = Location::open(&Address::from(address.clone()));
        listed.push((address, opened.and_then(|location| Listing::of(location, person, &mut tasks))));
    }
    let told = |(address, listing): (&String, Result<Listing, ObjectError>)| match listing {
        Ok(listing) => listing.told(address, &|name| {
            let key = tasks.iter().find(|(key, _)| name.starts_with(key.as_str()));
            key.map(|(_, named)| *named).or_else(|| match survey.task_of(name)? {
                Recorded::Person => Some(true),
                Recorded::Others => Some(false),
                Recorded::Pseudonyms => None,
            })
        }),
        Err(error) => Bucket {
            address: address.clone(),
            not_listed: Some(error.to_string()),
            objects: BTreeMap::new(),
            unattributed: Vec::new(),
        },
    };
    listed.into_iter().map(told).collect()
}

/// What lies in a bucket.
struct Listing {
    location: Location,
    names: BTreeSet<String>,
    /// Those that name the subject, in their name or their text.
    named: BTreeMap<String, Holds>,
}

impl Listing {
    fn of(location: Location, person: &Person, tasks: &mut BTreeMap<String, bool>) -> Result<Listing, ObjectError> {
        let names = location.names_below()?;
        let mut named = BTreeMap::new();
        for name in &names {
            if person.is_mentioned_in(name.as_bytes()) {
                let is_volume = name.ends_with(".nii") || name.ends_with(".nii.gz");
                named.insert(name.clone(), if is_volume { Holds::Volume } else { Holds::Name });
            } else if !name.ends_with(".safetensors") && !name.ends_with(".nii") && !name.ends_with(".gz") {
                let text = location.read(name, TEXT_BYTES_MAX)?.unwrap_or_default();
                let key = study_record(&text).and_then(Result::ok).map(|record| record.key);
                let names_subject = match &key {
                    Some(_) => ours::names(ours::Form::Sealed, &text, person),
                    None => person.is_mentioned_in(&text),
                };
                if names_subject {
                    named.insert(name.clone(), if key.is_some() { Holds::Scores } else { Holds::Name });
                }
                tasks.extend(key.map(|key| (key, names_subject)));
            }
        }
        Ok(Listing { location, names, named })
    }

    /// The bucket as reported; `saw` returns for a model's name whether the model saw the subject, if that is known.
    fn told(self, address: &str, saw: &dyn Fn(&str) -> Option<bool>) -> Bucket {
        let mut objects = self.named;
        let mut unattributed = Vec::new();
        for name in self.names.iter().filter(|name| name.ends_with(".safetensors")) {
            match saw(name.rsplit('/').next().unwrap_or(name)) {
                Some(true) => drop(objects.insert(name.clone(), Holds::Weights)),
                Some(false) => {}
                None => unattributed.push(self.location.at(name)),
            }
        }
        let objects = objects.into_iter().map(|(name, holds)| (self.location.at(&name), holds)).collect();
        Bucket { address: address.to_string(), not_listed: None, objects, unattributed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_found_in_runs_and_in_plans_with_the_data_of_their_study() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            lacuna_disk::write_bytes(&path, text.as_bytes()).unwrap();
            path
        };
        let run = serde_json::json!({ "command": ["study", "s.toml", "--records=s3://one/r/", "--models", "m"] });
        let study = write("s.toml", "[data]\nroot = \"gs://three/heads\"\n".to_string());
        let plan = serde_json::json!({ "about": { "file": study, "records": "s3://two/r", "models": "/m" } });
        write("a/run.json", run.to_string());
        write("p/plan.jsonl", format!("{plan}\n{{}}\n"));
        let folders = Folders { roots: vec![folder.path().to_path_buf()], ..Folders::default() };
        let found: Vec<String> = named_buckets(&folders, None).unwrap().into_iter().collect();
        assert_eq!(found, ["gs://three/heads", "s3://one/r", "s3://two/r"]);
    }

    #[test]
    fn records_models_and_scans_of_a_subject_are_told_wherever_they_lie() {
        let (folder, id) = (tempfile::tempdir().unwrap(), Person::named("sub-1"));
        let location = Location::folder_at(folder.path().to_path_buf());
        let record = |key: &str, names: &str| {
            let json =
                serde_json::json!({ "schema": "lacuna-record/9", "key": key, "horizons": [{"volume": {names: {}}}] });
            location.create(&format!("records/{key}.json"), json.to_string().as_bytes()).unwrap();
            location.create(&format!("models/{key}.safetensors"), b"weights").unwrap();
        };
        record("aa", "sub-1");
        record("bb", "sub-10");
        location.create("models/cc.safetensors", b"weights").unwrap();
        location.create("heads/images/sub-1.nii.gz", b"image").unwrap();
        location.create("heads/MANIFEST", b"00  images/sub-1.nii.gz\n").unwrap();
        let mut tasks = BTreeMap::new();
        let listing = Listing::of(location.clone(), &id, &mut tasks).unwrap();
        let bucket = listing.told("s3://b", &|name| tasks.get(name.strip_suffix(".safetensors").unwrap()).copied());
        let expected = [
            ("heads/MANIFEST", Holds::Name),
            ("heads/images/sub-1.nii.gz", Holds::Volume),
            ("models/aa.safetensors", Holds::Weights),
            ("records/aa.json", Holds::Scores),
        ];
        assert_eq!(bucket.objects, BTreeMap::from(expected.map(|(name, holds)| (location.at(name), holds))));
        assert_eq!(bucket.unattributed, [location.at("models/cc.safetensors")]);
    }

    #[test]
    #[cfg(not(feature = "object-store"))]
    fn a_bucket_that_cannot_be_reached_is_told_with_the_reason() {
        let looked = look(&Person::named("sub-1"), &BTreeSet::from(["s3://one/r".to_string()]), &Survey::default());
        assert!(looked[0].not_listed.as_ref().unwrap().contains("--features object-store"), "{looked:?}");
    }
}
