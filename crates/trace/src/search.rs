//! The steps of a search, each of which adds to what was found before.

mod kinds;

pub use kinds::FileKind;

use crate::error::TraceError;
use crate::exact::Exact;
use crate::folders::Folders;
use crate::host::Host;
use crate::models::{Models, Saw, may_be_a_model};
use crate::ours::Form;
use crate::pages::Pages;
use crate::person::{Person, Registered};
use crate::quarantine::Quarantine;
use crate::report::{Basis, Held, Remedy, Report, Unknown, Verdict};
use crate::survey::Survey;
use crate::walk::{self, Walked};
use crate::{TEXT_BYTES_MAX, data_tables, mentions, ours, paths};
use lacuna_artefacts::{Entered, Kind};
use lacuna_cohort::CaseCache;
use lacuna_ledger::{Holds, Ledger, RemovalKind};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Everything below the folders that holds a person, and everything of which nothing says whether it does.
///
/// Files of the `ledger` and of its keys are no traces; it knows what was removed before and is recognised where it comes
/// back. `host` is the program around the search.
///
/// # Errors
/// A root that cannot be read, a file that changes while it is read, a ledger that cannot be believed.
pub fn find(
    person: &Person,
    folders: &Folders,
    ledger: Option<&Ledger>,
    host: &dyn Host,
) -> Result<Report, TraceError> {
    let removed = removed(ledger)?;
    let all: Vec<PathBuf> = folders.roots.iter().chain(&folders.data).chain(&folders.cache).cloned().collect();
    let walked = walk::walk(&all, ledger)?.with(&folders.registered);
    let survey = Survey::read(&walked, person)?;
    let data = folders.data.iter().map(|data| paths::shown(data)).collect();
    let copies = copied_data_sets(folders);
    let exact = Exact::read(&survey.exact, &walked.files, person);
    let (found, report) = (BTreeMap::new(), Report::default());
    let (walked, survey, exact) = (&walked, &survey, &exact);
    let mut search = Search { person, ledger, host, data, copies, walked, survey, exact, found, report };
    search.sources();
    search.pages();
    search.tables();
    search.weights();
    search.artefacts();
    search.derived();
    search.prepared(&removed)?;
    search.copies(&removed)?;
    search.mentions();
    search.quarantines()?;
    search.unjudged();
    search.finished(&removed)
}

/// The data sets of buckets that were copied into a cache.
fn copied_data_sets(folders: &Folders) -> BTreeSet<PathBuf> {
    let caches = folders.roots.iter().chain(&folders.cache);
    caches.flat_map(|cache| CaseCache::at(cache).data_sets()).map(|copy| paths::shown(&copy)).collect()
}

/// A search under way.
struct Search<'a> {
    person: &'a Person,
    ledger: Option<&'a Ledger>,
    host: &'a dyn Host,
    /// The data sets that were named.
    data: Vec<PathBuf>,
    /// The data sets of buckets that lie in a cache.
    copies: BTreeSet<PathBuf>,
    walked: &'a Walked,
    survey: &'a Survey,
    exact: &'a Exact,
    found: BTreeMap<PathBuf, Verdict>,
    report: Report,
}

impl Search<'_> {
    /// Images and label maps that data sets list, their own tables, and copies out of a bucket.
    fn sources(&mut self) {
        for path in self.person.files.iter().filter(|path| path.is_file()) {
            self.found.insert(paths::shown(path), (Holds::Volume, Remedy::Source, Basis::Listing));
        }
        for data in &self.data {
            for path in self.walked.files.iter().filter(|path| path.starts_with(data)) {
                if !self.found.contains_key(path) && data_tables::lists(path, self.person) {
                    self.found.insert(path.clone(), (Holds::Name, Remedy::Listing, Basis::Listing));
                }
            }
        }
        let subject = lacuna_cohort::SubjectId::new(self.person.id.clone());
        for copy in &self.copies {
            // A copy whose layout cannot be recognised is known by mentions alone.
            let listed = subject
                .as_ref()
                .ok()
                .and_then(|subject| Person::of(subject, std::slice::from_ref(copy), None, None, self.host).ok());
            let there = listed.iter().flat_map(|listed| listed.files.iter()).filter(|path| path.is_file());
            self.found
                .extend(there.map(|path| (paths::shown(path), (Holds::Volume, Remedy::Quarantine, Basis::Listing))));
            for path in self.walked.files.iter().filter(|path| path.starts_with(copy)) {
                if data_tables::lists(path, self.person) {
                    // It can be fetched again.
                    self.found.entry(path.clone()).or_insert((Holds::Name, Remedy::Quarantine, Basis::Listing));
                }
            }
        }
    }

    fn pages(&mut self) {
        let pages = Pages::read(self.person, &self.walked.files);
        let with_person = pages.with_person.into_iter();
        self.found.extend(with_person.map(|page| (page, (Holds::Prediction, Remedy::Quarantine, Basis::Page))));
        self.report.unattributed.extend(pages.damaged);
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
            self.report.ours.insert(path.clone(), (form, run.clone()));
            if self.found.contains_key(path) || !ours::names(form, &text, self.person) {
                continue;
            }
            self.report.runs.extend(run);
            self.found.insert(path.clone(), by_form(form));
        }
    }

    fn weights(&mut self) {
        self.found.extend(self.exact.found.iter().map(|(path, found)| (path.clone(), *found)));
        self.report.unattributed.extend(self.exact.damaged.iter().cloned());
        let digest_of = |path: &Path| lacuna_disk::digest_file(path).ok();
        let models = Models::new(self.survey, self.person, self.host, &digest_of);
        for path in &self.walked.files {
            let is_ours = self.report.ours.contains_key(path);
            if self.found.contains_key(path)
                || self.exact.others.contains(path)
                || is_ours
                || self.is_in_data(path)
                || !may_be_a_model(path)
            {
                continue;
            }
            match models.of(path) {
                Saw::Person(holds, remedy, by) => drop(self.found.insert(path.clone(), (holds, remedy, by))),
                Saw::Unknown(why) => self.report.unattributed.push(Unknown::new(path, why)),
                Saw::Others => {}
            }
        }
        self.report.tainted.clone_from(models.tainted());
    }

    /// What registers say of everything but weights.
    fn artefacts(&mut self) {
        for (folder, entries) in &self.survey.registers {
            for entered in entries {
                let registered = self.person.registered_in(entered);
                self.keep_entry(folder, entered, registered);
                if entered.artefact.kind != Kind::Weights && entered.artefact.kind != Kind::Run {
                    self.judge_entered(folder, entered, registered);
                }
            }
        }
    }

    /// What a purge has to know of an entry: the models that it names, and whether it speaks of the person.
    fn keep_entry(&mut self, folder: &Path, entered: &Entered, registered: Registered) {
        let digests = entered.artefact.model.iter().chain(&entered.artefact.digest);
        self.report.models_of_entries.extend(digests.map(|digest| (digest.clone(), entered.entry.clone())));
        if matches!(registered, Registered::Holds | Registered::Forgotten) {
            self.report.entries.push(entered.entry.clone());
            self.report.runs.extend(self.survey.runs.get_key_value(folder).map(|(run, _)| run.clone()));
        }
    }

    /// The files that an entry speaks of.
    fn judge_entered(&mut self, folder: &Path, entered: &Entered, registered: Registered) {
        let kind = entered.artefact.kind;
        let files = self.walked.files.iter().filter(|path| path.parent() == Some(folder));
        for path in files.filter(|path| path.file_name().is_some_and(|name| entered.artefact.speaks_of(name))) {
            // A table of a data set is judged by its rows, which were read before.
            let is_table = kind == Kind::Name && self.is_in_data(path);
            match registered {
                Registered::Holds if !is_table => drop(self.found.entry(path.clone()).or_insert(by_kind(kind))),
                Registered::Unknown if !self.found.contains_key(path) => {
                    let why = "its register was written under another key, does not know whom it holds, or knows it by a \
                               name that another person's scan has too";
                    self.report.unattributed.push(Unknown::new(path, why));
                }
                Registered::Holds | Registered::Unknown | Registered::Forgotten | Registered::Others => {}
            }
        }
    }

    /// Pages and tables for people, made of the files of a run that holds the person, where they mention the person.
    fn derived(&mut self) {
        for (path, (form, run)) in &self.report.ours {
            let of_run = run.as_ref().is_some_and(|run| self.report.runs.contains(run));
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
    fn prepared(&mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<(), TraceError> {
        let mut images = BTreeSet::new();
        for (path, _) in self.found.iter().filter(|(_, (holds, ..))| *holds == Holds::Volume) {
            images.insert(lacuna_disk::digest_file(path)?);
        }
        let ledger = self.ledger;
        for path in &self.walked.files {
            let source = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            let Some(source) = source.filter(|_| is_prepared(path)) else { continue };
            if images.contains(&source) || mark(ledger, &source).is_some_and(|mark| removed.contains_key(&mark)) {
                self.found.insert(path.clone(), (Holds::PreparedVolume, Remedy::Quarantine, Basis::Content));
            }
        }
        Ok(())
    }

    /// Files of the very content of what was found, or of what was removed before and has come back.
    fn copies(&mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<(), TraceError> {
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
                .is_some_and(|entered| self.person.registered_in(entered) == Registered::Others)
            {
                continue;
            }
            let same_size = sizes.get(&size_of(path)).filter(|_| !self.is_in_data(path));
            if same_size.is_none() && removed.is_empty() {
                continue;
            }
            let Ok(digest) = lacuna_disk::digest_file(path) else { continue };
            let back = mark(self.ledger, &digest).and_then(|mark| removed.get(&mark));
            let copied = same_size.and_then(|files| files.get(&digest));
            if let Some(holds) = back.or(copied) {
                let remedy = if self.is_in_data(path) { Remedy::Source } else { Remedy::Quarantine };
                known.push((path.clone(), *holds, remedy));
            }
        }
        for (path, holds, remedy) in known {
            self.report.unattributed.retain(|unknown| *unknown.path != *path);
            self.found.insert(path, (holds, remedy, Basis::Content));
        }
        Ok(())
    }

    /// The second look, at what nothing else speaks of.
    fn mentions(&mut self) {
        let beside = |path: &PathBuf| !self.found.contains_key(path) && !self.report.ours.contains_key(path);
        let looked: Vec<&PathBuf> = self.walked.files.iter().filter(|path| beside(path)).collect();
        for path in looked {
            if mentions::is_text(path) && size_of(path) > mentions::TEXT_BYTES_MAX {
                let why = format!("a text of more than {} GiB was not read", mentions::TEXT_BYTES_MAX >> 30);
                self.report.unattributed.push(Unknown::new(path, why));
            }
            self.report.mentions.extend(mentions::mention(path, self.person));
        }
    }

    /// What purges for others set aside can be put back and may hold the person too.
    fn quarantines(&mut self) -> Result<(), TraceError> {
        let Some(ledger) = self.ledger else { return Ok(()) };
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
                self.report.unattributed.push(Unknown::new(quarantine.folder(), why));
            }
        }
        Ok(())
    }

    fn finished(mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<Report, TraceError> {
        for (path, (holds, purge, by)) in &self.found {
            let digest = lacuna_disk::digest_file(path)?;
            let returned = mark(self.ledger, &digest).is_some_and(|mark| removed.contains_key(&mark));
            let (path, bytes) = (path.as_path().into(), size_of(path));
            self.report.files.push(Held { path, holds: *holds, by: *by, digest, bytes, purge: *purge, returned });
        }
        let more = [&self.walked.links, &self.walked.unread, &self.survey.damaged];
        self.report.unattributed.extend(more.into_iter().flatten().cloned());
        self.report.unattributed.sort_by(|a, b| a.path.cmp(&b.path));
        let looked = self.walked.roots.iter().chain(&self.walked.beside);
        self.report.looked = looked.map(|root| root.as_path().into()).collect();
        Ok(self.report)
    }

    fn is_in_data(&self, path: &Path) -> bool {
        self.data.iter().any(|data| data == Path::new(".") || path.starts_with(data))
    }
}

/// What a document or table of lacuna's is that names the person.
fn by_form(form: Form) -> Verdict {
    let (holds, remedy) = match form {
        Form::Csv => (Holds::Scores, Remedy::Rewrite),
        Form::Sealed => (Holds::Scores, Remedy::Quarantine),
        Form::Exact => (Holds::Name, Remedy::TakeOut),
        Form::Json | Form::JsonLines | Form::Toml => (Holds::Name, Remedy::Rewrite),
        Form::Derived => (Holds::Name, Remedy::Quarantine),
    };
    (holds, remedy, Basis::Fields)
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

/// Whether a file is a prepared scan of a cache, or was to be one.
fn is_prepared(path: &Path) -> bool {
    let meant = lacuna_disk::unfinished(path).unwrap_or_else(|| path.to_path_buf());
    meant.extension().is_some_and(|ending| ending == "case")
}

fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn is_small_text(path: &Path) -> bool {
    size_of(path) <= TEXT_BYTES_MAX && mentions::is_text(path)
}

/// The digests of files that the ledger lists as removed whole and not restored. A rewritten file is recognised by its
/// fields: where a purge was killed before it was decided, its original is still to be rewritten, and not to be moved.
fn removed(ledger: Option<&Ledger>) -> Result<BTreeMap<lacuna_ledger::Digest, Holds>, TraceError> {
    let Some(ledger) = ledger else { return Ok(BTreeMap::new()) };
    let removed = ledger.view().removed()?;
    let whole = |how: RemovalKind| matches!(how, RemovalKind::Quarantined | RemovalKind::Deleted);
    let removed = removed.into_iter().filter(|(_, removed)| whole(removed.how));
    Ok(removed.map(|(artefact, removed)| (artefact, removed.holds)).collect())
}

fn mark(ledger: Option<&Ledger>, digest: &str) -> Option<lacuna_ledger::Digest> {
    ledger.map(|ledger| ledger.keyring().file_mark(digest))
}
