//! What an audit found of the subject of a request.

use crate::EraseError;
use crate::progress::{Audited, ControlFound, PowerFound};
use lacuna_audit::{Report, Row};
use lacuna_cohort::SubjectId;

impl Audited {
    /// The row of the subject, controls without their subjects. A void audit gives no verdict, which is to say that nothing
    /// could be assessed.
    ///
    /// # Errors
    /// [`EraseError::NoRow`] for a report of several subjects under pseudonyms.
    pub fn of(report: Report, subject: &SubjectId) -> Result<Audited, EraseError> {
        let Report { void, mut results, controls, power, .. } = report;
        let own = results.iter().position(|row| row.subject == subject.as_str());
        // With pseudonyms an audit of one subject still tells whose row it is.
        let own = own.or((results.len() == 1).then_some(0));
        let own = own.ok_or(EraseError::NoRow)?;
        let Row { verdict, statistics, .. } = results.swap_remove(own);
        let (statistics, controls) = (statistics.into(), controls.into_iter().map(ControlFound::from).collect());
        Ok(Audited { void, verdict, statistics, controls, power: power.map(PowerFound::from) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_audit::control::ControlName;
    use lacuna_audit::report::{AuditRun, Conclusion, Found};
    use lacuna_audit::{Assessment, Control, Gate, Protocol, Verdict};

    /// Two subjects, the first over-forgotten, and a control.
    fn report(behaved: Option<bool>) -> Report {
        let row = |subject: &str, verdict| {
            let assessment = Assessment { verdict, ..Assessment::without_bank("because") };
            Conclusion::of_delivered(subject.to_string(), assessment)
        };
        let (subject, expected, observed) = (Some("sub-2".to_string()), "e".to_string(), "o".to_string());
        let controls = vec![Control { name: ControlName::Sham, subject, expected, observed, behaved }];
        let results = vec![row("sub-1", Verdict::OverForgotten), row("sub-2", Verdict::Exact)];
        let index = AuditRun { name: "a".to_string(), run: "runs".into(), models: "models".to_string() };
        let found = Found { held: None, seeds: 5, results, controls, identification: Vec::new() };
        Report::new(index, &Protocol::default(), &Gate::default(), found)
    }

    #[test]
    fn the_row_of_the_subject_counts_and_nobody_is_named() {
        let found = Audited::of(report(None), &SubjectId::new("sub-1").unwrap()).unwrap();
        assert_eq!((found.verdict, found.void, found.power.unwrap().seeds), (Some(Verdict::OverForgotten), false, 5));
        assert!(!serde_json::to_string(&found).unwrap().contains("sub-"));
    }

    #[test]
    fn a_void_audit_has_no_verdict_and_a_report_without_the_subject_is_an_error() {
        let void = Audited::of(report(Some(false)), &SubjectId::new("sub-1").unwrap()).unwrap();
        assert_eq!((void.verdict, void.void), (None, true));
        let other = SubjectId::new("sub-3").unwrap();
        assert!(Audited::of(report(None), &other).is_err(), "two rows and none of them is its own");
    }
}
