//! `--isa`: the instruction set of lacuna's kernels.

use crate::error::CliError;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lacuna_kernels::InstructionSet;

/// One of the instruction sets that the kernels are compiled for.
pub fn parser() -> impl TypedValueParser<Value = InstructionSet> {
    PossibleValuesParser::new(InstructionSet::ALL.map(name)).map(|found| {
        let named = InstructionSet::ALL.into_iter().find(|set| name(*set) == found);
        named.expect("the parser lets only these names pass")
    })
}

/// Its name on the command line and in files.
pub fn name(set: InstructionSet) -> &'static str {
    match set {
        InstructionSet::Portable => "portable",
        InstructionSet::Avx2 => "avx2",
        InstructionSet::Avx512 => "avx512",
    }
}

/// Compute with it from here on; nothing may have been computed before.
pub fn pin(set: InstructionSet) -> Result<(), CliError> {
    set.choose().map_err(|other| CliError::Device {
        what: format!(
            "--isa: expected a machine that has {}, found {}; fix: pin the study to a set that all machines have",
            name(set),
            name(other)
        ),
    })
}
