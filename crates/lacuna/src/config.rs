//! Settings from a file and from `--set key=value`, and what to say of a misspelt key.

use crate::error::CliError;
use lacuna_cohort::SubjectId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The settings of a run in its folder.
pub const FILE: &str = "config.toml";

/// Everything that decides a run's outcome; written to its folder with all defaults.
pub trait Settings: Serialize + DeserializeOwned {
    /// The settings themselves if a run can have them.
    ///
    /// # Errors
    /// Impossible settings.
    fn checked(self) -> Result<Self, CliError>;

    /// The settings in a run folder.
    fn of_folder(run: &Path) -> Result<Self, CliError> {
        let file = run.join(FILE);
        typed::<Self>(read_table(&file)?, &file.display().to_string())?.checked()
    }
}

/// The path as seen from the root, since a run can be resumed from elsewhere; a relative one where even that
/// is unknown.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Names as subjects' ids.
pub fn subjects(names: &[String]) -> Result<Vec<SubjectId>, CliError> {
    // `--forget "A, B"` leaves a space before the second.
    let id = |name: &String| SubjectId::new(name.trim()).map_err(|error| CliError::Config { what: error.to_string() });
    names.iter().map(id).collect()
}

/// The table of a TOML file.
pub fn read_table(path: &Path) -> Result<Table, CliError> {
    let text = lacuna_disk::read_text(path, FILE_BYTES_MAX)?;
    text.parse().map_err(|error: toml::de::Error| CliError::Config { what: format!("{}: {error}", path.display()) })
}

/// Put `value` at a dotted key, making the tables on the way.
///
/// # Errors
/// If something on the way is no table.
pub fn set(table: &mut Table, key: &str, value: Value) -> Result<(), CliError> {
    let (folders, last) = match key.rsplit_once('.') {
        Some((folders, last)) => (folders.split('.').collect(), last),
        None => (Vec::new(), key),
    };
    let mut here = table;
    for folder in folders {
        let entry = here.entry(folder).or_insert_with(|| Value::Table(Table::new()));
        let found = entry.type_str();
        here = entry.as_table_mut().ok_or_else(|| CliError::Config {
            what: format!("{key}: expected a table at `{folder}`, found a {found}"),
        })?;
    }
    here.insert(last.to_string(), value);
    Ok(())
}

/// Put any serialisable value at a dotted key.
pub fn set_to(table: &mut Table, key: &str, value: &impl Serialize) -> Result<(), CliError> {
    set(table, key, Value::try_from(value).expect("settings are TOML"))
}

/// Apply one `key=value` of the command line; the value is TOML, or else a string.
pub fn apply(table: &mut Table, assignment: &str) -> Result<(), CliError> {
    let (key, text) = assignment.split_once('=').ok_or_else(|| CliError::Config {
        what: format!("--set: expected key=value, found `{assignment}`; fix: for example --set train.epochs=20"),
    })?;
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    set(table, key.trim(), parsed.unwrap_or_else(|| Value::String(text.to_string())))
}

/// Where the value of a setting comes from; a later one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Nothing says it.
    Default,
    /// The file of `--config`.
    File,
    /// A flag of its own.
    Flag,
    Set,
}

/// One setting, its value as TOML, and who says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub key: String,
    /// The value as TOML.
    pub value: String,
    pub origin: Origin,
}

/// Settings under construction, each with its origin.
#[derive(Default)]
pub struct Layers {
    /// The settings so far.
    pub table: Table,
    origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// Let `change` say more; what is new or another value then is of this origin.
    pub fn add(
        &mut self,
        origin: Origin,
        change: impl FnOnce(&mut Table) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let before = leaves(&self.table);
        change(&mut self.table)?;
        for (key, value) in leaves(&self.table) {
            if before.get(&key) != Some(&value) {
                self.origins.insert(key, origin);
            }
        }
        Ok(())
    }

    /// Every setting that the whole came to.
    pub fn settings(&self, whole: &impl Serialize) -> Vec<Setting> {
        let table = Table::try_from(whole).expect("settings are TOML");
        let origin = |key: &String| self.origins.get(key).copied().unwrap_or(Origin::Default);
        leaves(&table).into_iter().map(|(key, value)| Setting { origin: origin(&key), key, value }).collect()
    }
}

/// Every value that is no table, by its dotted key.
fn leaves(table: &Table) -> BTreeMap<String, String> {
    fn collect(table: &Table, above: &str, leaves: &mut BTreeMap<String, String>) {
        for (key, value) in table {
            let key = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
            match value {
                Value::Table(below) => collect(below, &key, leaves),
                value => drop(leaves.insert(key, value.to_string())),
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(table, "", &mut found);
    found
}

/// Settings of a known form; `source` is named in errors.
pub fn typed<T: DeserializeOwned>(table: Table, source: &str) -> Result<T, CliError> {
    Value::Table(table).try_into().map_err(|error: toml::de::Error| {
        let message = error.to_string();
        let lines: Vec<&str> = message.trim().lines().collect();
        CliError::Config { what: format!("{source}: {}", with_suggestion(&lines.join(" "))) }
    })
}

/// The message, and the nearest of the names it expects in place of the unknown one.
pub fn with_suggestion(message: &str) -> String {
    let nearest = message.find("unknown ").and_then(|start| {
        let mut quoted = message[start..].split('`').skip(1).step_by(2);
        let unknown = quoted.next()?;
        quoted.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)))
    });
    match nearest {
        Some(name) => format!("{}; fix: did you mean `{name}`?", message.trim_end()),
        None => message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_have_spaces_behind_its_commas() {
        let found = subjects(&["a".to_string(), " b".to_string()]).unwrap();
        assert_eq!(found.iter().map(SubjectId::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }
    use lacuna_train::TrainConfig;

    #[test]
    fn settings_are_put_where_their_keys_say() {
        let mut table: Table = "[train]\nepochs = 3".parse().unwrap();
        for assignment in ["train.epochs=5", "train.loss.kind=dice", "preprocess.size=[8, 8, 8]", "seed = 4"] {
            apply(&mut table, assignment).unwrap();
        }
        assert_eq!(table["train"]["epochs"].as_integer(), Some(5));
        assert_eq!(table["train"]["loss"]["kind"].as_str(), Some("dice"));
        assert_eq!(table["preprocess"]["size"].as_array().unwrap().len(), 3);
        assert_eq!(table["seed"].as_integer(), Some(4));
        assert!(apply(&mut table, "seed.deeper=1").unwrap_err().to_string().contains("found a integer"));
        assert!(apply(&mut table, "epochs").is_err());
    }

    #[test]
    fn of_two_layers_the_later_one_wins_and_is_named() {
        let mut layers = Layers::default();
        let say = |assignment: &'static str| move |table: &mut Table| apply(table, assignment);
        layers.add(Origin::File, say("epochs=5")).unwrap();
        layers.add(Origin::File, say("learning_rate=0.5")).unwrap();
        layers.add(Origin::Flag, say("epochs=3")).unwrap();
        layers.add(Origin::Set, say("batch_size=2")).unwrap();
        let config: TrainConfig = typed(layers.table.clone(), "here").unwrap();
        let settings = layers.settings(&config);
        let of = |key: &str| {
            let setting = settings.iter().find(|setting| setting.key == key).unwrap();
            (setting.value.clone(), setting.origin)
        };
        assert_eq!(of("epochs"), ("3".to_string(), Origin::Flag));
        assert_eq!(of("learning_rate"), ("0.5".to_string(), Origin::File));
        assert_eq!(of("batch_size"), ("2".to_string(), Origin::Set));
        assert_eq!(of("schedule.factor"), ("0.99".to_string(), Origin::Default));
    }

    #[test]
    fn a_misspelt_key_names_the_nearest() {
        let table = "epoch = 5".parse().unwrap();
        let message = typed::<TrainConfig>(table, "x.toml").unwrap_err().to_string();
        assert!(message.starts_with("x.toml: unknown field `epoch`"), "{message}");
        assert!(message.ends_with("; fix: did you mean `epochs`?"), "{message}");
    }

    #[test]
    fn other_messages_stay_as_they_are() {
        assert_eq!(with_suggestion("missing field `data`"), "missing field `data`");
    }
}
