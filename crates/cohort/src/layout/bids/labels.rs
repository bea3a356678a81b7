//! Label maps among a BIDS data set's derivatives, and what their values mean.
//!
//! A label map is of the images whose entities it does not contradict, its derivative's own left aside: `run-1_dseg` is
//! of `run-1_T1w` and not of `run-2_T1w`, and `space-T1w_desc-aseg_dseg` of either.

use super::super::names::{self, Kind};
use super::super::volumes::{PassedOver, volumes};
use super::entities::{Entities, parse};
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

/// What stands for a pipeline where the data set itself is a derivative.
const HERE: &str = ".";

/// The label maps of one pipeline that differ in subject, session and image alone.
pub(super) struct Derivative {
    pipeline: String,
    /// What tells it from the pipeline's others, for example `space-T1w_desc-manual`.
    entities: String,
    /// By the session's folder.
    labels: BTreeMap<PathBuf, Vec<LabelMap>>,
    /// How much of it the user has named.
    named: Named,
}

/// How a derivative was chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// It is the only one.
    Nothing,
    /// By its pipeline and its own entities: its maps still go by their images.
    Derivative,
    /// By everything in its maps' names: they are of the images asked for, whatever these are called.
    Everything,
}

#[derive(Clone)]
struct LabelMap {
    entities: Entities,
    path: PathBuf,
}

impl Derivative {
    /// The one asked for as `PIPELINE` or `PIPELINE/ENTITIES`, or the only one; `None` if there is none.
    ///
    /// # Errors
    /// [`CohortError::Channels`] with those there are, if that does not tell one from the others.
    pub fn find(
        root: &Path,
        sessions: &[Session],
        asked: Option<&str>,
        passed_over: &mut Vec<PassedOver>,
    ) -> Result<Option<Derivative>, CohortError> {
        let mut found = all(root, sessions, passed_over)?;
        if let Some(asked) = asked {
            let refused = refusal(&found, format!("`{asked}`"));
            found = named(found, asked);
            if found.is_empty() {
                return Err(refused);
            }
        }
        if found.len() > 1 {
            return Err(refusal(&found, "several".into()));
        }
        Ok(found.pop())
    }

    /// The label map of a session's images of these channels.
    ///
    /// # Errors
    /// [`CohortError::Channels`] with the flag for each, if more than one may be meant.
    pub fn label(
        &self,
        session: &Session,
        channels: &[String],
        passed_over: &mut Vec<PassedOver>,
    ) -> Result<Option<PathBuf>, CohortError> {
        let images: Vec<Entities> = channels.iter().map(|channel| parse(channel).0).collect();
        let labels = self.labels.get(&session.folder).map_or(&[][..], |labels| labels);
        let fits = |label: &&LabelMap| self.named == Named::Everything || label.entities.fits(&images);
        let (fitting, others): (Vec<&LabelMap>, Vec<&LabelMap>) = labels.iter().partition(fits);
        // That which says most of the image is its own.
        let most = fitting.iter().map(|label| label.entities.of_source.len()).max().unwrap_or(0);
        let own: Vec<&&LabelMap> = fitting.iter().filter(|label| label.entities.of_source.len() == most).collect();
        match own[..] {
            [] => {
                passed_over.extend(others.into_iter().map(|label| self.of_another_image(label, channels)));
                Ok(None)
            }
            [label] if self.leaves_the_run_open(label, session, channels) => {
                Err(self.which_of(&own, session, channels))
            }
            [label] => Ok(Some(label.path.clone())),
            _ => Err(self.which_of(&own, session, channels)),
        }
    }

    /// Whether a map names no run where there are several, and the user has not named the derivative.
    fn leaves_the_run_open(&self, label: &LabelMap, session: &Session, channels: &[String]) -> bool {
        let open = !label.entities.of_source.contains_key("run");
        self.named == Named::Nothing && open && channels.iter().any(|channel| session.has_other_runs(channel))
    }

    fn which_of(&self, labels: &[&&LabelMap], session: &Session, channels: &[String]) -> CohortError {
        let choices = labels.iter().map(|label| format!("--derivative {}", self.whole_name(&label.entities)));
        CohortError::Channels {
            layout: Bids.name(),
            expected: format!("one label map of {} of {}", channels.join(", "), session.name()),
            found: all_of(labels.iter().map(|label| file_name(&label.path))),
            fix: format!("if it is of these images, {}", choices.collect::<Vec<_>>().join(" or ")),
        }
    }

    fn of_another_image(&self, label: &LabelMap, channels: &[String]) -> PassedOver {
        let found = format!("a label map of another image than {}", channels.join(", "));
        let fix = format!(
            "choose its image with --channels; if it is of this one too, --derivative {}",
            self.whole_name(&label.entities)
        );
        PassedOver::new(&label.path, found, fix)
    }

    /// What the values are called, where a table says so.
    pub fn classes(&self, root: &Path) -> Result<Option<BTreeMap<u16, String>>, CohortError> {
        let pipeline =
            if self.pipeline == HERE { root.to_path_buf() } else { root.join(DERIVATIVES).join(&self.pipeline) };
        let own = format!("{}_{SUFFIX}.tsv", self.entities);
        let tables = [pipeline.join(own), pipeline.join(format!("{SUFFIX}.tsv")), root.join(format!("{SUFFIX}.tsv"))];
        tables.iter().find(|table| table.is_file()).map(|table| read_table(table)).transpose()
    }

    fn name(&self) -> String {
        if self.entities.is_empty() { self.pipeline.clone() } else { format!("{}/{}", self.pipeline, self.entities) }
    }

    fn whole_name(&self, entities: &Entities) -> String {
        format!("{}/{}", self.pipeline, entities.all)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Those that a name may mean: a derivative's own, `PIPELINE/` for that without entities, all that stands in the names
/// of maps, or else a pipeline.
fn named(found: Vec<Derivative>, asked: &str) -> Vec<Derivative> {
    let name = asked.strip_suffix('/').unwrap_or(asked);
    let by_itself = |derivative: Derivative| Derivative { named: Named::Derivative, ..derivative };
    let (exact, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|derivative| derivative.name() == name);
    if !exact.is_empty() {
        return exact.into_iter().map(by_itself).collect();
    }
    let whole: Vec<Derivative> = others.iter().filter_map(|derivative| derivative.whole(asked)).collect();
    if !whole.is_empty() {
        return whole;
    }
    others.into_iter().filter(|derivative| derivative.pipeline == asked).map(by_itself).collect()
}

impl Derivative {
    /// The maps whose whole names are asked for, if there are any.
    fn whole(&self, asked: &str) -> Option<Derivative> {
        let mut labels = self.labels.clone();
        labels.values_mut().for_each(|labels| labels.retain(|label| self.whole_name(&label.entities) == asked));
        labels.retain(|_, labels| !labels.is_empty());
        let (pipeline, entities) = (self.pipeline.clone(), self.entities.clone());
        (!labels.is_empty()).then_some(Derivative { pipeline, entities, labels, named: Named::Everything })
    }
}

/// Everything that could be meant, by name. Volumes of derivatives that are no label maps are reported where
/// there is nothing else.
fn all(root: &Path, sessions: &[Session], passed_over: &mut Vec<PassedOver>) -> Result<Vec<Derivative>, CohortError> {
    let mut found: BTreeMap<(String, String), BTreeMap<PathBuf, Vec<LabelMap>>> = BTreeMap::new();
    let (mut others, mut unread) = (Vec::new(), Vec::new());
    for (pipeline, folder) in pipelines(root)? {
        for session in sessions {
            let anatomy = folder.join(&session.folder).join(ANATOMY);
            if !anatomy.is_dir() {
                continue;
            }
            let volumes = volumes(&anatomy)?;
            // What lies beside the images was reported with them.
            unread.extend(volumes.passed_over.into_iter().filter(|_| pipeline != HERE));
            for (stem, path) in volumes.named {
                match session.rest(&stem).map(parse) {
                    Some((entities, SUFFIX)) => {
                        let key = (pipeline.clone(), entities.of_derivative.clone());
                        let labels = found.entry(key).or_default().entry(session.folder.clone()).or_default();
                        labels.push(LabelMap { entities, path });
                    }
                    _ if pipeline != HERE => others.push(path),
                    _ => {}
                }
            }
        }
    }
    if found.is_empty() {
        let what = format!("a volume of a derivative whose name does not end in _{SUFFIX}");
        let fix = format!("if it is a label map, name it sub-X_[ses-Y_]{SUFFIX}.nii.gz, all classes in one map");
        passed_over.extend(others.iter().map(|path| PassedOver::new(path, what.clone(), fix.clone())));
    }
    passed_over.extend(unread);
    let named = Named::Nothing;
    let derivative = |((pipeline, entities), labels)| Derivative { pipeline, entities, labels, named };
    Ok(found.into_iter().map(derivative).collect())
}

/// The folders of pipelines, and the data set itself, which may be a derivative.
fn pipelines(root: &Path) -> Result<Vec<(String, PathBuf)>, CohortError> {
    let folder = root.join(DERIVATIVES);
    let entries = if folder.is_dir() { names::entries(&folder)? } else { Vec::new() };
    let below = entries.into_iter().filter(|entry| entry.kind == Kind::Folder).map(|entry| (entry.name, entry.path));
    Ok(below.chain([(HERE.to_string(), root.to_path_buf())]).collect())
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
