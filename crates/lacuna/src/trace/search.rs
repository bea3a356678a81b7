//! The steps of a search, each of which adds to what was found before.

use super::models::{Models, Saw, may_be_a_model};
use super::ours::Form;
use super::person::{Attribution, Person};
use super::survey::Survey;
use super::walk::{self, Walked};
use super::{
    Basis, Held, Quarantine, Remedy, SearchScope, TEXT_BYTES_MAX, Trace, Unknown, Verdict, data_tables, exact,
    mentions, ours, pages,
};
use crate::error::CliError;
use crate::staging::staged;
use lacuna_artefacts::Kind;
use lacuna_ledger::{Holds, Ledger, RemovalKind};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Look for a person.
///
/// # Errors
/// A folder that was named and cannot be read.
pub fn find(person: &Person, scope: &SearchScope) -> Result<Trace, CliError> {
    let removed = removed(scope.ledger)?;
    let all: Vec<PathBuf> =
        scope.roots.iter().chain(scope.data).cloned().chain(scope.cache.map(Path::to_path_buf)).collect();
    let walked = walk::walk(&all, scope.ledger)?.with(scope.registered);
    let survey = Survey::read(&walked, person)?;
    let data = scope.data.iter().map(|data| walk::shown(data)).collect();
    let (found, trace) = (BTreeMap::new(), Trace::default());
    let mut search = Search { person, scope, data, walked: &walked, survey: &survey, found, trace };
    search.sources()?;
    search.pages()?;
    search.tables();
    search.weights();
    search.artefacts();
    search.derived();
    search.prepared(&removed)?;
    search.copies(&removed)?;
    search.mentions();
    search.quarantines()?;
    search.told(&removed)
}

/// A search under way.
struct Search<'a> {
    person: &'a Person,
    scope: &'a SearchScope<'a>,
    data: Vec<PathBuf>,
    walked: &'a Walked,
    survey: &'a Survey,
    found: BTreeMap<PathBuf, Verdict>,
    trace: Trace,
}

impl Search<'_> {
    /// Images and label maps that data sets list, their own tables, and copies out of a bucket.
    fn sources(&mut self) -> Result<(), CliError> {
        for path in self.person.files.iter().filter(|path| path.is_file()) {
            self.found.insert(walk::shown(path), (Holds::Volume, Remedy::Source, Basis::Listing));
        }
        for data in &self.data {
            for path in self.walked.files.iter().filter(|path| path.starts_with(data)) {
                if !self.found.contains_key(path) && data_tables::lists(path, self.person) {
                    self.found.insert(path.clone(), (Holds::Name, Remedy::Listing, Basis::Listing));
                }
            }
        }
        let subject = lacuna_cohort::SubjectId::new(self.person.id.clone());
        let caches = self.scope.roots.iter().map(PathBuf::as_path).chain(self.scope.cache);
        let copies: BTreeSet<PathBuf> = caches.flat_map(staged).map(|copy| walk::shown(&copy)).collect();
        for copy in copies {
            // A copy whose layout cannot be recognised is known by mentions alone.
            let listed = subject
                .as_ref()
                .ok()
                .and_then(|subject| Person::of(subject, std::slice::from_ref(&copy), None, None).ok());
            let there = listed.iter().flat_map(|listed| listed.files.iter()).filter(|path| path.is_file());
            self.found
                .extend(there.map(|path| (walk::shown(path), (Holds::Volume, Remedy::Quarantine, Basis::Listing))));
            for path in self.walked.files.iter().filter(|path| path.starts_with(&copy)) {
                if data_tables::lists(path, self.person) {
                    // It can be fetched again.
                    self.found.entry(path.clone()).or_insert((Holds::Name, Remedy::Quarantine, Basis::Listing));
                }
            }
        }
        Ok(())
    }

    fn pages(&mut self) -> Result<(), CliError> {
        for page in pages::pages_with(self.person, &self.walked.files)? {
            self.found.insert(page, (Holds::Prediction, Remedy::Quarantine, Basis::Page));
        }
        Ok(())
    }

    /// Documents and tables that lacuna wrote, by their own fields.
    fn tables(&mut self) {
        for path in &self.walked.files {
            let run = self.survey.run_of(path).map(Path::to_path_buf);
            if self.is_in_data(path) || !is_small_text(path) {
                continue;
            }
            let Ok(text) = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX) else { continue };
            let Some(form) = ours::form_of(path, run.is_some(), &text) else { continue };
            self.trace.ours.insert(path.clone(), (form, run.clone()));
            if self.found.contains_key(path) || !ours::names(form, &text, self.person) {
                continue;
            }
            self.trace.runs.extend(run);
            let holds = if form == Form::Csv || form == Form::Sealed { Holds::Scores } else { Holds::Name };
            let remedy = match form {
                Form::Sealed => Remedy::Quarantine,
                Form::Exact => Remedy::TakeOut,
                _ => Remedy::Rewrite,
            };
            self.found.insert(path.clone(), (holds, remedy, Basis::Fields));
        }
    }

    fn weights(&mut self) {
        let exact = exact::Exact::read(&self.survey.exact, &self.walked.files, self.person);
        self.found.extend(exact.found.iter().map(|(path, found)| (path.clone(), *found)));
        self.trace.unattributed.extend(exact.damaged);
        let digest_of = |path: &Path| lacuna_disk::digest_file(path).ok();
        let models = Models::new(self.survey, self.person, &digest_of);
        for path in &self.walked.files {
            let is_ours = self.trace.ours.contains_key(path);
            if self.found.contains_key(path)
                || exact.others.contains(path)
                || is_ours
                || self.is_in_data(path)
                || !may_be_a_model(path)
            {
                continue;
            }
            match models.of(path) {
                Saw::Person(holds, remedy, by) => drop(self.found.insert(path.clone(), (holds, remedy, by))),
                Saw::Unknown(why) => self.trace.unattributed.push(Unknown::new(path, why)),
                Saw::Others => {}
            }
        }
        self.trace.tainted.clone_from(models.tainted());
    }

    /// What registers say of everything but weights.
    fn artefacts(&mut self) {
        for (folder, entries) in &self.survey.registers {
            for entered in entries {
                let said = self.person.attributed_by(entered);
                let told = entered.artefact.model.iter().chain(&entered.artefact.digest);
                self.trace.told_models.extend(told.map(|digest| (digest.clone(), entered.entry.clone())));
                if matches!(said, Attribution::Holds | Attribution::Forgotten) {
                    self.trace.entries.push(entered.entry.clone());
                    self.trace.runs.extend(self.survey.runs.get_key_value(folder).map(|(run, _)| run.clone()));
                }
                if entered.artefact.kind == Kind::Weights || entered.artefact.kind == Kind::Run {
                    continue;
                }
                let files = self.walked.files.iter().filter(|path| path.parent() == Some(folder));
                for path in files.filter(|path| path.file_name().is_some_and(|name| entered.artefact.speaks_of(name))) {
                    match said {
                        Attribution::Holds => {
                            // A table of a data set is judged by its rows, which were read before.
                            let is_table = entered.artefact.kind == Kind::Name && self.is_in_data(path);
                            if !is_table {
                                self.found.entry(path.clone()).or_insert(by_kind(entered.artefact.kind));
                            }
                        }
                        Attribution::Unknown if !self.found.contains_key(path) => {
                            let why = "its register was written under another key, does not know whom it holds, or \
                                       knows it by a name that another person's scan has too";
                            self.trace.unattributed.push(Unknown::new(path, why));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// Pages and tables for people, made of the files of a run that holds the person, where they mention the person.
    fn derived(&mut self) {
        for (path, (form, run)) in &self.trace.ours {
            let of_run = run.as_ref().is_some_and(|run| self.trace.runs.contains(run));
            if *form != Form::Derived || !of_run || self.found.contains_key(path) {
                continue;
            }
            let text = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX).unwrap_or_default();
            if self.person.is_mentioned_in(&text) {
                self.found.insert(path.clone(), (Holds::Name, Remedy::Quarantine, Basis::Derived));
            }
        }
    }

    /// Prepared scans of the images found, and of images that were removed before.
    fn prepared(&mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<(), CliError> {
        let mut images = BTreeSet::new();
        for (path, _) in self.found.iter().filter(|(_, (holds, ..))| *holds == Holds::Volume) {
            images.insert(lacuna_disk::digest_file(path)?);
        }
        let ledger = self.scope.ledger;
        for path in &self.walked.files {
            let meant = lacuna_disk::unfinished(path).unwrap_or_else(|| path.to_path_buf());
            let source = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            let is_case = meant.extension().is_some_and(|ending| ending == "case");
            let Some(source) = source.filter(|_| is_case) else { continue };
            if images.contains(&source) || mark(ledger, &source).is_some_and(|mark| removed.contains_key(&mark)) {
                self.found.insert(path.clone(), (Holds::PreparedVolume, Remedy::Quarantine, Basis::Content));
            }
        }
        Ok(())
    }

    /// Files of the very content of what was found, or of what was removed before and has come back.
    fn copies(&mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<(), CliError> {
        let mut sizes: BTreeMap<u64, BTreeMap<String, Holds>> = BTreeMap::new();
        let of_content = |holds: Holds| {
            matches!(
                holds,
                Holds::Weights | Holds::Checkpoint | Holds::Volume | Holds::Prediction | Holds::PreparedVolume
            )
        };
        for (path, (holds, ..)) in self.found.iter().filter(|(_, (holds, ..))| of_content(*holds)) {
            let (bytes, digest) = (size_of(path), lacuna_disk::digest_file(path)?);
            sizes.entry(bytes).or_default().insert(digest, *holds);
        }
        let mut known = Vec::new();
        for path in self.walked.files.iter().filter(|path| !self.found.contains_key(*path)) {
            // Two people may have the same empty label map: what a register attributes to others is theirs.
            if self
                .survey
                .entry_of(path)
                .is_some_and(|entered| self.person.attributed_by(entered) == Attribution::Others)
            {
                continue;
            }
            let same_size = sizes.get(&size_of(path)).filter(|_| !self.is_in_data(path));
            if same_size.is_none() && removed.is_empty() {
                continue;
            }
            let Ok(digest) = lacuna_disk::digest_file(path) else { continue };
            let back = mark(self.scope.ledger, &digest).and_then(|mark| removed.get(&mark));
            let copied = same_size.and_then(|files| files.get(&digest));
            if let Some(holds) = back.or(copied) {
                let remedy = if self.is_in_data(path) { Remedy::Source } else { Remedy::Quarantine };
                known.push((path.clone(), *holds, remedy));
            }
        }
        for (path, holds, remedy) in known {
            self.trace.unattributed.retain(|unknown| *unknown.path != *path);
            self.found.insert(path, (holds, remedy, Basis::Content));
        }
        Ok(())
    }

    /// The second look, at what nothing else speaks of.
    fn mentions(&mut self) {
        let beside = |path: &PathBuf| !self.found.contains_key(path) && !self.trace.ours.contains_key(path);
        let looked: Vec<&PathBuf> = self.walked.files.iter().filter(|path| beside(path)).collect();
        for path in looked {
            if mentions::is_text(path) && size_of(path) > mentions::TEXT_BYTES_MAX {
                let why = format!("a text of more than {} GiB was not read", mentions::TEXT_BYTES_MAX >> 30);
                self.trace.unattributed.push(Unknown::new(path, why));
            }
            self.trace.mentions.extend(mentions::mention(path, self.person));
        }
    }

    /// What purges for others set aside can be put back and may hold the person too.
    fn quarantines(&mut self) -> Result<(), CliError> {
        let Some(ledger) = self.scope.ledger else { return Ok(()) };
        let own: BTreeSet<String> = ledger
            .requests()?
            .into_iter()
            .filter(|state| self.person.is_meant_by(state.subject.as_str()))
            .map(|state| state.request)
            .collect();
        for runs in &self.walked.roots {
            for quarantine in Quarantine::all(runs)? {
                if quarantine.journal().request.as_ref().is_some_and(|request| own.contains(request)) {
                    continue;
                }
                let why = "a quarantine of another purge, whose files may hold the person too; fix: `lacuna quarantine \
                           restore` or `delete` it";
                self.trace.unattributed.push(Unknown::new(quarantine.folder(), why));
            }
        }
        Ok(())
    }

    fn told(mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<Trace, CliError> {
        for (path, (holds, purge, by)) in &self.found {
            let digest = lacuna_disk::digest_file(path)?;
            let returned = mark(self.scope.ledger, &digest).is_some_and(|mark| removed.contains_key(&mark));
            let (path, bytes) = (path.as_path().into(), size_of(path));
            self.trace.files.push(Held { path, holds: *holds, by: *by, digest, bytes, purge: *purge, returned });
        }
        let more = [&self.walked.links, &self.walked.unread, &self.survey.damaged];
        self.trace.unattributed.extend(more.into_iter().flatten().cloned());
        self.trace.unattributed.sort_by(|a, b| a.path.cmp(&b.path));
        let looked = self.walked.roots.iter().chain(&self.walked.beside);
        self.trace.looked = looked.map(|root| root.as_path().into()).collect();
        Ok(self.trace)
    }

    fn is_in_data(&self, path: &Path) -> bool {
        self.data.iter().any(|data| data == Path::new(".") || path.starts_with(data))
    }
}

/// What an entry of a register makes of a file.
fn by_kind(kind: Kind) -> Verdict {
    let (holds, remedy) = match kind {
        Kind::Volume => (Holds::Volume, Remedy::Source),
        Kind::PreparedVolume => (Holds::PreparedVolume, Remedy::Quarantine),
        Kind::Weights | Kind::Run => (Holds::Weights, Remedy::Quarantine),
        Kind::Prediction => (Holds::Prediction, Remedy::Quarantine),
        Kind::Scores => (Holds::Scores, Remedy::Quarantine),
        Kind::Name => (Holds::Name, Remedy::Quarantine),
    };
    (holds, remedy, Basis::Register)
}

fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn is_small_text(path: &Path) -> bool {
    size_of(path) <= TEXT_BYTES_MAX && mentions::is_text(path)
}

/// What the ledger says was removed whole, of anybody, and was not put back. A file that was written anew is known by its
/// fields: where a purge was killed before it was decided, its original is still to be rewritten, and not to be moved.
fn removed(ledger: Option<&Ledger>) -> Result<BTreeMap<lacuna_ledger::Digest, Holds>, CliError> {
    let Some(ledger) = ledger else { return Ok(BTreeMap::new()) };
    let removed = ledger.view().removed()?;
    let whole = |how: RemovalKind| matches!(how, RemovalKind::Quarantined | RemovalKind::Deleted);
    let removed = removed.into_iter().filter(|(_, removed)| whole(removed.how));
    Ok(removed.map(|(artefact, removed)| (artefact, removed.holds)).collect())
}

fn mark(ledger: Option<&Ledger>, digest: &str) -> Option<lacuna_ledger::Digest> {
    ledger.map(|ledger| ledger.keyring().file_mark(digest))
}
