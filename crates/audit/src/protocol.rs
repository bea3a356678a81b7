//! What an audit declares before it looks.
//!
//! Choosing the statistic, the margin or the number of seeds after seeing scores is the main way to fool oneself. So
//! the choice is written down with its digest before anything is unlearned, and the digest stands in the result.

use crate::{AuditError, Margin, Power, Statistic, power};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The statistic that decides, the others, and every limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Protocol {
    /// The statistic that decides the verdict.
    pub primary: Statistic,
    /// What may contradict it, corrected for their number.
    pub secondary: Vec<Statistic>,
    /// How far from the retrained models still counts as alike.
    pub margin: Margin,
    /// The level of every test, each side of the equivalence test included.
    pub alpha: f64,
    /// The level at which a control counts as misbehaving: an audit has several of them.
    pub control_alpha: f64,
    /// The least distance of originals from retrained models, in deviations of these, below which nothing was
    /// remembered detectably.
    pub memory_deviations_min: f64,
    /// The most retain or held-out Dice below the retrained models'.
    pub utility_loss_max: f64,
    /// The level of intervals.
    pub level: f64,
    /// The fewest retrained models beside which one delivered model is judged.
    pub delivered_models_min: usize,
}

impl Default for Protocol {
    fn default() -> Protocol {
        let secondary = Statistic::ALL.into_iter().filter(|statistic| *statistic != Statistic::BandMargin).collect();
        Protocol {
            primary: Statistic::BandMargin,
            secondary,
            margin: Margin::STANDARD,
            alpha: 0.05,
            control_alpha: 0.01,
            memory_deviations_min: 1.0,
            utility_loss_max: 0.02,
            level: 0.95,
            delivered_models_min: 5,
        }
    }
}

impl Protocol {
    /// With every number in its range.
    ///
    /// # Errors
    /// [`AuditError::BadSetting`] with the first that is not.
    pub fn checked(self) -> Result<Protocol, AuditError> {
        let bad = |key: &str, expected, found: String| {
            Err(AuditError::BadSetting { key: format!("protocol.{key}"), expected, found })
        };
        for (key, value) in [("alpha", self.alpha), ("control_alpha", self.control_alpha)] {
            if !(value > 0.0 && value < 0.5) {
                return bad(key, "above 0 and below 0.5", value.to_string());
            }
        }
        if !(self.level > 0.5 && self.level < 1.0) {
            return bad("level", "above 0.5 and below 1", self.level.to_string());
        }
        let (Margin::Absolute(width) | Margin::Deviations(width)) = self.margin;
        for (key, value) in [
            ("margin", width),
            ("memory_deviations_min", self.memory_deviations_min),
            ("utility_loss_max", self.utility_loss_max),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return bad(key, "a number above 0", value.to_string());
            }
        }
        if self.delivered_models_min < 3 {
            return bad("delivered_models_min", "at least 3", self.delivered_models_min.to_string());
        }
        if self.secondary.contains(&self.primary) {
            return bad("secondary", "statistics other than the primary one", self.primary.name().to_string());
        }
        let twice = |statistic: &&Statistic| self.secondary.iter().filter(|other| other == statistic).count() > 1;
        match self.secondary.iter().find(twice) {
            Some(statistic) => bad("secondary", "each once", format!("{} twice", statistic.name())),
            None => Ok(self),
        }
    }

    /// What so many seeds per arm can show of the declared margin; `None` below two, since one model has no deviation.
    pub fn power(&self, seeds: usize) -> Option<Power> {
        (seeds >= 2).then(|| power(seeds, self.margin.deviations_for_power(), self.alpha))
    }

    /// The margin in deviations of retrained models that scatter so.
    pub fn margin_in_deviations(&self, deviation: f64) -> f64 {
        match self.margin {
            Margin::Deviations(deviations) => deviations,
            Margin::Absolute(width) => width / deviation,
        }
    }
}

/// A declaration, and the digest that binds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Declared {
    /// The BLAKE3 digest of the declaration's JSON.
    pub digest: String,
    /// The declaration.
    pub declaration: serde_json::Value,
}

impl Declared {
    /// Of anything that can be written as JSON.
    ///
    /// # Errors
    /// [`AuditError::Parse`] for what cannot.
    pub fn new(declaration: &impl Serialize) -> Result<Declared, AuditError> {
        let declaration =
            serde_json::to_value(declaration).map_err(|error| AuditError::Parse { reason: error.to_string() })?;
        // A JSON value keeps its keys in order, so equal declarations have equal bytes.
        let digest = lacuna_disk::digest(declaration.to_string().as_bytes());
        Ok(Declared { digest, declaration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Protocol, AuditError> {
        let parsed: Protocol = toml::from_str(text).map_err(|error| AuditError::Parse { reason: error.to_string() })?;
        parsed.checked()
    }

    #[track_caller]
    fn refused(text: &str, said: &str) {
        let message = of(text).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }

    #[test]
    fn what_is_not_said_is_the_default_and_survives_being_written() {
        let protocol = of("margin = { deviations = 2.0 }").unwrap();
        assert_eq!(protocol.primary, Statistic::BandMargin);
        assert_eq!(of(&toml::to_string(&protocol).unwrap()).unwrap(), protocol);
    }

    #[test]
    fn settings_that_no_audit_can_have_are_named() {
        refused("alpha = 0.5", "protocol.alpha: expected above 0 and below 0.5, found 0.5");
        refused("level = 1.0", "protocol.level");
        refused("margin = { absolute = -1.0 }", "protocol.margin: expected a number above 0, found -1");
        refused("secondary = ['band-margin']", "expected statistics other than the primary one, found band-margin");
        refused("secondary = ['entropy', 'entropy']", "expected each once, found entropy twice");
        refused("delivered_models_min = 1", "at least 3");
        refused("primray = 'entropy'", "unknown field `primray`");
    }

    #[test]
    fn a_digest_binds_every_choice() {
        let digest = |protocol: &Protocol| Declared::new(protocol).unwrap().digest;
        let usual = Protocol::default();
        assert_eq!(digest(&usual), digest(&usual.clone()));
        let other = Protocol { alpha: 0.1, ..usual.clone() };
        assert_ne!(digest(&usual), digest(&other));
    }
}
