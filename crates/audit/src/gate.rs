//! Thresholds that a pipeline sets, and what fails them.

use crate::{Assessment, AuditError, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a pipeline accepts. What is not set is not asked; what was not measured never passes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// The verdicts that pass.
    pub verdicts: Option<Vec<Verdict>>,
    /// The least completeness.
    pub completeness_min: Option<f64>,
    /// The most completeness: above 1 the erasure begins to show.
    pub completeness_max: Option<f64>,
    /// The most retain or held-out Dice lost.
    pub dice_loss_max: Option<f64>,
    /// The furthest from the retrained models' mean, in their deviations, on either side.
    pub deviations_max: Option<f64>,
    /// The fewest retrained models.
    pub models_min: Option<usize>,
}

/// A key of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// [`Gate::verdicts`].
    Verdicts,
    /// [`Gate::completeness_min`].
    CompletenessMin,
    /// [`Gate::completeness_max`].
    CompletenessMax,
    /// [`Gate::dice_loss_max`].
    DiceLossMax,
    /// [`Gate::deviations_max`].
    DeviationsMax,
    /// [`Gate::models_min`].
    ModelsMin,
}

impl Threshold {
    /// As audit files and reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Threshold::Verdicts => "verdicts",
            Threshold::CompletenessMin => "completeness_min",
            Threshold::CompletenessMax => "completeness_max",
            Threshold::DiceLossMax => "dice_loss_max",
            Threshold::DeviationsMax => "deviations_max",
            Threshold::ModelsMin => "models_min",
        }
    }
}

/// A threshold that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The strategy, or the model.
    pub strategy: String,
    /// The subject that the threshold is checked on.
    pub subject: String,
    /// The key of the threshold.
    pub threshold: Threshold,
    /// The declared threshold, in words.
    pub expected: String,
    /// What there is; `unknown` never passes.
    pub found: String,
}

impl Gate {
    /// With every number in its range.
    ///
    /// # Errors
    /// [`AuditError::BadSetting`].
    pub fn checked(self) -> Result<Gate, AuditError> {
        let bad = |key: &str, expected, found: String| {
            Err(AuditError::BadSetting { key: format!("gate.{key}"), expected, found })
        };
        if self.verdicts.as_ref().is_some_and(Vec::is_empty) {
            return bad("verdicts", "at least one", "none".to_string());
        }
        for (key, value) in [
            ("completeness_min", self.completeness_min),
            ("completeness_max", self.completeness_max),
            ("dice_loss_max", self.dice_loss_max),
            ("deviations_max", self.deviations_max),
        ] {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return bad(key, "a finite number", value.to_string());
            }
        }
        Ok(self)
    }

    /// Whether any threshold is set. A gate without one has asked nothing, so nothing has passed it.
    pub fn is_declared(&self) -> bool {
        *self != Gate::default()
    }

    /// What of an assessment fails.
    pub fn failures(&self, strategy: &str, subject: &str, found: &Assessment) -> Vec<Failure> {
        let Assessment { verdict, statistics: found } = found;
        let mut failures = Vec::new();
        let mut fail = |threshold, expected: String, found: String| {
            failures.push(Failure { strategy: strategy.into(), subject: subject.into(), threshold, expected, found });
        };
        if let Some(verdicts) = self.verdicts.as_ref().filter(|verdicts| !verdicts.contains(verdict)) {
            let names: Vec<&str> = verdicts.iter().map(|verdict| verdict.name()).collect();
            fail(Threshold::Verdicts, names.join(" or "), verdict.name().to_string());
        }
        let completeness = found.completeness.map(|completeness| completeness.value);
        let at_least = |value: Option<f64>, least: f64| value.is_some_and(|value| value >= least);
        let at_most = |value: Option<f64>, most: f64| value.is_some_and(|value| value <= most);
        if let Some(least) = self.completeness_min.filter(|least| !at_least(completeness, *least)) {
            fail(Threshold::CompletenessMin, format!("at least {least}"), shown(completeness));
        }
        if let Some(most) = self.completeness_max.filter(|most| !at_most(completeness, *most)) {
            fail(Threshold::CompletenessMax, format!("at most {most}"), shown(completeness));
        }
        let loss = found.utility.iter().map(|side| side.loss).reduce(f64::max);
        if let Some(most) = self.dice_loss_max.filter(|most| !at_most(loss, *most)) {
            fail(Threshold::DiceLossMax, format!("at most {most}"), shown(loss));
        }
        let primary = found.primary.as_ref();
        let away = primary.map(|primary| (primary.comparison.difference / primary.retrained_deviation).abs());
        if let Some(most) = self.deviations_max.filter(|most| !at_most(away, *most)) {
            fail(Threshold::DeviationsMax, format!("at most {most}"), shown(away));
        }
        if let Some(least) = self.models_min.filter(|least| found.models < *least) {
            fail(Threshold::ModelsMin, format!("at least {least}"), found.models.to_string());
        }
        failures
    }
}

fn shown(value: Option<f64>) -> String {
    value.map_or("unknown".to_string(), |value| format!("{value:.4}"))
}
