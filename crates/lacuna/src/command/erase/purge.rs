//! The search for what holds a person, and its removal: all that `lacuna erase` asks of [`lacuna_trace`].

use super::Arguments;
use crate::context::Context;
use crate::error::CliError;
use crate::tracing::Command;
use lacuna_artefacts::Site;
use lacuna_cohort::SubjectId;
use lacuna_erase::Look;
use lacuna_ledger::{Ledger, RequestState};
use lacuna_trace::{Folders, Person, Plan, Report, Scope, find, in_buckets, purge};

/// Where to look, and for whom.
pub struct Search<'a> {
    pub arguments: &'a Arguments,
    /// The folder of runs and the cache.
    pub context: &'a Context,
    pub subject: &'a SubjectId,
}

/// Look for what holds the person: the folder of runs, the folders that its registers name, stores and buckets.
pub fn look(search: &Search, ledger: &Ledger) -> Result<Look, CliError> {
    let asked = Asked::of(search, ledger)?;
    let buckets = in_buckets(&asked.person, &asked.folders, Some(ledger))?;
    Ok(Look::of(asked.trace(ledger)?, buckets))
}

/// Move what lacuna made of the person into quarantine, where it stays until the request is closed, and write the
/// pseudonym into what names the person. The images of the data set stay: an audit may need them.
pub fn clear(search: &Search, ledger: &mut Ledger, state: &RequestState) -> Result<(), CliError> {
    let runs = &search.context.runs;
    lacuna_trace::finish(runs)?;
    let asked = Asked::of(search, ledger)?;
    let trace = asked.trace(ledger)?;
    let plan = Plan::of(&trace, &asked.person, state.subject.to_string(), Scope::default())?;
    purge(runs, &plan, Some((ledger, state.request.as_str())))?;
    Ok(())
}

/// Whom and where a search asks.
struct Asked {
    person: Person,
    folders: Folders,
}

impl Asked {
    fn of(search: &Search, ledger: &Ledger) -> Result<Asked, CliError> {
        let Search { arguments, context, subject } = search;
        let (site, data) = (Site::open(&context.runs)?, std::slice::from_ref(&arguments.data));
        let cache = context.loading.cache.as_ref().map(|cache| cache.folder());
        Ok(Asked {
            person: Person::of(subject, data, Some(ledger), site.as_ref(), &Command)?,
            folders: Folders::of(&context.runs, site.as_ref(), data, cache, arguments.store.addresses())?,
        })
    }

    fn trace(&self, ledger: &Ledger) -> Result<Report, CliError> {
        Ok(find(&self.person, &self.folders, Some(ledger), &Command)?)
    }
}
