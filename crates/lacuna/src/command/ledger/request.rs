//! `lacuna ledger request`: records a person's request to be erased.

use super::show::Shown;
use super::{HolidayArguments, LedgerArguments, code_or_word, day_or_today, subject_id};
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use jiff::civil::Date;
use lacuna_ledger::{Ground, Ledger, NewRequest};

/// Write down that a subject asks to be erased, and say by when to answer
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna ledger request --subject phantom-002 --ledger requests.db\n  lacuna ledger \
                        request --subject phantom-002 --received 2026-11-20 --ground 17-1-b \\\n    --identity-pending \
                        --holidays spain.txt --ledger requests.db\n\nA ledger that is not there yet is begun."
)]
pub struct Arguments {
    /// The subject's id in your data; the ledger holds a random pseudonym instead
    #[arg(long, value_name = "ID")]
    subject: String,
    #[command(flatten)]
    ledger: LedgerArguments,
    /// The day of receipt, which is not counted [default: today]
    #[arg(long, value_name = "DAY")]
    received: Option<Date>,
    /// On which ground, by the letters of GDPR 17(1) or in a word such as consent-withdrawn
    #[arg(long, value_parser = code_or_word(Ground::ALL, Ground::name, Ground::word), default_value = "unstated", value_name = "GROUND")]
    ground: Ground,
    /// Who asks is reasonably doubted, and was asked to prove it: the time stands still until `lacuna ledger accept`
    #[arg(long)]
    identity_pending: bool,
    /// The day on which the person was asked who they are [default: today]
    #[arg(long, value_name = "DAY", requires = "identity_pending")]
    asked: Option<Date>,
    #[command(flatten)]
    holidays: HolidayArguments,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let subject = subject_id(&arguments.subject)?;
    let received = day_or_today(arguments.received);
    let today = day_or_today(None);
    if received > today {
        let what = format!("--received: expected a day until today, {today}, found {received}");
        return Err(CliError::Usage { what });
    }
    let holidays = arguments.holidays.read()?;
    let mut ledger = Ledger::open_or_create(&arguments.ledger.ledger)?;
    let new = NewRequest {
        subject: subject.as_str(),
        ground: arguments.ground,
        received,
        identity_asked: arguments.identity_pending.then(|| day_or_today(arguments.asked)),
    };
    let state = ledger.receive(&new, &holidays)?;
    Ok(Shown::of(state, Vec::new()).with_next(&arguments.ledger).outcome("ledger.request"))
}
