//! Label maps among a BIDS data set's derivatives, and what their values mean.

use super::super::names::{self, Kind};
use super::read::Session;
use super::{ANATOMY, Bids, DERIVATIVES, Layout};
use crate::CohortError;
use crate::error::all_of;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How a discrete segmentation's name ends.
const SUFFIX: &str = "dseg";
const TABLE_BYTES_MAX: u64 = 16 << 20;

/// The label maps of one pipeline that differ in subject and session alone.
pub(super) struct Derivative {
    pipeline: String,
    /// What stands between the session and the suffix, for example `space-T1w_desc-manual`.
    entities: String,
    /// By the session's folder.
    labels: BTreeMap<PathBuf, PathBuf>,
}

impl Derivative {
    /// The one asked for as `PIPELINE` or `PIPELINE/ENTITIES`, or the only one; `None` if there is none.
    ///
    /// # Errors
    /// [`CohortError::Channels`] with those there are, if that does not tell one from the others.
    pub fn find(root: &Path, sessions: &[Session], asked: Option<&str>) -> Result<Option<Derivative>, CohortError> {
        let mut found = all(root, sessions)?;
        if let Some(asked) = asked {
            let refused = refusal(&found, format!("`{asked}`"));
            found.retain(|derivative| derivative.is(asked));
            if found.is_empty() {
                return Err(refused);
            }
        }
        if found.len() > 1 {
            return Err(refusal(&found, "several".into()));
        }
        Ok(found.pop())
    }

    /// The label map of a session.
    pub fn label(&self, session: &Session) -> Option<PathBuf> {
        self.labels.get(&session.folder).cloned()
    }

    /// What the values are called, where a table says so.
    pub fn classes(&self, root: &Path) -> Result<Option<BTreeMap<u16, String>>, CohortError> {
        let pipeline = root.join(DERIVATIVES).join(&self.pipeline);
        let own = format!("{}_{SUFFIX}.tsv", self.entities);
        let tables = [pipeline.join(own), pipeline.join(format!("{SUFFIX}.tsv")), root.join(format!("{SUFFIX}.tsv"))];
        tables.iter().find(|table| table.is_file()).map(|table| read_table(table)).transpose()
    }

    fn name(&self) -> String {
        if self.entities.is_empty() { self.pipeline.clone() } else { format!("{}/{}", self.pipeline, self.entities) }
    }

    fn is(&self, asked: &str) -> bool {
        asked == self.pipeline || asked == self.name()
    }
}

/// Everything that could be meant, by name.
fn all(root: &Path, sessions: &[Session]) -> Result<Vec<Derivative>, CohortError> {
    let folder = root.join(DERIVATIVES);
    let mut found: BTreeMap<(String, String), BTreeMap<PathBuf, PathBuf>> = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    for pipeline in names::entries(&folder)?.into_iter().filter(|entry| entry.kind == Kind::Folder) {
        for session in sessions {
            for (entities, label) in segmentations(&pipeline.path, session)? {
                let labels = found.entry((pipeline.name.clone(), entities)).or_default();
                labels.insert(session.folder.clone(), label);
            }
        }
    }
    let derivative = |((pipeline, entities), labels)| Derivative { pipeline, entities, labels };
    Ok(found.into_iter().map(derivative).collect())
}

fn segmentations(pipeline: &Path, session: &Session) -> Result<Vec<(String, PathBuf)>, CohortError> {
    let folder = pipeline.join(&session.folder).join(ANATOMY);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entities = |stem: &str| {
        let before = session.rest(stem)?.strip_suffix(SUFFIX)?;
        Some(before.strip_suffix('_').unwrap_or(before).to_string())
    };
    Ok(names::volumes(&folder)?.into_iter().filter_map(|(stem, label)| Some((entities(&stem)?, label))).collect())
}

fn refusal(known: &[Derivative], found: String) -> CohortError {
    CohortError::Channels {
        layout: Bids.name(),
        expected: format!("label maps of one of {}", all_of(known.iter().map(Derivative::name))),
        found,
        fix: "choose with --derivative".into(),
    }
}

#[derive(Deserialize)]
struct Row {
    index: u16,
    name: String,
}

fn read_table(path: &Path) -> Result<BTreeMap<u16, String>, CohortError> {
    let text = lacuna_disk::read_text(path, TABLE_BYTES_MAX)?;
    let text = text.trim_start_matches('\u{feff}');
    let malformed = |found: String| CohortError::Format {
        path: path.to_path_buf(),
        field: "rows".into(),
        expected: "the tab-separated columns `index`, from 0 to 65535, and `name`, each index once".into(),
        found,
        fix: "correct the table".into(),
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').trim(csv::Trim::All).from_reader(text.as_bytes());
    // A segmentation's tables often leave the background out.
    let mut classes = BTreeMap::from([(0, "background".to_string())]);
    let mut listed = Vec::new();
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(|error| malformed(error.to_string()))?;
        if listed.contains(&row.index) {
            return Err(malformed(format!("{} twice", row.index)));
        }
        listed.push(row.index);
        classes.insert(row.index, row.name);
    }
    Ok(classes)
}
