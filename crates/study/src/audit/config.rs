//! An audit file: a study's keys, and what is declared, controlled and asked for.

use crate::config::{bad, read_table};
use crate::{Forget, KeepModels, Study, StudyConfig, StudyError};
use lacuna_audit::{Gate, Protocol};
use lacuna_cohort::SubjectId;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::Table;

/// Everything that decides an audit.
#[derive(Clone, Debug)]
pub struct AuditConfig {
    /// Data, network, training, who is forgotten by which strategies; its seeds are the models of every arm.
    pub study: StudyConfig,
    /// What is declared before anything is unlearned.
    pub protocol: Protocol,
    /// What must come out as known.
    pub controls: Controls,
    /// What a pipeline accepts.
    pub gate: Gate,
    /// Whether the planted subject is in the audit for the control's sake alone: it is never forgotten.
    pub only_planted: bool,
}

/// Choices of the controls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Controls {
    /// A subject that every original must remember: one with an odd lesion in a synthetic cohort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planted: Option<SubjectId>,
    /// On whom the other controls are tried; the first forgotten subject if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectId>,
}

impl AuditConfig {
    /// Read and check an audit file.
    ///
    /// # Errors
    /// A file that cannot be read, unknown keys, and settings that no audit can have.
    pub fn read(path: &Path) -> Result<AuditConfig, StudyError> {
        let mut table = read_table(path)?;
        let protocol = part::<Protocol>(&mut table, "protocol", path)?.checked()?;
        let controls: Controls = part(&mut table, "controls", path)?;
        let gate = part::<Gate>(&mut table, "gate", path)?.checked()?;
        let study = StudyConfig::from_table(table, path)?;
        let in_file = |source| StudyError::InFile { path: path.to_path_buf(), source: Box::new(source) };
        AuditConfig::new(study, protocol, controls, gate).map_err(in_file)
    }

    /// From its parts.
    ///
    /// # Errors
    /// A study that no audit can have: with references of its own, or with fewer than two seeds.
    pub fn new(
        mut study: StudyConfig,
        protocol: Protocol,
        controls: Controls,
        gate: Gate,
    ) -> Result<AuditConfig, StudyError> {
        if !study.references.seeds.is_empty() {
            return Err(bad("references", "none: `seeds` is the bank of an audit", "seeds"));
        }
        if study.seeds.len() < 2 {
            return Err(bad("seeds", "at least 2, better 10 (`lacuna audit plan` says what for)", "one"));
        }
        // Whatever is audited is asked again whenever the audit is.
        study.keep_models = KeepModels::All;
        let mut only_planted = false;
        if let (Some(planted), Forget::Only(forgotten)) = (&controls.planted, &mut study.split.forget)
            && !forgotten.contains(planted)
        {
            forgotten.push(planted.clone());
            only_planted = true;
        }
        Ok(AuditConfig { study, protocol, controls, gate, only_planted })
    }

    /// The file with every default filled in, subjects under the names that the study shows.
    pub fn shown(&self, study: &Study) -> String {
        let mut table = Table::try_from(study.config_shown()).expect("a study is TOML");
        let mut put = |key: &str, value: Result<Table, toml::ser::Error>| {
            table.insert(key.to_string(), value.expect("plain data is TOML").into());
        };
        put("protocol", Table::try_from(&self.protocol));
        put("controls", Table::try_from(self.controls_shown(study)));
        put("gate", Table::try_from(&self.gate));
        toml::to_string(&table).expect("a table is TOML")
    }

    /// The choices of the controls under the names that the study shows.
    pub fn controls_shown(&self, study: &Study) -> Controls {
        let shown = |subject: &Option<SubjectId>| {
            subject.as_ref().map(|subject| SubjectId::new(study.shown(subject)).expect("a pseudonym is an id"))
        };
        Controls { planted: shown(&self.controls.planted), subject: shown(&self.controls.subject) }
    }
}

/// A table of the file, taken out of it; the default where there is none.
fn part<T: DeserializeOwned + Default>(table: &mut Table, key: &str, path: &Path) -> Result<T, StudyError> {
    let Some(value) = table.remove(key) else { return Ok(T::default()) };
    value.try_into().map_err(|error: toml::de::Error| StudyError::Parse {
        path: path.to_path_buf(),
        reason: format!("{key}: {}", error.to_string().trim()),
    })
}
