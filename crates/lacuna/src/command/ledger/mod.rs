//! `lacuna ledger`: requests to be erased, and what became of them.

mod audit;
mod export;
mod list;
mod request;
mod show;
mod step;
mod verify;

use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use lacuna_cohort::SubjectId;
use lacuna_ledger::{Holidays, Ledger, RequestState, Status, read_holidays};
use std::path::PathBuf;

/// Keep requests to be erased, with the days by which to answer, in a ledger that shows any later change
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna ledger request --subject phantom-002 --ledger requests.db\n\nWhat is recorded \
                        and what a check can show: docs/ledger.md"
)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Request(request::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    Accept(step::AcceptArguments),
    Refuse(step::RefuseArguments),
    Extend(step::ExtendArguments),
    Audit(audit::Arguments),
    Close(step::CloseArguments),
    Verify(verify::Arguments),
    Export(export::Arguments),
}

#[derive(Args)]
pub struct LedgerArguments {
    /// The ledger's file; its keys lie beside it, in FILE.keys
    #[arg(long, env = "LACUNA_LEDGER", value_name = "FILE")]
    pub ledger: PathBuf,
}

impl LedgerArguments {
    /// As it has to be named in the next command: not at all where the environment names it.
    fn named(&self) -> String {
        let from_environment = std::env::var_os("LACUNA_LEDGER").is_some_and(|named| named == self.ledger.as_os_str());
        if from_environment { String::new() } else { format!(" --ledger {}", self.ledger.display()) }
    }
}

/// The holiday calendar.
#[derive(Args)]
struct HolidayArguments {
    /// Public holidays besides weekends, a day such as 2027-01-01 on each line
    #[arg(long, value_name = "FILE")]
    holidays: Option<PathBuf>,
}

/// Do what is asked of the ledger.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    match &arguments.action {
        Action::Request(arguments) => request::run(arguments),
        Action::List(arguments) => list::run(arguments),
        Action::Show(arguments) => show::run(arguments),
        Action::Accept(arguments) => step::accept(arguments),
        Action::Refuse(arguments) => step::refuse(arguments),
        Action::Extend(arguments) => step::extend(arguments),
        Action::Audit(arguments) => audit::run(arguments),
        Action::Close(arguments) => step::close(arguments, context),
        Action::Verify(arguments) => verify::run(arguments),
        Action::Export(arguments) => export::run(arguments),
    }
}

impl HolidayArguments {
    fn read(&self) -> Result<Holidays, CliError> {
        Ok(self.holidays.as_deref().map(read_holidays).transpose()?.unwrap_or_default())
    }
}

/// The one request of a subject that is open.
///
/// # Errors
/// None.
pub fn open_request_of(ledger: &Ledger, subject: &SubjectId) -> Result<RequestState, CliError> {
    let pseudonym = ledger.keyring().find(subject.as_str())?;
    let open = |state: &RequestState| Some(&state.subject) == pseudonym.as_ref() && state.status != Status::Closed;
    ledger.requests()?.into_iter().find(open).ok_or_else(|| CliError::Config {
        what: format!(
            "{}: expected an open request of {subject}, since files are removed for a request, found none; fix: `lacuna \
             ledger request --subject {subject}`, `lacuna ledger accept REQUEST`, the same command again, and `lacuna ledger \
             close REQUEST --removed` at the end",
            ledger.path().display()
        ),
    })
}

/// Who of some subjects a request is of.
///
/// # Errors
/// None of them, as when the link was destroyed.
pub fn find_subject(ledger: &Ledger, state: &RequestState, subjects: &[SubjectId]) -> Result<SubjectId, CliError> {
    for subject in subjects {
        if ledger.keyring().find(subject.as_str())?.as_ref() == Some(&state.subject) {
            return Ok(subject.clone());
        }
    }
    let what = format!("request {}: expected its subject in the data, found none of its pseudonym", state.request);
    Err(CliError::Config { what })
}

/// A subject's id from the command line.
pub fn subject_id(text: &str) -> Result<SubjectId, CliError> {
    crate::redact::hide([text]);
    SubjectId::new(text).map_err(|error| CliError::Config { what: error.to_string() })
}

/// The day that was given, or today where this machine is.
pub fn day_or_today(day: Option<Date>) -> Date {
    day.unwrap_or_else(|| jiff::ZonedDateTime::now().date())
}

/// A code of the ledger, by its name.
fn code<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl clap::builder::TypedValueParser<Value = T> {
    code_or_word(all, name, name)
}

/// A code of the ledger, by its name or by a word for it.
fn code_or_word<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
    word: fn(T) -> &'static str,
) -> impl clap::builder::TypedValueParser<Value = T> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
    let value = move |code: &T| {
        let (name, word) = (name(*code), word(*code));
        let value = PossibleValue::new(name);
        if name == word { value } else { value.alias(word).help(format!("or {word}")) }
    };
    let means = move |code: T, text: &str| name(code) == text || word(code) == text;
    PossibleValuesParser::new(all.iter().map(value))
        .map(move |text| *all.iter().find(|code| means(**code, &text)).expect("clap lets nothing else pass"))
}
