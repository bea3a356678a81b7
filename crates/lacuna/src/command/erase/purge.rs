//! The search for what holds a person, and its removal: all that `lacuna erase` asks of [`crate::trace`].

use super::Arguments;
use crate::context::Context;
use crate::error::CliError;
use crate::trace::{Person, Plan, Remedy, Scope, SearchScope, Trace, find, in_buckets, purge, registered, roots};
use lacuna_artefacts::{PortablePath, Site};
use lacuna_cohort::SubjectId;
use lacuna_ledger::{Holds, Ledger, RequestState};
use lacuna_objects::Address;
use std::path::PathBuf;

/// Where to look, and for whom.
pub struct Search<'a> {
    pub arguments: &'a Arguments,
    /// The folder of runs and the cache.
    pub context: &'a Context,
    pub subject: &'a SubjectId,
}

/// What a search found.
#[derive(Default)]
pub struct Look {
    /// What holds the person.
    pub held: Vec<Held>,
    /// Of what nothing says whether it does.
    pub unknown: Vec<Unknown>,
    /// Files of others that mention the person; they are not changed.
    pub mentions: Vec<PortablePath>,
}

/// Something that holds a person.
pub struct Held {
    /// Where it lies, or its URL.
    pub path: PortablePath,
    /// What of the person.
    pub holds: Holds,
    /// BLAKE3 of it, where it lies in a folder.
    pub digest: Option<String>,
    /// Whether it is of the data set, which is removed on purpose only.
    pub is_source: bool,
    /// Whether it stays because it was made to forget the person.
    pub stays: bool,
    /// Whether a file of its content was removed before.
    pub returned: bool,
}

/// A file of which it is unknown whether it holds the person.
pub struct Unknown {
    /// Where it lies, or its URL.
    pub path: PortablePath,
    pub why: String,
}

/// Look for what holds the person: the folder of runs, the folders that its registers name, stores and buckets.
pub fn look(search: &Search, ledger: &Ledger) -> Result<Look, CliError> {
    let asked = Asked::of(search, ledger)?;
    let trace = asked.trace(search, ledger)?;
    let mut look = Look::default();
    look.held.extend(trace.files.into_iter().map(|held| Held {
        is_source: matches!(held.purge, Remedy::Source | Remedy::Listing),
        stays: held.purge == Remedy::Keep,
        path: held.path,
        holds: held.holds,
        digest: Some(held.digest),
        returned: held.returned,
    }));
    look.unknown.extend(trace.unattributed.into_iter().map(|unknown| Unknown { path: unknown.path, why: unknown.why }));
    look.mentions.extend(trace.mentions.into_iter().map(|mention| mention.path));
    let scope = SearchScope { roots: &asked.roots, registered: &[], data: &[], cache: None, ledger: Some(ledger) };
    for bucket in in_buckets(&asked.person, &scope, &asked.buckets)? {
        let url = |url: String| PortablePath(PathBuf::from(url));
        let (stays, is_source, returned) = (false, false, false);
        look.held.extend(bucket.objects.into_iter().map(|(object, holds)| Held {
            path: url(object),
            holds,
            digest: None,
            is_source,
            stays,
            returned,
        }));
        let why = "no record in the bucket says whom it saw";
        let of_objects = bucket.unattributed.into_iter().map(|object| (object, why.to_string()));
        let of_bucket = bucket.not_listed.map(|why| (bucket.address, why));
        look.unknown.extend(of_objects.chain(of_bucket).map(|(path, why)| Unknown { path: url(path), why }));
    }
    Ok(look)
}

/// Move what lacuna made of the person into quarantine, where it stays until the request is closed, and write the
/// pseudonym into what names the person. The images of the data set stay: an audit may need them.
pub fn clear(search: &Search, ledger: &mut Ledger, state: &RequestState) -> Result<(), CliError> {
    let runs = &search.context.runs;
    crate::trace::finish(runs)?;
    let asked = Asked::of(search, ledger)?;
    let trace = asked.trace(search, ledger)?;
    let plan = Plan::of(&trace, &asked.person, state.subject.to_string(), Scope::default())?;
    purge(runs, &plan, Some((ledger, state.request.as_str())))?;
    Ok(())
}

/// Whom and where a search asks.
struct Asked {
    person: Person,
    roots: Vec<PathBuf>,
    registered: Vec<PathBuf>,
    /// Buckets that the command or the environment names.
    buckets: Vec<String>,
}

impl Asked {
    fn of(search: &Search, ledger: &Ledger) -> Result<Asked, CliError> {
        let Search { arguments, context, subject } = search;
        let site = Site::open(&context.runs)?;
        let (folders, buckets): (Vec<&Address>, Vec<&Address>) =
            arguments.store.addresses().partition(|store| store.folder().is_some());
        let folders = folders.into_iter().filter_map(|folder| folder.folder().map(PathBuf::from));
        Ok(Asked {
            person: Person::of(subject, std::slice::from_ref(&arguments.data), Some(ledger), site.as_ref())?,
            roots: roots(&context.runs, site.as_ref(), folders)?,
            registered: registered(site.as_ref())?,
            buckets: buckets.into_iter().map(Address::to_string).collect(),
        })
    }

    fn trace(&self, search: &Search, ledger: &Ledger) -> Result<Trace, CliError> {
        let cache = search.context.loading.cache.as_ref().map(|cache| cache.folder());
        let data = std::slice::from_ref(&search.arguments.data);
        find(
            &self.person,
            &SearchScope { roots: &self.roots, registered: &self.registered, data, cache, ledger: Some(ledger) },
        )
    }
}
