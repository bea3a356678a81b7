//! Shards and slices of an exact training.

use crate::config::set_to;
use crate::error::CliError;
use clap::Args;
use toml::Table;

/// Shards and slices of an exact training.
#[derive(Args)]
pub struct ExactArguments {
    /// Train in shards and slices, so that a subject can be erased exactly (docs/exact.md)
    #[arg(long, conflicts_with = "resume", help_heading = "Exact unlearning")]
    exact: bool,
    /// Networks that the subjects are dealt to; their probabilities are averaged [default: 1]
    #[arg(long, value_name = "N", requires = "exact", help_heading = "Exact unlearning")]
    shards: Option<usize>,
    /// Slices of each shard, a checkpoint before each [default: one per subject of the smallest shard, 8 at most]
    #[arg(long, value_name = "N", requires = "exact", help_heading = "Exact unlearning")]
    slices: Option<usize>,
    /// How likely subjects are to ask, for example sub-03=0.5,*=0.01; * is all others [default: *=1/N of N subjects]
    #[arg(
        long,
        value_name = "SUBJECT=P",
        value_delimiter = ',',
        value_parser = expected,
        requires = "exact",
        help_heading = "Exact unlearning"
    )]
    expect: Vec<(String, f64)>,
}

impl ExactArguments {
    /// Writes these options into the settings of a run.
    pub fn set_in(&self, table: &mut Table) -> Result<(), CliError> {
        if self.exact && !table.contains_key("exact") {
            set_to(table, "exact", &Table::new())?;
        }
        if let Some(shards) = self.shards {
            set_to(table, "exact.shards", &shards)?;
        }
        if let Some(slices) = self.slices {
            set_to(table, "exact.slices", &slices)?;
        }
        self.expect
            .iter()
            .try_for_each(|(name, probability)| set_to(table, &format!("exact.expect.{name}"), probability))
    }
}

fn expected(text: &str) -> Result<(String, f64), String> {
    let parsed =
        text.split_once('=').and_then(|(name, number)| Some((name.trim().to_string(), number.trim().parse().ok()?)));
    parsed
        .filter(|(name, _)| !name.is_empty() && !name.contains('.'))
        .ok_or_else(|| format!("expected SUBJECT=PROBABILITY, for example sub-03=0.5, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_a_subject_and_a_number() {
        assert_eq!(expected("sub-03=0.5"), Ok(("sub-03".to_string(), 0.5)));
        assert_eq!(expected("*=0.01"), Ok(("*".to_string(), 0.01)));
        for wrong in ["sub-03", "=0.5", "sub-03=often", "a.b=0.1"] {
            assert!(expected(wrong).unwrap_err().contains("SUBJECT=PROBABILITY"), "{wrong}");
        }
    }
}
