//! What a second search finds after everything else was done, sorted by what it means for the evidence.

use crate::progress::Progress;
use lacuna_artefacts::PortablePath;
use lacuna_ledger::evidence::{Left, LeftFile, Outcome};
use lacuna_ledger::{Holds, Keyring};
use lacuna_trace::{Bucket, Remedy, Report};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What a search found, in folders and in buckets.
#[derive(Default)]
pub struct Look {
    /// What holds the person.
    pub held: Vec<HeldBy>,
    /// Of what nothing says whether it does.
    pub unknown: Vec<NotKnown>,
    /// Files that lacuna did not write and that mention the person; they are listed and never changed.
    pub mentions: Vec<PortablePath>,
}

/// Something that holds a person.
pub struct HeldBy {
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

/// A file that may hold the person: its content cannot be judged.
pub struct NotKnown {
    /// Where it lies, or its URL.
    pub path: PortablePath,
    /// The reason, in words.
    pub why: String,
}

impl Look {
    /// What the search of folders and that of buckets found.
    pub fn of(report: Report, buckets: Vec<Bucket>) -> Look {
        let mut look = Look::default();
        look.held.extend(report.files.into_iter().map(|held| HeldBy {
            is_source: matches!(held.purge, Remedy::Source | Remedy::Listing),
            stays: held.purge == Remedy::Keep,
            path: held.path,
            holds: held.holds,
            digest: Some(held.digest),
            returned: held.returned,
        }));
        let unknown = report.unattributed.into_iter();
        look.unknown.extend(unknown.map(|unknown| NotKnown { path: unknown.path, why: unknown.why }));
        look.mentions.extend(report.mentions.into_iter().map(|mention| mention.path));
        buckets.into_iter().for_each(|bucket| look.add_bucket(bucket));
        look
    }

    fn add_bucket(&mut self, bucket: Bucket) {
        let url = |url: String| PortablePath(PathBuf::from(url));
        let (stays, is_source, returned) = (false, false, false);
        self.held.extend(bucket.objects.into_iter().map(|(object, holds)| HeldBy {
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
        self.unknown.extend(of_objects.chain(of_bucket).map(|(path, why)| NotKnown { path: url(path), why }));
    }
}

/// For the evidence by content, for the operator by path.
pub struct Found {
    /// The files by their digests, without names.
    pub left: Left,
    /// The same files by path, for the operator who has to look at them.
    pub listed: Vec<Listed>,
    /// Files that lacuna did not write and that mention the person.
    pub mentions: Vec<PortablePath>,
}

/// A file that is left.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The path of the file.
    pub path: PortablePath,
    /// What it is to the person; nothing where that is not known.
    pub holds: Option<Holds>,
    /// Why it is not known.
    pub why: Option<String>,
}

impl Found {
    /// Sorts what was found by what it means for the evidence.
    ///
    /// The person's own scans are removed on purpose only, and models that were replaced are kept where no removal was asked
    /// for: both are counted. Every other model that holds the person is left, and so is every other file once a removal was
    /// asked for.
    pub fn sorted(look: &Look, progress: &Progress, purged: bool, keyring: &Keyring) -> Found {
        let mut found = Found { left: Left::default(), listed: Vec::new(), mentions: look.mentions.clone() };
        for held in &look.held {
            let is_replaced = || progress.made().any(|(run, _)| is_part(&run.from, &held.path.0));
            let is_model = matches!(held.holds, Holds::Weights | Holds::Checkpoint);
            if held.stays {
                continue;
            }
            if held.is_source {
                found.left.sources += 1;
            } else if !purged && is_model && is_replaced() {
                found.left.replaced_models += 1;
            } else if purged || is_model {
                let artefact = held.digest.as_ref().map(|digest| keyring.file_mark(digest));
                found.left.holding.push(LeftFile { holds: Some(held.holds), artefact });
                found.listed.push(Listed { path: held.path.clone(), holds: Some(held.holds), why: None });
            }
        }
        for unknown in &look.unknown {
            // Of what cannot be read there is no digest.
            let digest = lacuna_disk::digest_file(&unknown.path.0).ok();
            let artefact = digest.map(|digest| keyring.file_mark(&digest));
            found.left.unknown.push(LeftFile { holds: None, artefact });
            found.listed.push(Listed { path: unknown.path.clone(), holds: None, why: Some(unknown.why.clone()) });
        }
        found.left.mentions = look.mentions.len();
        // In an order that tells nothing of the paths.
        found.left.holding.sort();
        found.left.unknown.sort();
        found
    }
}

/// Whether something is left that the evidence must not pass over in silence.
pub fn is_open(left: &Left) -> bool {
    !left.holding.is_empty() || !left.unknown.is_empty()
}

/// Whether the evidence of a request is signed: never while something that holds the person, or may, would be passed over,
/// unless that is accepted and so counted. A statement that nothing was erased passes over nothing.
pub fn may_sign(left: &Left, outcome: Outcome, accept_unknown: bool) -> bool {
    !is_open(left) || accept_unknown || !outcome.replaces_the_model()
}

/// Whether a file is the model, or lies in its folder.
pub fn is_part(model: &Path, file: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    real(file).starts_with(real(model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_audit::Verdict;

    #[test]
    fn evidence_is_signed_where_it_passes_over_nothing_that_holds_the_person() {
        let of_file = |holds| vec![LeftFile { holds, artefact: None }];
        let nothing = Left { sources: 2, replaced_models: 1, mentions: 3, ..Left::default() };
        let holding = Left { holding: of_file(Some(Holds::Weights)), ..Left::default() };
        let unknown = Left { unknown: of_file(None), ..Left::default() };
        let (changed, unchanged) = (Outcome::Judged(Verdict::RetrainEquivalent), Outcome::NoEffect);
        assert!(may_sign(&nothing, changed, false));
        for open in [&holding, &unknown] {
            assert!(!may_sign(open, changed, false));
            assert!(may_sign(open, changed, true) && may_sign(open, unchanged, false));
        }
    }

    #[test]
    fn what_is_left_is_counted_by_whether_a_removal_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = lacuna_ledger::Ledger::open_or_create(&folder.path().join("l.db")).unwrap();
        let held = |name: &str, holds, is_source| HeldBy {
            path: folder.path().join(name).into(),
            holds,
            digest: Some("00".repeat(32)),
            is_source,
            stays: name == "forgot",
            returned: false,
        };
        let look = Look {
            held: vec![
                held("image", Holds::Volume, true),
                held("model", Holds::Weights, false),
                held("scores", Holds::Scores, false),
                held("forgot", Holds::Forgotten, false),
            ],
            ..Look::default()
        };
        let progress = Progress::new("s".to_string(), "r".to_string(), lacuna_ledger::Digest([0; 32]), Vec::new());
        for (purged, holding) in [(false, vec![Holds::Weights]), (true, vec![Holds::Weights, Holds::Scores])] {
            let found = Found::sorted(&look, &progress, purged, ledger.keyring());
            let mut listed: Vec<Holds> = found.listed.iter().filter_map(|listed| listed.holds).collect();
            listed.sort_unstable();
            let mut expected = holding.clone();
            expected.sort_unstable();
            assert_eq!((found.left.sources, listed), (1, expected), "{purged}");
            assert_eq!(found.left.holding.len(), holding.len());
        }
    }
}
