//! `lacuna ledger accept`, `refuse`, `extend`, `close`: how a request goes on.

use super::show::Shown;
use super::{HolidayArguments, LedgerArguments, code, code_or_word, day_or_today};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use jiff::civil::Date;
use lacuna_ledger::{Closing, Digest, ExtensionReason, Ledger, Record, RefusalGround, RemovalKind, Status};
use lacuna_trace::{deletions, quarantines_of};

/// Which request, and of which ledger.
#[derive(Args)]
struct Which {
    /// The request; its name may be cut short
    #[arg(value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    ledger: LedgerArguments,
}

/// Say that a request will be carried out
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna ledger accept req-1f0c --ledger requests.db\n  lacuna ledger accept req-1f0c \
                        --established 2026-12-12 --ledger requests.db\n\nOf a request whose time stands still, it runs \
                        on from the day on which it was sure who asks."
)]
pub struct AcceptArguments {
    #[command(flatten)]
    which: Which,
    /// The day on which it was sure who asks, where that was doubted [default: today]
    #[arg(long, value_name = "DAY")]
    established: Option<Date>,
    #[command(flatten)]
    holidays: HolidayArguments,
}

/// Refuse a request, on a ground of GDPR 12 or 17(3)
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna ledger refuse req-1f0c --ground 17-3-d --ledger requests.db")]
pub struct RefuseArguments {
    #[command(flatten)]
    which: Which,
    /// The ground: an article or a word for it, or that nothing here is of that person
    #[arg(long, value_parser = code_or_word(RefusalGround::ALL, RefusalGround::name, RefusalGround::word), value_name = "GROUND")]
    ground: RefusalGround,
    /// The day on which the person was informed [default: today]
    #[arg(long, value_name = "DAY")]
    told: Option<Date>,
}

/// Extend the time for an accepted request by two months
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna ledger extend req-1f0c --reason complexity --told 2026-12-01 --ledger \
                        requests.db\n\nThe person has to be told within the first month.")]
pub struct ExtendArguments {
    #[command(flatten)]
    which: Which,
    /// Why more time is needed
    #[arg(long, value_parser = code(ExtensionReason::ALL, ExtensionReason::name), value_name = "REASON")]
    reason: ExtensionReason,
    /// The day on which the person was informed [default: today]
    #[arg(long, value_name = "DAY")]
    told: Option<Date>,
    #[command(flatten)]
    holidays: HolidayArguments,
}

/// Close a verified or refused request of whose outcome the person was informed
///
/// Files that purges for it moved into quarantine are deleted for good.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna ledger close req-1f0c --ledger requests.db\n  lacuna ledger close req-1f0c \
                        --told 2026-12-10 --destroy-link --ledger requests.db\n  lacuna ledger close req-1f0c \
                        --unassessed --ledger requests.db\n  lacuna ledger close req-1f0c --removed --ledger requests.db"
)]
pub struct CloseArguments {
    #[command(flatten)]
    which: Which,
    /// The day on which the person was informed of the outcome [default: today]
    #[arg(long, value_name = "DAY")]
    told: Option<Date>,
    /// Close a request that was executed and that no audit can assess; its last verdict has to be not_assessable or
    /// inconclusive
    #[arg(long)]
    unassessed: bool,
    /// Close an accepted request that `lacuna trace --purge` carried out alone: files were removed and no model was
    /// made to forget
    #[arg(long, conflicts_with = "unassessed")]
    removed: bool,
    /// Destroy the link from the ledger's pseudonym to the subject's id. The request can then no more be found by id
    #[arg(long)]
    destroy_link: bool,
}

pub fn accept(arguments: &AcceptArguments) -> Result<Outcome, CliError> {
    let holidays = arguments.holidays.read()?;
    let (mut ledger, request) = arguments.which.open()?;
    let state = ledger.accept(&request, day_or_today(arguments.established), &holidays)?;
    Ok(Shown::of(state, Vec::new()).with_next(&arguments.which.ledger).outcome("ledger.accept"))
}

pub fn refuse(arguments: &RefuseArguments) -> Result<Outcome, CliError> {
    let (mut ledger, request) = arguments.which.open()?;
    let state = ledger.refuse(&request, arguments.ground, day_or_today(arguments.told))?;
    Ok(Shown::of(state, Vec::new()).with_next(&arguments.which.ledger).outcome("ledger.refuse"))
}

/// Extend its time.
pub fn extend(arguments: &ExtendArguments) -> Result<Outcome, CliError> {
    let holidays = arguments.holidays.read()?;
    let (mut ledger, request) = arguments.which.open()?;
    let state = ledger.extend(&request, arguments.reason, day_or_today(arguments.told), &holidays)?;
    Ok(Shown::of(state, Vec::new()).with_next(&arguments.which.ledger).outcome("ledger.extend"))
}

/// Close it, and delete for good what was set aside for it.
///
/// Asked again of a closed request it does what is left to do: files of its quarantine, and with `--destroy-link` the
/// link.
pub fn close(arguments: &CloseArguments, context: &Context) -> Result<Outcome, CliError> {
    let (mut ledger, request) = arguments.which.open()?;
    let mut state = ledger.find_request(&request)?;
    let has_rest = arguments.destroy_link || !quarantines_of(&context.runs, &request)?.is_empty();
    if !(state.status == Status::Closed && has_rest) {
        let told = day_or_today(arguments.told);
        let deleted = deletions(&context.runs, &request, &ledger)?;
        check_at_hand(&ledger, &request, &deleted, context)?;
        let closing = match (arguments.unassessed, arguments.removed) {
            (true, _) => Closing::Unassessed,
            (_, true) => Closing::FilesRemoved,
            _ => Closing::Assessed,
        };
        state = ledger.close_as(closing, &request, told, &deleted)?;
    }
    // Written down first: a crash in between leaves files, which closing it once more deletes.
    for quarantine in quarantines_of(&context.runs, &request)? {
        quarantine.delete()?;
    }
    if arguments.destroy_link {
        ledger.destroy_link(&state.subject)?;
    }
    Ok(Shown::of(state, Vec::new()).with_next(&arguments.which.ledger).outcome("ledger.close"))
}

/// Closing deletes what was set aside, so it has to be here.
fn check_at_hand(ledger: &Ledger, request: &str, deleted: &[Record], context: &Context) -> Result<(), CliError> {
    let here = |mark: &Digest| {
        deleted.iter().any(|record| matches!(record, Record::Removal { artefact, .. } if artefact == mark))
    };
    let set_aside =
        |how: &RemovalKind| matches!(how, RemovalKind::Quarantined | RemovalKind::Rewritten | RemovalKind::TakenOut);
    let removed = ledger.view().removed()?;
    let missing =
        removed.iter().filter(|(mark, of)| of.request == request && set_aside(&of.how) && !here(mark)).count();
    if missing == 0 {
        return Ok(());
    }
    let runs = context.runs.display();
    let what = format!(
        "request {request}: expected the {missing} files that were moved to quarantine for it below {runs}, found none of \
         them; fix: close it with the --runs of the purge, or `lacuna quarantine restore` or `delete` there first"
    );
    Err(CliError::Config { what })
}

impl Which {
    fn open(&self) -> Result<(Ledger, String), CliError> {
        let ledger = Ledger::open(&self.ledger.ledger)?;
        let request = ledger.find_request(&self.request)?.request;
        Ok((ledger, request))
    }
}
