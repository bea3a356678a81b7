//! Pseudonyms on the terminal, for `--redact`.
//!
//! What is hidden: ids and files of every cohort that is opened, what stands on the command line and is an id, a file
//! or the value of an option that takes a path, whether or not it is there, and whatever looks like a path. Each
//! becomes a word that is the same throughout one process and that cannot be found by trial, since its key is drawn
//! anew each time. Errors are reported by their kind alone: they may quote anything.
//!
//! Only what is printed passes here. Files are written as without the flag.

mod paths;

use crate::words;
use lacuna_cohort::{Cohort, Named};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

static REDACTION: OnceLock<Redaction> = OnceLock::new();

/// What surrounds a word that may be an id or a path.
const BETWEEN: &[char] = &[' ', '\t', '\n', '"', '\'', '`', ',', ';', '(', ')', '[', ']', '{', '}', '=', '|', '<', '>'];
/// Endings by which a file name is known where no folder stands before it.
const ENDINGS: &[&str] = &[
    ".nii",
    ".gz",
    ".json",
    ".jsonl",
    ".toml",
    ".csv",
    ".tsv",
    ".txt",
    ".safetensors",
    ".pth",
    ".pt",
    ".html",
    ".md",
    ".db",
    ".key",
    ".png",
    ".svg",
    ".log",
];

/// Options whose values are ids.
const NAMING: &[&str] = &["--forget", "--held-out", "--forgotten", "--subject", "--exclude"];
/// Tables of a run are smaller.
const TEXT_BYTES_MAX: u64 = 64 << 20;

struct Redaction {
    key: String,
    /// By the word: an id is hidden also where it is joined to other words, a file's name only alone.
    words: Mutex<BTreeMap<String, Named>>,
}

/// Whether the command line or the environment asks for it, before either is understood: a complaint about the command
/// line quotes it.
pub fn is_asked() -> bool {
    words::has("--redact") || std::env::var_os("LACUNA_REDACT").is_some_and(|set| set == "true")
}

/// From here on nothing is printed as it is.
pub fn begin() {
    let redaction = REDACTION
        .get_or_init(|| Redaction { key: lacuna_ledger::random_hex::<32>(), words: Mutex::new(BTreeMap::new()) });
    let mut before = String::new();
    for argument in words::texts() {
        let flag = argument.split_once('=').map_or(before.as_str(), |(flag, _)| flag).to_string();
        if NAMING.contains(&flag.as_str()) {
            let named = parts_of_argument(&argument);
            hide(named.iter().map(String::as_str));
        }
        before = argument;
    }
    for path in paths::given(&words::all()) {
        redaction.hide_path(Path::new(&path));
    }
    for word in words::all() {
        if word.to_str().is_none() {
            redaction.hide_bytes(&word);
        }
        for part in parts_of_argument(&word.to_string_lossy()) {
            if Path::new(&part).exists() {
                redaction.hide_path(Path::new(&part));
                hide_run(Path::new(&part));
            }
        }
    }
}

/// Whether `--redact` was given.
pub fn is_on() -> bool {
    REDACTION.get().is_some()
}

/// Hide these words, which name people or what belongs to them.
pub fn hide<'a>(words: impl IntoIterator<Item = &'a str>) {
    if let Some(redaction) = REDACTION.get() {
        let ids = words.into_iter().filter(|word| !word.is_empty());
        let named = ids.map(|id| (id.to_string(), Named::joined(id)));
        redaction.words.lock().expect("no holder panics").extend(named);
    }
}

/// Hide all people in a cohort, and the names of their files.
pub fn hide_cohort(cohort: &Cohort) {
    let Some(redaction) = REDACTION.get() else { return };
    for scan in cohort.scans().iter().chain(&cohort.excluded).chain(&cohort.by_products) {
        hide([scan.subject.as_str(), scan.name.as_str()]);
        for path in scan.images.iter().chain(&scan.label) {
            redaction.hide_path(path);
        }
    }
    for passed_over in &cohort.passed_over {
        redaction.hide_path(&passed_over.path);
    }
}

/// Hide whom the tables and the lineage of a run folder name, for verbs that read nothing else.
fn hide_run(folder: &Path) {
    if let Ok(text) = lacuna_disk::read_text(&folder.join("lineage.json"), TEXT_BYTES_MAX)
        && let Ok(lineage) = serde_json::from_str::<lacuna_runs::Lineage>(&text)
    {
        hide(lineage.trained.iter().chain(&lineage.forgotten()).map(|subject| subject.as_str()));
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.extension().is_some_and(|ending| ending == "csv") {
            hide_column(&path);
        }
    }
}

/// Hide the column `subject` of a table; what cannot be read has no names to tell.
fn hide_column(table: &Path) {
    let Ok(text) = lacuna_disk::read_text(table, TEXT_BYTES_MAX) else { return };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let at = reader.headers().ok().and_then(|headers| headers.iter().position(|name| name == "subject"));
    let Some(at) = at else { return };
    for row in reader.records().flatten() {
        hide(row.get(at));
    }
}

/// A text as it may be printed.
pub fn redacted(text: &str) -> String {
    REDACTION.get().map_or_else(|| text.to_string(), |redaction| redaction.text(text))
}

/// JSON as it may be printed: strings and names of fields, by themselves.
pub fn redacted_json(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) if is_path(text) => Value::String(redacted_path(text)),
        Value::String(text) => Value::String(redacted(text)),
        Value::Array(values) => Value::Array(values.iter().map(redacted_json).collect()),
        // A path that is not UTF-8.
        Value::Object(fields) if fields.len() == 2 && fields.contains_key("lossy") && fields.contains_key("hex") => {
            Value::String(redacted_path(&value.to_string()))
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match (name.as_str(), value) {
                ("command", Value::Array(words)) => (name.clone(), words.iter().map(redacted_word).collect()),
                _ => (redacted(name), redacted_json(value)),
            };
            Value::Object(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}

/// A word of an earlier command line, whose meaning is unknown here: options stay, and their values go.
fn redacted_word(word: &serde_json::Value) -> serde_json::Value {
    let text = word.as_str().unwrap_or_default();
    let is_option = text.starts_with('-') && !text.contains('=');
    if is_option { word.clone() } else { serde_json::Value::String(redacted_path(text)) }
}

fn redacted_path(text: &str) -> String {
    REDACTION.get().map_or_else(|| text.to_string(), |redaction| redaction.pseudonym("path", text))
}

/// A flag's value, and each part of a list.
fn parts_of_argument(word: &str) -> Vec<String> {
    let value = word.split_once('=').map_or(word, |(_, value)| value);
    value.split(',').map(str::to_string).collect()
}

fn is_path(word: &str) -> bool {
    let word = word.trim_end_matches([':', '.']);
    // `lacuna.train/1` is a schema, and `and/or` in a sentence stays behind it.
    let is_schema = word.strip_prefix("lacuna").is_some_and(|rest| rest.starts_with(['.', '-']));
    !is_schema && (word.contains(['/', '\\']) || ENDINGS.iter().any(|ending| word.ends_with(ending)))
}

impl Redaction {
    fn hide_path(&self, path: &Path) {
        let mut words = self.words.lock().expect("no holder panics");
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default().to_string();
        let whole = path.display().to_string();
        for word in [whole, name, stem].into_iter().filter(|word| word.len() > 1) {
            words.entry(word.clone()).or_insert_with(|| Named::alone(&word));
        }
    }

    /// Hide a word that is no text: as a path, and what of it is text wherever it stands.
    fn hide_bytes(&self, word: &OsStr) {
        self.hide_path(Path::new(word));
        let mut words = self.words.lock().expect("no holder panics");
        for piece in words::pieces(word).into_iter().flat_map(|piece| parts_of_argument(&piece)) {
            let piece = piece.trim_matches(|letter: char| !letter.is_alphanumeric()).to_string();
            if piece.len() > 1 && !piece.starts_with('-') {
                words.entry(piece.clone()).or_insert_with(|| Named::joined(&piece));
            }
        }
    }

    fn pseudonym(&self, what: &str, word: &str) -> String {
        format!("{what}-{}", &lacuna_disk::digest(format!("{} {word}", self.key).as_bytes())[..8])
    }

    fn text(&self, text: &str) -> String {
        // Whole words first, since a path may hold a space; the longest first, since one may hold another.
        let mut text = text.to_string();
        let words = self.words.lock().expect("no holder panics");
        let mut words: Vec<&Named> = words.values().collect();
        words.sort_by_key(|named| std::cmp::Reverse(named.word().len()));
        for named in words {
            let what = if is_path(named.word()) { "path" } else { "hidden" };
            text = named.replaced(&text, &self.pseudonym(what, named.word()));
        }
        let mut out = String::with_capacity(text.len());
        for piece in text.split_inclusive(BETWEEN) {
            let word = piece.trim_end_matches(BETWEEN);
            let core = word.trim_end_matches([':', '.']);
            if is_path(core) {
                out.push_str(&self.pseudonym("path", core));
                out.push_str(&piece[core.len()..]);
            } else {
                out.push_str(piece);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_paths_are_hidden_and_what_is_said_of_them_stays() {
        let redaction = Redaction { key: "k".to_string(), words: Mutex::new(BTreeMap::new()) };
        redaction.words.lock().unwrap().insert("sub-1".to_string(), Named::joined("sub-1"));
        redaction.hide_path(Path::new("my scans/anna x.nii"));
        let said =
            redaction.text("forget-sub-1: read my scans/anna x.nii: subject=sub-1, sub-10 in runs/a/b.json: 0.5/2");
        for left in ["anna", "sub-1,", "sub-1:", "runs"] {
            assert!(!said.contains(left), "{left}: {said}");
        }
        assert!(
            said.starts_with("forget-hidden-")
                && said.contains("read path-")
                && said.contains("subject=hidden-")
                && said.contains("sub-10"),
            "{said}"
        );
        assert_eq!(redaction.text("sub-1"), redaction.text("sub-1"), "the same word again");
        assert_eq!(redaction.text("lacuna.train/1 loss=0.25"), "lacuna.train/1 loss=0.25");
    }
}
