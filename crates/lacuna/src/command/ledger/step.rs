//! `lacuna ledger accept`, `refuse`, `extend`, `close`: how a request goes on.

use super::show::Shown;
use super::{HolidayArguments, LedgerArguments, code, day_or_today};
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use jiff::civil::Date;
use lacuna_ledger::{ExtensionReason, Ledger, RefusalGround, Status};

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
    /// The ground: an article, or that nothing here is of that person
    #[arg(long, value_parser = code(RefusalGround::ALL, RefusalGround::name), value_name = "GROUND")]
    ground: RefusalGround,
    /// The day on which the person was told so [default: today]
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
    /// The day on which the person was told so [default: today]
    #[arg(long, value_name = "DAY")]
    told: Option<Date>,
    #[command(flatten)]
    holidays: HolidayArguments,
}

/// Close a verified or refused request of whose outcome the person was told
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna ledger close req-1f0c --ledger requests.db\n  lacuna ledger close req-1f0c \
                        --told 2026-12-10 --destroy-link --ledger requests.db\n  lacuna ledger close req-1f0c \
                        --unassessed --ledger requests.db"
)]
pub struct CloseArguments {
    #[command(flatten)]
    which: Which,
    /// The day on which the person was told of the outcome [default: today]
    #[arg(long, value_name = "DAY")]
    told: Option<Date>,
    /// Close a request that was executed and that no audit can assess; its last verdict has to be not_assessable or
    /// inconclusive
    #[arg(long)]
    unassessed: bool,
    /// Destroy the link from the ledger's pseudonym to the subject's id. The request can then no more be found by id
    #[arg(long)]
    destroy_link: bool,
}

/// Go on with it.
pub fn accept(arguments: &AcceptArguments) -> Result<Outcome, CliError> {
    let holidays = arguments.holidays.read()?;
    let (mut ledger, request) = arguments.which.open()?;
    let state = ledger.accept(&request, day_or_today(arguments.established), &holidays)?;
    Ok(Shown::of(state, Vec::new()).outcome("ledger.accept"))
}

/// Refuse it.
pub fn refuse(arguments: &RefuseArguments) -> Result<Outcome, CliError> {
    let (mut ledger, request) = arguments.which.open()?;
    let state = ledger.refuse(&request, arguments.ground, day_or_today(arguments.told))?;
    Ok(Shown::of(state, Vec::new()).outcome("ledger.refuse"))
}

/// Extend its time.
pub fn extend(arguments: &ExtendArguments) -> Result<Outcome, CliError> {
    let holidays = arguments.holidays.read()?;
    let (mut ledger, request) = arguments.which.open()?;
    let state = ledger.extend(&request, arguments.reason, day_or_today(arguments.told), &holidays)?;
    Ok(Shown::of(state, Vec::new()).outcome("ledger.extend"))
}

/// Close it.
///
/// Asked again of a closed request with `--destroy-link`, it does what is left to do.
pub fn close(arguments: &CloseArguments) -> Result<Outcome, CliError> {
    let (mut ledger, request) = arguments.which.open()?;
    let mut state = ledger.find_request(&request)?;
    if !(state.status == Status::Closed && arguments.destroy_link) {
        let told = day_or_today(arguments.told);
        let closed =
            if arguments.unassessed { ledger.close_unassessed(&request, told) } else { ledger.close(&request, told) };
        state = closed?;
    }
    if arguments.destroy_link {
        ledger.destroy_link(&state.subject)?;
    }
    Ok(Shown::of(state, Vec::new()).outcome("ledger.close"))
}

impl Which {
    fn open(&self) -> Result<(Ledger, String), CliError> {
        let ledger = Ledger::open(&self.ledger.ledger)?;
        let request = ledger.find_request(&self.request)?.request;
        Ok((ledger, request))
    }
}
