//! `lacuna ledger verify`: is the ledger as it was written?

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use clap::Args;
use lacuna_ledger::{Checkpoint, SignedCheckpoint, UncheckedLedger, Verified, VerifyingKey, public_key, verify_export};
use std::path::PathBuf;

/// Check that a ledger, or an export of one, is as it was written; exit code 7 if not
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna ledger verify --ledger requests.db\n  lacuna ledger verify --ledger \
                        requests.db --checkpoint /mnt/elsewhere/checkpoint.txt\n  lacuna ledger verify --export out --key \
                        public.key")]
pub struct Arguments {
    /// The ledger's file
    #[arg(long, env = "LACUNA_LEDGER", value_name = "FILE", required_unless_present = "export")]
    ledger: Option<PathBuf>,
    /// A folder that `lacuna ledger export` wrote, instead of a ledger; checked with --key alone
    #[arg(long, value_name = "DIR", requires = "key")]
    export: Option<PathBuf>,
    /// The public key; that of the ledger if unsaid
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere, which the ledger has to continue; may be repeated
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let given = arguments.key.as_deref().map(public_key).transpose()?;
    let (verified, checkpoints) = match (&arguments.export, &arguments.ledger) {
        (Some(folder), _) => {
            let key = given.ok_or_else(no_key)?;
            let checkpoints = arguments.checkpoints(&key)?;
            (verify_export(folder, &key, &checkpoints)?, checkpoints)
        }
        (None, Some(ledger)) => {
            let ledger = UncheckedLedger::open(ledger)?;
            let checkpoints = arguments.checkpoints(&given.unwrap_or_else(|| ledger.keyring().public()))?;
            (ledger.verify(&checkpoints)?, checkpoints)
        }
        (None, None) => return Err(no_key()),
    };
    let exit = if verified.findings.is_empty() { Exit::Done } else { Exit::Ledger };
    Ok(Outcome::new("ledger.verify", &verified, text(&verified, &checkpoints)).exiting(exit))
}

fn no_key() -> CliError {
    CliError::Usage { what: "expected --ledger, or --export with --key, found neither".to_string() }
}

impl Arguments {
    fn checkpoints(&self, key: &VerifyingKey) -> Result<Vec<Checkpoint>, CliError> {
        self.checkpoint.iter().map(|path| Ok(SignedCheckpoint::read(path)?.verify(key)?)).collect()
    }
}

fn text(verified: &Verified, checkpoints: &[Checkpoint]) -> String {
    let Verified { events, root, findings } = verified;
    if findings.is_empty() {
        let kept = match checkpoints.len() {
            0 => "; no checkpoint kept elsewhere was given, so a ledger rewritten with its keys would pass".to_string(),
            count => format!(", and continues {count} checkpoint(s)"),
        };
        return format!("{events} events are as they were written{kept}\nroot {root}\n");
    }
    let lines = findings
        .iter()
        .map(|finding| format!("{}\n  expected: {}\n  found:    {}\n", finding.row, finding.expected, finding.found));
    format!("the ledger is NOT as it was written: {} finding(s)\n{}", findings.len(), lines.collect::<String>())
}
