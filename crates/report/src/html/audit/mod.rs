//! An audit as a page shows it.
//!
//! Nothing is judged here: verdicts, intervals and error rates are the report's own. What moves with the threshold of the
//! reader, the share of models on either side, is counted from the scores in the report.

mod roc;
mod view;
mod words;

pub(super) use roc::{Rates, least_of, rates, roc, standard_threshold};
pub(super) use view::{AuditView, view};

use crate::ReportError;
use lacuna_audit::{AuditError, Report};
use std::path::Path;

/// Scores of some hundred models and as many rows are far below.
const BYTES_MAX: u64 = 64 << 20;

/// Read an `audit.json`.
///
/// # Errors
/// A file that cannot be read, or is no audit of this format.
pub fn read_audit(path: &Path) -> Result<Report, ReportError> {
    let text = lacuna_disk::read_text(path, BYTES_MAX)?;
    Report::parse(&text).map_err(|error| {
        let found = match error {
            AuditError::Report { found } => found,
            other => other.to_string(),
        };
        ReportError::Audit { path: path.to_path_buf(), found }
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    const IXI7: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-audit/audit.json");

    /// The audit of docs/results, of ten seeds and two strategies.
    pub(in crate::html) fn ixi7() -> Report {
        read_audit(Path::new(IXI7)).unwrap()
    }

    #[test]
    fn an_audit_of_ours_is_read() {
        let audit = ixi7();
        assert_eq!(audit.results.len(), 2);
        assert_eq!(audit.controls.len(), 6);
        let lira = audit.results[0].attacks.as_ref().unwrap().lira.as_ref().unwrap();
        assert_eq!((lira.scores.unlearned.len(), lira.scores.retrained.len()), (10, 10));
    }

    #[test]
    fn another_file_is_refused_with_its_path_and_what_would_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.json");
        std::fs::write(&path, std::fs::read_to_string(IXI7).unwrap().replace("lacuna.audit/1", "lacuna.audit/9"))
            .unwrap();
        let message = read_audit(&path).unwrap_err().to_string();
        for words in ["audit.json", "lacuna.audit/1", "found the schema `lacuna.audit/9`", "fix"] {
            assert!(message.contains(words), "{words}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", cut in 0usize..2000) {
            let _ = Report::parse(&text);
            let whole = std::fs::read_to_string(IXI7).unwrap();
            prop_assert!(Report::parse(&whole[..cut]).is_err());
        }
    }
}
