//! Files that lacuna wrote, each by its own type.
//!
//! Nothing here searches a text for an id: documents are read field by field, tables column by column. What is sealed, or
//! was made of other files and can be made again, is never edited but removed whole.

mod document;
mod fields;
mod table;

use crate::person::Person;
use lacuna_exact::Manifest;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// How a file of ours is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON document.
    Json,
    /// A JSON document in each line.
    JsonLines,
    /// Settings, as a TOML table.
    Toml,
    /// A table of comma-separated values.
    Csv,
    /// A JSON document, or lines of them, that a digest elsewhere names or a seal holds: whole or not at all.
    Sealed,
    /// The sealed manifest of an exact training: the person can be taken out of it, and it is sealed anew.
    Exact,
    /// Made of the other files of its run, and can be made again: pages, tables for people, pictures.
    Derived,
}

/// A purge's words.
pub struct Change<'a> {
    /// Who is replaced.
    pub person: &'a Person,
    /// The pseudonym that replaces the id.
    pub pseudonym: String,
    /// Digests of models that are removed with the person.
    pub gone: BTreeSet<String>,
}

impl Change<'_> {
    /// What stands in place of a digest that is gone; the same for the same digest within one purge.
    pub fn alias(&self, text: &str) -> Option<String> {
        let key = || lacuna_disk::digest(format!("{} {text}", self.pseudonym).as_bytes());
        self.gone.contains(text).then(|| format!("removed-{}", &key()[..16]))
    }

    /// A word of the operator that mentions the person: the ids of a list are replaced one by one, all else whole.
    fn words(&self, text: &str) -> String {
        let (option, value) = match text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (format!("{option}="), value),
            _ => (String::new(), text),
        };
        let parts: Vec<&str> = value.split(',').collect();
        let replaced = parts.iter().map(|part| {
            let folders: Vec<String> = part.split('/').map(|name| self.name(name)).collect();
            folders.join("/")
        });
        format!("{option}{}", replaced.collect::<Vec<_>>().join(","))
    }

    /// A name, or the pseudonym in its place where it mentions the person; the time before the name of a run folder stays.
    pub fn name(&self, name: &str) -> String {
        // `20261125-101500-` holds digits that mean no person.
        let (time, rest) =
            name.split_at_checked("20261125-101500-".len()).filter(|(time, _)| is_time(time)).unwrap_or(("", name));
        match self.person.is_mentioned_in_words(rest) {
            true => format!("{time}{}", self.pseudonym),
            false => name.to_string(),
        }
    }
}

/// `20261125-101500-`, as run folders begin.
fn is_time(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| if at == 8 || at == 15 { byte == b'-' } else { byte.is_ascii_digit() })
}

/// Files of run folders, by name.
const OURS: &[(&str, Form)] = &[
    ("run.json", Form::Json),
    ("status.json", Form::Json),
    ("lineage.json", Form::Json),
    ("progress.json", Form::Json),
    ("scores.json", Form::Json),
    ("table.json", Form::Json),
    ("gates.json", Form::Json),
    ("audit.json", Form::Json),
    ("effect.json", Form::Json),
    ("record.json", Form::Json),
    ("checkpoint.json", Form::Json),
    ("purge.json", Form::Json),
    ("proof.json", Form::Json),
    ("exact.json", Form::Exact),
    ("metrics.jsonl", Form::JsonLines),
    ("config.toml", Form::Toml),
    ("plan.jsonl", Form::Sealed),
    ("table.md", Form::Derived),
    ("gates.md", Form::Derived),
    ("audit.txt", Form::Derived),
    ("void.txt", Form::Derived),
    ("leaderboard.svg", Form::Derived),
];

/// What kind of file of ours this is, if it is one; `in_run`: it lies in a run folder.
pub fn form_of(path: &Path, in_run: bool, text: &[u8]) -> Option<Form> {
    let name = path.file_name()?.to_str()?;
    let ends = |ending: &str| name.ends_with(ending);
    if let Some(form) = schema_form(name, text) {
        return Some(form);
    }
    if !in_run {
        return None;
    }
    if let Some((_, form)) = OURS.iter().find(|(own, _)| *own == name) {
        return Some(*form);
    }
    // Tables by horizon and by shard; a page and its figures have names of the user's choice.
    let of_people = ends(".csv") && table::names(text, &Person::named("")).is_some();
    match () {
        () if of_people => Some(Form::Csv),
        () if ends(".subjects.json") => Some(Form::Json),
        () if ends("report.html") || (ends(".svg") && path.components().any(|part| part.as_os_str() == "figures")) => {
            Some(Form::Derived)
        }
        () => None,
    }
}

/// By what the document says of itself.
fn schema_form(name: &str, text: &[u8]) -> Option<Form> {
    if name == "plan.jsonl" {
        let head: Value = serde_json::from_slice(text.split(|byte| *byte == b'\n').next()?).ok()?;
        return is_ours(&head).then_some(Form::Sealed);
    }
    if !name.ends_with(".json") {
        return None;
    }
    let value: Value = serde_json::from_slice(text).ok()?;
    // The state of an unfinished erasure names no subject; it is needed to go on and is removed at the end.
    if value.get("schema").and_then(Value::as_str).is_some_and(|schema| schema.starts_with("lacuna.erase-progress/")) {
        return None;
    }
    let is_sealed = value.get("seal").is_some() || value.get("declaration").is_some() || is_record(&value);
    match is_ours(&value) {
        true if is_sealed && name == lacuna_exact::MANIFEST => Some(Form::Exact),
        true if is_sealed => Some(Form::Sealed),
        true => Some(Form::Json),
        false if value.get("declaration").is_some_and(|declared| declared.get("subjects").is_some()) => {
            Some(Form::Sealed)
        }
        false => None,
    }
}

fn is_ours(value: &Value) -> bool {
    let schema = |value: &Value| Some(value.get("schema")?.as_str()?.starts_with("lacuna"));
    schema(value).unwrap_or(false)
}

fn is_record(value: &Value) -> bool {
    value.get("schema").and_then(Value::as_str).is_some_and(|schema| schema.starts_with("lacuna-record"))
}

/// Whether a file of this form holds the person in a field that is for people.
pub fn names(form: Form, text: &[u8], person: &Person) -> bool {
    match form {
        Form::Json => serde_json::from_slice(text).is_ok_and(|value: Value| document::names(&value, person)),
        Form::JsonLines => lines(text).iter().flatten().any(|value| document::names(value, person)),
        Form::Exact => match manifest(text) {
            Some(manifest) => of_manifest(&manifest, person),
            // A damaged manifest is listed as unknown, and is searched like any other document.
            None => names(Form::Sealed, text, person),
        },
        Form::Sealed => {
            let whole = serde_json::from_slice::<Value>(text).ok();
            let documents = whole.map_or_else(|| lines(text).into_iter().flatten().collect(), |value| vec![value]);
            documents.iter().any(|value| document::names(value, person) || names_of_plan(value, person))
        }
        Form::Toml => toml_value(text).is_some_and(|value| document::names(&value, person)),
        Form::Csv => table::names(text, person).unwrap_or(false),
        Form::Derived => false,
    }
}

fn manifest(text: &[u8]) -> Option<Manifest> {
    Manifest::of_text(std::str::from_utf8(text).ok()?, Path::new(lacuna_exact::MANIFEST)).ok()
}

/// Whether an exact training has the person in its plan, or began from weights that saw the person.
fn of_manifest(manifest: &Manifest, person: &Person) -> bool {
    let planned = manifest.plan.subjects();
    planned.iter().chain(manifest.init_saw.iter().flatten()).any(|subject| person.is(subject.as_str()))
}

/// An exact training's plan lists people by shard and slice, a plan of tasks tells them in the words of each task.
fn names_of_plan(value: &Value, person: &Person) -> bool {
    let of_field = |field: &str| value.pointer(field).is_some_and(|list| any_string(list, &|text| person.is(text)));
    let of_exact = of_field("/plan/shards") || of_field("/init_saw");
    let what = value.get("what").and_then(Value::as_str);
    of_exact || what.and_then(person_of_task).is_some_and(|id| person.is(id))
}

/// Whom a planned task is about, in the words that lacuna writes: `… forgets ID, seed N` or `…, ID forgotten, seed N`.
fn person_of_task(what: &str) -> Option<&str> {
    if let Some((_, rest)) = what.rsplit_once(" forgets ") {
        return rest.split(',').next();
    }
    let (before, _) = what.rsplit_once(" forgotten,")?;
    before.rsplit(", ").next()
}

fn any_string(value: &Value, is: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::Array(items) => items.iter().any(|item| any_string(item, is)),
        Value::Object(fields) => fields.values().any(|field| any_string(field, is)),
        _ => false,
    }
}

/// Whether the file has a digest of a model that is gone.
pub fn has_digest(text: &[u8], change: &Change) -> bool {
    // A digest of 64 digits is in a text by no chance.
    change.gone.iter().any(|digest| text.windows(digest.len()).any(|window| window == digest.as_bytes()))
}

/// The same file with the pseudonym in place of the person; `None` where its form cannot be edited, or it is not what
/// its name says.
pub fn rewritten(form: Form, text: &[u8], change: &Change, with_words: bool) -> Option<Vec<u8>> {
    let edited = |mut value: Value| {
        document::rewrite(&mut value, change, with_words);
        value
    };
    match form {
        Form::Json => {
            let value = edited(serde_json::from_slice(text).ok()?);
            let mut text = serde_json::to_vec_pretty(&value).ok()?;
            text.push(b'\n');
            Some(text)
        }
        Form::JsonLines => {
            let values: Option<Vec<Value>> = lines(text).into_iter().collect();
            let line = |value: Value| format!("{}\n", edited(value));
            Some(values?.into_iter().map(line).collect::<String>().into_bytes())
        }
        Form::Toml => {
            let table = toml::Table::try_from(edited(toml_value(text)?)).ok()?;
            Some(toml::to_string(&table).ok()?.into_bytes())
        }
        Form::Csv => table::rewritten(text, change),
        Form::Exact => without_person(text, change),
        Form::Sealed | Form::Derived => None,
    }
}

/// The manifest of what never saw the person; `None` where nothing of the model could stay.
fn without_person(text: &[u8], change: &Change) -> Option<Vec<u8>> {
    let rest = lacuna_exact::without(&manifest(text)?, &change.person.subjects())?.sealed().into_bytes();
    (!has_digest(&rest, change)).then_some(rest)
}

fn toml_value(text: &[u8]) -> Option<Value> {
    let table: toml::Table = std::str::from_utf8(text).ok()?.parse().ok()?;
    serde_json::to_value(table).ok()
}

/// Each line as a document; `None` for one that is none, such as the last line of a killed run.
fn lines(text: &[u8]) -> Vec<Option<Value>> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change<'a>(person: &'a Person, gone: &[&str]) -> Change<'a> {
        Change { person, pseudonym: "p".to_string(), gone: gone.iter().map(ToString::to_string).collect() }
    }

    const CONFIG: &str = "name = \"drop-sub-1\"\nepochs = 1\nrate = 0.01\nforget = [\"sub-1\"]\n\n[expect]\n\"sub-1\" = 0.5\n\"sub-10\" = 0.5\n\n[train]\nepochs = 1\n";

    #[test]
    fn settings_are_rewritten_by_their_fields() {
        let person = Person::named("sub-1");
        assert!(names(Form::Toml, CONFIG.as_bytes(), &person));
        let text = rewritten(Form::Toml, CONFIG.as_bytes(), &change(&person, &[]), true).unwrap();
        let table: toml::Table = std::str::from_utf8(&text).unwrap().parse().unwrap();
        assert_eq!(table["name"].as_str(), Some("p"));
        assert_eq!(table["forget"].as_array().unwrap()[0].as_str(), Some("p"));
        assert_eq!((table["epochs"].as_integer(), table["rate"].as_float()), (Some(1), Some(0.01)));
        assert!(table["expect"].get("p").is_some() && table["expect"].get("sub-10").is_some());
    }

    #[test]
    fn a_planned_task_is_about_a_person_and_its_other_words_are_nobody() {
        assert_eq!(person_of_task("noisy-label forgets sub-1, seed 0"), Some("sub-1"));
        assert_eq!(person_of_task("rebound of retrain, sub-1 forgotten, seed 0"), Some("sub-1"));
        assert_eq!(person_of_task("train on 3 subjects, seed 0"), None);
    }

    #[test]
    fn a_path_is_replaced_in_the_folders_that_mention_the_person() {
        let person = Person::named("sub-1");
        let words = |text: &str| change(&person, &[]).words(text);
        assert_eq!(
            words("runs/train/20261125-101500-drop-sub-1/model.safetensors"),
            "runs/train/20261125-101500-p/model.safetensors"
        );
        assert_eq!(words("--model=runs/sub-10/sub-1_labels.nii.gz"), "--model=runs/sub-10/p");
        let number = Person::named("101500");
        assert_eq!(change(&number, &[]).name("20261125-101500-run"), "20261125-101500-run");
    }

    #[test]
    fn a_digest_that_is_gone_is_replaced_wherever_a_field_holds_it() {
        let digest = "ab".repeat(32);
        let person = Person::named("sub-1");
        let change = change(&person, &[&digest]);
        let text = serde_json::json!({"parents": {"model": digest}, "epochs": 1}).to_string();
        assert!(has_digest(text.as_bytes(), &change));
        let text = rewritten(Form::Json, text.as_bytes(), &change, false).unwrap();
        assert!(!has_digest(&text, &change) && String::from_utf8(text).unwrap().contains("removed-"));
    }

    #[test]
    fn files_are_known_by_name_in_a_run_and_by_schema_elsewhere() {
        let form = |name: &str, in_run, text: &str| form_of(Path::new(name), in_run, text.as_bytes());
        assert_eq!(form("run.json", true, "{}"), Some(Form::Json));
        assert_eq!(form("run.json", false, "{}"), None);
        assert_eq!(form("x.json", false, "{\"schema\":\"lacuna-record-3\"}"), Some(Form::Sealed));
        assert_eq!(form("x.json", false, "{\"schema\":\"lacuna.split/1\"}"), Some(Form::Json));
        assert_eq!(form("progress.json", false, "{\"schema\":\"lacuna.erase-progress/3\"}"), None);
        assert_eq!(form("horizons/0.csv", true, "subject,dice\n"), Some(Form::Csv));
        assert_eq!(form("notes.csv", true, "who,dice\n"), None);
        assert_eq!(form("notes.txt", true, "sub-1"), None);
    }

    proptest! {
        /// Short ids are the hard ones: they are numbers, words of settings and parts of other ids.
        #[test]
        fn a_rewritten_file_parses_names_the_person_no_more_and_is_the_same_for_a_stranger(
            id in "[a-z0-9]{1,3}", other in "[a-z0-9]{1,3}"
        ) {
            prop_assume!(id != other && id != "p" && other != "p");
            let person = Person::named(&id);
            let stranger = Person::named("not-there");
            let document = serde_json::json!({
                "schema": "lacuna.x/1", "epochs": 1, "trained": [id, other], "command": ["train", "--forget", id, other],
                "volume": {(id.clone()): {"dice": 1.0}, (other.clone()): {"dice": 0.5}},
            });
            let text = document.to_string().into_bytes();
            prop_assert!(names(Form::Json, &text, &person));
            prop_assert!(!names(Form::Json, &text, &stranger));
            let after = rewritten(Form::Json, &text, &change(&person, &[]), true).unwrap();
            let after: Value = serde_json::from_slice(&after).unwrap();
            prop_assert_eq!(&after["trained"], &serde_json::json!(["p", other]));
            prop_assert_eq!(&after["epochs"], &serde_json::json!(1));
            prop_assert!(after["volume"].get(&other).is_some() && after["volume"].get("p").is_some());
            let same: Value = serde_json::from_slice(&rewritten(Form::Json, &text, &change(&stranger, &[]), true).unwrap()).unwrap();
            prop_assert_eq!(same, document);
        }
    }
}
