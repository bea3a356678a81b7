//! `lacuna trace SUBJECT`: what still holds a person, and its removal.

use super::ledger::{open_request_of, subject_id};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::text_table::aligned;
use crate::trace::{Bucket, Held, Places, Purge, Receipt, Remedy, Sources, Trace, find, in_buckets, purge};
use clap::Args;
use lacuna_ledger::{Ledger, random_hex};
use lacuna_objects::Address;
use serde::Serialize;
use std::path::PathBuf;

/// List everything that still holds a subject, and remove what lacuna made of it
///
/// Looks into the folder of runs, the cache where one is named, and where you say. A file that an earlier purge
/// deleted and that has come back, from a backup say, is known by its content and ends the command with code 6.
/// Buckets that plans and runs name are listed by a lacuna with network code; what lies in them you must delete there,
/// and a purge that leaves something in one ends with code 6 too.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna trace phantom-002 --data heads\n  lacuna trace phantom-002 --data heads \
                        --cache cache --ledger requests.db --purge\n\nWhat it cannot find: docs/ledger.md")]
pub struct Arguments {
    /// The subject's id in your data
    #[arg(value_name = "SUBJECT")]
    subject: String,
    /// A further folder of runs, records or models, or the URL of a bucket; may be repeated
    #[arg(long, value_name = "DIR")]
    root: Vec<Address>,
    /// A data set; may be repeated
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// The ledger that knows what was deleted, and in which a purge is written down
    #[arg(long, env = "LACUNA_LEDGER", value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Delete what lacuna made of the subject, and write a pseudonym where texts of its own name it
    #[arg(long)]
    purge: bool,
    /// Delete the subject's images and label maps as well, and write the pseudonym where the data set's own tables name it
    #[arg(long, requires = "purge")]
    include_sources: bool,
}

#[derive(Serialize)]
struct Traced {
    subject: String,
    #[serde(flatten)]
    trace: Trace,
    /// How many files that were deleted before are back.
    returned: usize,
    /// What lies in buckets, where nothing is deleted from here.
    buckets: Vec<Bucket>,
    receipt: Option<Receipt>,
    /// What is still there after a purge.
    remaining: Vec<Held>,
}

/// Look, and remove where asked to.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let subject = subject_id(&arguments.subject)?;
    let folders = arguments.root.iter().filter_map(|root| root.folder().map(PathBuf::from));
    let roots: Vec<PathBuf> = std::iter::once(context.runs.clone()).chain(folders).collect();
    let given: Vec<String> =
        arguments.root.iter().filter(|root| root.folder().is_none()).map(Address::to_string).collect();
    let mut ledger = arguments.ledger.as_deref().map(Ledger::open).transpose()?;
    let listed = Sources::of(&subject, &arguments.data)?;
    let cache = context.loading.cache.as_ref().map(|cache| cache.folder());
    let look = |ledger: Option<&Ledger>| {
        find(&subject, &Places { roots: &roots, data: &arguments.data, sources: &listed, cache, ledger })
    };
    let trace = look(ledger.as_ref())?;
    let places = Places { roots: &roots, data: &[], sources: &listed, cache: None, ledger: ledger.as_ref() };
    let buckets = in_buckets(&subject, &places, &given)?;
    let returned = trace.files.iter().filter(|held| held.returned).count();
    let held_in_buckets = buckets.iter().any(|bucket| !bucket.objects.is_empty());
    let (mut receipt, mut remaining) = (None, Vec::new());
    if arguments.purge {
        let request = ledger.as_ref().map(|ledger| open_request_of(ledger, &subject)).transpose()?;
        let pseudonym = match &request {
            Some(state) => state.subject.to_string(),
            None => random_hex::<16>(),
        };
        let what = Purge { named: &listed.named, pseudonym, include_sources: arguments.include_sources };
        let written = ledger.as_mut().zip(request.as_ref().map(|state| state.request.as_str()));
        receipt = Some(purge(&trace, &what, written)?);
        remaining = look(ledger.as_ref())?.files;
    }
    let left = remaining.iter().any(|held| matches!(held.purge, Remedy::Delete | Remedy::Redact));
    let left = left || (held_in_buckets && arguments.purge);
    let exit = if left || (returned > 0 && !arguments.purge) { Exit::Gate } else { Exit::Done };
    let traced = Traced { subject: subject.to_string(), trace, returned, buckets, receipt, remaining };
    Ok(Outcome::new("trace", &traced, text(&traced)).exiting(exit))
}

fn text(traced: &Traced) -> String {
    let mut text = if traced.trace.files.is_empty() {
        format!("nothing that was looked at holds {}\n", traced.subject)
    } else {
        table(&traced.trace.files)
    };
    if traced.returned > 0 {
        text.push_str(&format!("\n{} of these were deleted before and have come back\n", traced.returned));
    }
    for path in &traced.trace.unattributed {
        text.push_str(&format!("unknown: {}: nothing says whom this model saw\n", path.display()));
    }
    text.push_str(&in_words(&traced.buckets));
    if let Some(receipt) = &traced.receipt {
        text.push_str(&format!("\nremoved {} files\n", receipt.removed.len()));
        if !traced.remaining.is_empty() {
            text.push_str(&format!("still there:\n{}", table(&traced.remaining)));
        }
    }
    text
}

/// What lies in buckets, where nothing is deleted from here.
fn in_words(buckets: &[Bucket]) -> String {
    let mut text = String::new();
    for bucket in buckets {
        let address = &bucket.address;
        match &bucket.not_listed {
            Some(why) => text.push_str(&format!("\nbucket {address}: NOT LOOKED INTO: {why}\n")),
            None if bucket.objects.is_empty() => {
                text.push_str(&format!("\nbucket {address}: nothing in it names the subject\n"));
            }
            None => {
                text.push_str(&format!("\nbucket {address}: delete there, with all versions and copies:\n"));
                let rows = bucket.objects.iter().map(|(object, holds)| vec![holds.name().to_string(), object.clone()]);
                text.push_str(&aligned(&rows.collect::<Vec<_>>()));
            }
        }
        for object in &bucket.unattributed {
            text.push_str(&format!("unknown: {object}: nothing says whom this model saw\n"));
        }
    }
    text
}

fn table(files: &[Held]) -> String {
    let mut rows = vec![["holds", "purge", "digest", "file"].map(str::to_string).to_vec()];
    for held in files {
        let purge = match held.purge {
            Remedy::Delete => "deletes",
            Remedy::Redact => "redacts",
            Remedy::Source => "with --include-sources",
            Remedy::Listing => "redacts with --include-sources",
            Remedy::Keep => "keeps",
        };
        let digest = held.digest.get(..16).unwrap_or(&held.digest).to_string();
        let path = held.path.display().to_string();
        rows.push(vec![held.holds.name().to_string(), purge.to_string(), digest, path]);
    }
    aligned(&rows)
}
