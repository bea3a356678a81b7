//! Options that take any text, of which shells complete the names that are known.

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use lacuna_cohort::{AS_IS, BUILT_IN, LAYOUTS};
use lacuna_unlearn::STRATEGIES;
use std::ffi::OsStr;

/// Any text; a completion script offers these names, and files.
#[derive(Clone)]
pub struct Suggested(fn() -> Vec<&'static str>);

/// The named strategies.
pub fn strategies() -> Suggested {
    Suggested(|| STRATEGIES.iter().map(|strategy| strategy.name).chain(["exact"]).collect())
}

/// The layouts of data sets.
pub fn layouts() -> Suggested {
    Suggested(|| LAYOUTS.iter().map(|layout| layout.name()).collect())
}

/// The label tables with a name.
pub fn label_tables() -> Suggested {
    Suggested(|| BUILT_IN.iter().map(|table| table.name).chain([AS_IS]).collect())
}

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}
