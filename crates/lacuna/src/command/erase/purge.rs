//! The search for what holds a person, and its removal: all that `lacuna erase` asks of [`crate::trace`].

use super::Arguments;
use crate::context::Context;
use crate::error::CliError;
use crate::trace::{Places, Purge, Remedy, Sources, Trace, find, named_buckets, purge};
use lacuna_cohort::SubjectId;
use lacuna_ledger::{Holds, Ledger, RequestState};
use std::path::PathBuf;

/// Where to look, and for whom.
pub struct Search<'a> {
    /// The command's.
    pub arguments: &'a Arguments,
    /// The folder of runs and the cache.
    pub context: &'a Context,
    /// Whose traces.
    pub subject: &'a SubjectId,
}

/// What a search found.
pub struct Look {
    /// What holds the person.
    pub held: Vec<Held>,
    /// Of what nothing says whether it does.
    pub unknown: Vec<PathBuf>,
}

/// Something that holds a person.
pub struct Held {
    /// Where it lies.
    pub path: PathBuf,
    /// What of the person.
    pub holds: Holds,
    /// Whether it is of the data set, which is removed on purpose only.
    pub is_source: bool,
    /// Whether a file of its content was removed before.
    pub returned: bool,
}

/// Look for what holds the person.
pub fn look(search: &Search, ledger: &Ledger) -> Result<Look, CliError> {
    let (trace, _) = found(search, ledger)?;
    let held = trace.files.into_iter().map(|held| {
        let is_source = matches!(held.purge, Remedy::Source | Remedy::Listing);
        Held { path: held.path, holds: held.holds, is_source, returned: held.returned }
    });
    Ok(Look { held: held.collect(), unknown: trace.unattributed })
}

/// Remove what lacuna made of the person. The images of the data set stay: an audit may need them.
pub fn clear(search: &Search, ledger: &mut Ledger, state: &RequestState) -> Result<(), CliError> {
    let (trace, sources) = found(search, ledger)?;
    let what = Purge { named: &sources.named, pseudonym: state.subject.to_string(), include_sources: false };
    purge(&trace, &what, Some((ledger, state.request.as_str())))?;
    Ok(())
}

fn found(search: &Search, ledger: &Ledger) -> Result<(Trace, Sources), CliError> {
    let (roots, data) = ([search.context.runs.clone()], [search.arguments.data.clone()]);
    let sources = Sources::of(search.subject, &data)?;
    let cache = search.context.loading.cache.as_ref().map(|cache| cache.folder());
    let places = Places { roots: &roots, data: &data, sources: &sources, cache, ledger: Some(ledger) };
    let trace = find(search.subject, &places)?;
    for bucket in named_buckets(&places)? {
        let note = format!("note     {bucket}: a plan or run names it; `lacuna trace` says what to delete there");
        search.context.note(&note);
    }
    Ok((trace, sources))
}
