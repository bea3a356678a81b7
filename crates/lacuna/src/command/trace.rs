//! `lacuna trace SUBJECT`: what still holds a person, and its removal.

use super::ledger::{open_request_of, subject_id};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::text_table::aligned;
use crate::tracing::Command;
use clap::Args;
use lacuna_artefacts::{PortablePath, Site};
use lacuna_ledger::{Digest, Holds, Ledger, random_hex};
use lacuna_objects::Address;
use lacuna_trace::{
    Bucket, Folders, Held, Person, Plan, Quarantine, Receipt, Remedy, Report, Scope, find, finish, in_buckets, purge,
};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// List everything that still holds a subject, and set it aside
///
/// Looks into the folder of runs, the folders outside it where lacuna wrote (its registers), every cache, store of
/// records and models and plan that a verb used or that is named, and where you say. What was not looked at is listed.
/// Files are attributed by registers, lineages, records and content. Files of others that mention the subject are
/// listed and never changed.
///
/// --purge moves what lacuna made of the subject into a quarantine and writes a pseudonym into the fields of lacuna's
/// own files that hold the subject. It shows the plan first and, on a terminal, asks. `lacuna quarantine restore` puts
/// everything back; closing the request, or `lacuna quarantine delete`, deletes it.
///
/// Code 6: something may hold the subject and cannot be attributed (listed as unknown), a file that was removed before
/// is back, or a purge left something.
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
    /// The ledger that knows what was removed, and in which a purge is written down
    #[arg(long, env = "LACUNA_LEDGER", value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Move what lacuna made of the subject into quarantine, and write a pseudonym where its own files name the subject
    #[arg(long)]
    purge: bool,
    /// Move the subject's images and label maps as well, and take the subject's rows out of the data set's own tables
    #[arg(long, requires = "purge")]
    include_sources: bool,
    /// Do not ask on a terminal before the purge
    #[arg(long, requires = "purge")]
    yes: bool,
    #[command(flatten)]
    store: Stores,
}

/// Where studies keep records and models; the same variables as `lacuna study` reads.
#[derive(Args)]
pub struct Stores {
    /// A folder or bucket with records of studies [default: RUNS/store/records]
    #[arg(long, env = "LACUNA_RECORDS", value_name = "DIR")]
    records: Option<Address>,
    /// A folder or bucket with models of studies [default: RUNS/store/models]
    #[arg(long, env = "LACUNA_MODELS", value_name = "DIR")]
    models: Option<Address>,
}

#[derive(Serialize)]
struct Traced {
    subject: String,
    #[serde(flatten)]
    trace: Report,
    /// Whether a data set that was named by --data lists the subject.
    listed: bool,
    /// What was not looked at, since nothing named it.
    not_looked: Vec<NotLooked>,
    /// How many files that were removed before are back.
    returned: usize,
    /// What lies in buckets, where nothing is removed from here.
    buckets: Vec<Bucket>,
    /// What a purge did.
    receipt: Option<Receipt>,
    /// The statement that was signed for the request before the purge: it does not list what the purge removed.
    signed_before: Option<Digest>,
    /// What is still there after a purge.
    remaining: Vec<Held>,
    /// Quarantines with files that were set aside, of any person.
    quarantines: Vec<Kept>,
}

/// Something that a trace looks at where it is named.
#[derive(Serialize)]
struct NotLooked {
    what: &'static str,
    /// The way to have it looked at.
    fix: &'static str,
}

/// A quarantine that is there.
#[derive(Serialize)]
struct Kept {
    name: String,
    folder: PortablePath,
    request: Option<String>,
    steps: usize,
}

/// Look, and set aside where asked to.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let subject = subject_id(&arguments.subject)?;
    let mut ledger = arguments.ledger.as_deref().map(Ledger::open).transpose()?;
    let site = Site::open(&context.runs)?;
    if arguments.purge {
        let finished = finish(&context.runs)?;
        if finished > 0 {
            context.note(&format!("note     {finished} purges that were interrupted are finished"));
        }
    }
    let cache = context.loading.cache.as_ref().map(|cache| cache.folder());
    let stores = arguments.store.addresses().chain(&arguments.root);
    let folders = Folders::of(&context.runs, site.as_ref(), &arguments.data, cache, stores)?;
    let person = Person::of(&subject, &arguments.data, ledger.as_ref(), site.as_ref(), &Command)?;
    let quarantines_before = Quarantine::all(&context.runs)?;
    refuse_unlisted_sources(arguments, &person, &quarantines_before)?;
    let not_looked = not_looked(arguments, &person, &folders, &quarantines_before);
    let trace = find(&person, &folders, ledger.as_ref(), &Command)?;
    let buckets = in_buckets(&person, &folders, ledger.as_ref())?;
    let (mut receipt, mut remaining, mut signed_before) = (None, Vec::new(), None);
    let scope = Scope { include_sources: arguments.include_sources };
    if arguments.purge {
        let request = ledger.as_ref().map(|ledger| open_request_of(ledger, &subject)).transpose()?;
        let pseudonym = request.as_ref().map_or_else(random_hex::<16>, |state| state.subject.to_string());
        let plan = Plan::of(&trace, &person, pseudonym, scope)?;
        confirm(&plan, arguments.yes, context)?;
        signed_before = request.as_ref().and_then(|state| state.evidence).filter(|_| !plan.is_empty());
        let written = ledger.as_mut().zip(request.as_ref().map(|state| state.request.as_str()));
        receipt = Some(purge(&context.runs, &plan, written)?);
        remaining = find(&person, &folders, ledger.as_ref(), &Command)?.files;
    }
    let returned = trace.files.iter().filter(|held| held.returned).count();
    let quarantines = kept(context)?;
    let (subject, listed) = (subject.to_string(), person.is_listed);
    let traced = Traced {
        subject,
        trace,
        listed,
        not_looked,
        returned,
        buckets,
        receipt,
        signed_before,
        remaining,
        quarantines,
    };
    let exit = traced.exit(scope);
    Ok(Outcome::new("trace", &traced, traced.text()).exiting(exit))
}

/// The person's own images are those that a data set lists: where none does, nothing would be moved, and who asked for
/// it would believe that it was. A repeated purge finds them in quarantine.
fn refuse_unlisted_sources(arguments: &Arguments, person: &Person, quarantines: &[Quarantine]) -> Result<(), CliError> {
    let of_sources =
        |quarantine: &Quarantine| quarantine.journal().steps.iter().any(|step| step.holds == Holds::Volume);
    if !arguments.include_sources || person.is_listed || quarantines.iter().any(of_sources) {
        return Ok(());
    }
    let named: Vec<String> = arguments.data.iter().map(|data| data.display().to_string()).collect();
    let found = if named.is_empty() { "none was named".to_string() } else { format!("none in {}", named.join(", ")) };
    let what = format!(
        "--include-sources: expected a data set that lists {}, found {found}; fix: --data DIR names the one with the \
         subject's images",
        person.id
    );
    Err(CliError::Config { what })
}

/// What would be looked at if it were named.
fn not_looked(arguments: &Arguments, person: &Person, folders: &Folders, quarantines: &[Quarantine]) -> Vec<NotLooked> {
    let of_requests = quarantines.iter().any(|quarantine| quarantine.journal().request.is_some());
    let cases = [
        (
            !person.is_listed,
            "the subject's images, what was prepared from them, and what is called as a scan is: no data set that was \
             named lists the subject",
            "--data DIR",
        ),
        (
            !folders.have_cache(),
            "caches of prepared images: none was named, and no verb of this folder of runs used one",
            "--cache DIR",
        ),
        (
            arguments.ledger.is_none() && of_requests,
            "quarantines of requests: without their ledger nothing says whose they are, nor whether a removed file is back",
            "--ledger FILE",
        ),
    ];
    cases.into_iter().filter(|(missing, ..)| *missing).map(|(_, what, fix)| NotLooked { what, fix }).collect()
}

/// Show what a purge will do, and ask where a person can answer. Everything can be put back until the request is
/// closed.
fn confirm(plan: &Plan, yes: bool, context: &Context) -> Result<(), CliError> {
    for step in &plan.steps {
        context.note(&format!("plan     {:<10}  {}", step.how.in_words(), step.path.display()));
    }
    let counts: Vec<String> = plan.counts().into_iter().map(|(how, count)| format!("{how} {count}")).collect();
    context
        .note(&format!("plan     {}", if counts.is_empty() { "nothing to do".to_string() } else { counts.join(", ") }));
    if plan.is_empty() || yes || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(());
    }
    let _ = write!(std::io::stderr(), "purge? `yes` goes on: ");
    let mut answer = String::new();
    // No terminal to answer counts as a no.
    let _ = std::io::stdin().read_line(&mut answer);
    match answer.trim() {
        "yes" => Ok(()),
        _ => Err(CliError::Config {
            what: "nothing was changed: the purge was not confirmed; fix: answer `yes`, or --yes".to_string(),
        }),
    }
}

fn kept(context: &Context) -> Result<Vec<Kept>, CliError> {
    let kept = |quarantine: Quarantine| Kept {
        name: quarantine.name().to_string(),
        folder: quarantine.folder().into(),
        request: quarantine.journal().request.clone(),
        steps: quarantine.journal().steps.len(),
    };
    Ok(Quarantine::all(&context.runs)?.into_iter().map(kept).collect())
}

impl Stores {
    /// Those that are named.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.records.iter().chain(&self.models)
    }
}

impl Traced {
    fn exit(&self, scope: Scope) -> Exit {
        let purged = self.receipt.is_some();
        let left = purged && self.remaining.iter().any(|held| held.is_removed(scope));
        let in_buckets = self.buckets.iter().any(|bucket| {
            bucket.not_listed.is_some() || !bucket.unattributed.is_empty() || (purged && !bucket.objects.is_empty())
        });
        let returned = self.returned > 0 && !purged;
        let unknown = !self.trace.unattributed.is_empty();
        if left || in_buckets || returned || unknown { Exit::Gate } else { Exit::Done }
    }

    fn text(&self) -> String {
        let mut text = if self.trace.files.is_empty() && self.trace.unattributed.is_empty() {
            format!("nothing that was looked at holds {}\n", self.subject)
        } else {
            table(&self.trace.files)
        };
        if self.returned > 0 {
            text.push_str(&format!("\n{} of these were removed before and have come back\n", self.returned));
        }
        for unknown in &self.trace.unattributed {
            text.push_str(&format!("unknown: {}: {}\n", unknown.path.display(), unknown.why));
        }
        for mention in &self.trace.mentions {
            let location = match mention.line {
                Some(line) => format!("line {line}, {} in all", mention.lines),
                None => "in its name".to_string(),
            };
            text.push_str(&format!("mentions the subject, look yourself: {}: {location}\n", mention.path.display()));
        }
        text.push_str(&in_words(&self.buckets));
        if let Some(receipt) = &self.receipt {
            text.push_str(&done(receipt));
            if let Some(statement) = self.signed_before {
                text.push_str(&format!(
                    "not in the evidence: the statement {statement} was signed before this purge and does not list these \
                     files; `lacuna ledger show` does\n"
                ));
            }
            if !self.remaining.is_empty() {
                text.push_str(&format!("still there:\n{}", table(&self.remaining)));
            }
        }
        let looked: Vec<String> = self.trace.looked.iter().map(|root| root.display().to_string()).collect();
        text.push_str(&format!("looked into: {}\n", looked.join(", ")));
        for NotLooked { what, fix } in &self.not_looked {
            text.push_str(&format!("not looked at: {what}; fix: {fix}\n"));
        }
        for kept in &self.quarantines {
            let until = match &kept.request {
                Some(request) => format!("until request {request} is closed"),
                None => "until `lacuna quarantine delete`".to_string(),
            };
            text.push_str(&format!("quarantine {}: {} files kept {until}\n", kept.name, kept.steps));
        }
        text
    }
}

/// What a purge did, by kind.
fn done(receipt: &Receipt) -> String {
    let count = |how: &str| receipt.steps.iter().filter(|step| step.how.in_words() == how).count();
    match &receipt.quarantine {
        None => "\nnothing was removed\n".to_string(),
        Some(name) => format!(
            "\n{} files moved to quarantine, {} rewritten with a pseudonym, {} without the subject's rows or entries, {} \
             folders renamed; `lacuna quarantine restore {name}` puts all back\n",
            count("quarantine"),
            count("rewrite"),
            count("take out"),
            count("rename")
        ),
    }
}

/// What lies in buckets, where nothing is removed from here.
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
            Remedy::Quarantine => "quarantines",
            Remedy::Rewrite => "rewrites",
            Remedy::TakeOut => "takes entries out",
            Remedy::Source => "with --include-sources",
            Remedy::Listing => "takes rows out with --include-sources",
            Remedy::Keep => "keeps",
        };
        let digest = held.digest.get(..16).unwrap_or(&held.digest).to_string();
        let path = held.path.display().to_string();
        rows.push(vec![held.holds.name().to_string(), purge.to_string(), digest, path]);
    }
    aligned(&rows)
}
