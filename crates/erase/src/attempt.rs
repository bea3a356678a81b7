//! Whether a request may be carried out now.

use crate::{EraseError, Progress, has_other_runs};
use lacuna_ledger::{Ledger, RequestState, Status};

/// Refuses a request that was not accepted, or is closed.
///
/// # Errors
/// [`EraseError::NotAccepted`].
pub fn check_accepted(state: &RequestState) -> Result<(), EraseError> {
    if [Status::Accepted, Status::Extended, Status::Executed, Status::Verified].contains(&state.status) {
        return Ok(());
    }
    let (request, found) = (state.request.clone(), state.status.name());
    let fix = match state.status {
        Status::Received | Status::IdentityPending => format!("accept it first: `lacuna ledger accept {request}`"),
        _ => "a new request, `lacuna ledger request`".to_string(),
    };
    Err(EraseError::NotAccepted { request, found, fix })
}

/// Refuses a second attempt at a request unless `again` asks for one: of several attempts only the best would be seen, if a
/// later one could pass over the earlier ones. The runs of `planned` are those of this attempt.
///
/// # Errors
/// [`EraseError::OtherRuns`], or a ledger that cannot be read.
pub fn check_attempt(
    ledger: &Ledger,
    state: &RequestState,
    planned: Option<&Progress>,
    again: bool,
) -> Result<(), EraseError> {
    if again || !has_other_runs(ledger, &state.request, planned)? {
        return Ok(());
    }
    Err(EraseError::OtherRuns { request: state.request.clone() })
}
