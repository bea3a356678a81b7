//! Reports written and read back, and the gate's answer in them.

use super::*;
use crate::{Assessment, Verdict};
use std::path::Path;

fn conclusion(verdict: Verdict) -> Conclusion {
    let assessment = Assessment { verdict, ..Assessment::without_bank("none") };
    Conclusion::of_delivered("sub-1".to_string(), assessment)
}

fn report(gate: &Gate, verdict: Verdict, behaved: Option<bool>) -> Report {
    let audit_run = AuditRun { name: "small".to_string(), run: "runs/audit/1".into(), models: "models".to_string() };
    let control = Control {
        name: crate::control::ControlName::Sham,
        subject: Some("sub-2".to_string()),
        expected: "not flagged".to_string(),
        observed: "undecided".to_string(),
        behaved,
    };
    let (results, controls) = (vec![conclusion(verdict)], vec![control]);
    let found = Found { held: None, seeds: 3, results, controls, identification: Vec::new() };
    Report::new(audit_run, &Protocol::default(), gate, found)
}

#[test]
fn a_gate_passes_only_where_it_was_declared_and_met_by_an_audit_that_is_not_void() {
    let asks = |verdict| Gate { verdicts: Some(vec![verdict]), ..Gate::default() };
    for verdict in Verdict::ALL {
        let other = Verdict::ALL.into_iter().find(|other| *other != verdict).unwrap();
        for (gate, void, passed) in [
            (Gate::default(), false, None),
            (Gate::default(), true, None),
            (asks(verdict), false, Some(true)),
            (asks(verdict), true, Some(false)),
            (asks(other), false, Some(false)),
            (asks(other), true, Some(false)),
        ] {
            let found = report(&gate, verdict, Some(!void)).gate;
            assert_eq!(
                (found.passed, found.declared),
                (passed, Some(gate.is_declared())),
                "{verdict:?} {gate:?} {void}"
            );
            let json = serde_json::to_value(&found).unwrap();
            assert_eq!(json["passed"].is_null(), passed.is_none(), "{json}");
        }
    }
    // A gate that asks something of no result at all is met by nothing that was found.
    assert_eq!(GateReport::new(&asks(Verdict::Exact), &[], true).passed, Some(false));
}

#[test]
fn a_control_that_misbehaves_withholds_every_verdict_and_one_that_was_not_tried_none() {
    for (behaved, is_void) in [(Some(true), false), (None, false), (Some(false), true)] {
        let found = report(&Gate::default(), Verdict::OverForgotten, behaved);
        assert_eq!((found.void, found.results[0].verdict.is_none(), found.is_refusal()), (is_void, is_void, is_void));
    }
}

#[test]
fn a_report_is_read_back_as_it_was_written_and_nothing_else_is() {
    let report = report(&Gate::default(), Verdict::Inconclusive, None);
    let text = serde_json::to_string_pretty(&report.file()).unwrap();
    assert!(text.starts_with("{\n  \"schema\": \"lacuna.audit/1\",\n  \"name\": \"small\""), "{text}");
    assert_eq!(Report::parse(&text).unwrap(), report);
    let found = Report::parse(&text.replace("lacuna.audit/1", "lacuna.audit/9")).unwrap_err().to_string();
    assert!(found.contains("the schema `lacuna.audit/9`"), "{found}");
    for field in ["results", "controls", "epsilon_ceiling", "gate"] {
        assert!(Report::parse(&text.replace(&format!("\"{field}\""), "\"other\"")).is_err(), "{field}");
    }
}

#[test]
fn every_subject_and_every_text_can_be_replaced() {
    let mut report = report(&Gate::default(), Verdict::Inconclusive, None);
    assert_eq!(report.subjects().collect::<Vec<_>>(), ["sub-1", "sub-2"]);
    report.subjects_mut().for_each(|subject| *subject = "somebody".to_string());
    report.texts_mut().for_each(|text| text.clear());
    assert!(report.subjects().all(|subject| subject == "somebody"));
    assert!(report.results[0].statistics.reasons.iter().all(String::is_empty));
}

/// The text of the audit in a folder, packed or not.
fn committed(folder: &Path) -> Option<String> {
    if let Ok(packed) = std::fs::File::open(folder.join("audit.json.xz")) {
        return Some(std::io::read_to_string(lzma_rust2::XzReader::new(packed, true)).unwrap());
    }
    std::fs::read_to_string(folder.join("audit.json")).ok()
}

/// The committed audits lack `gate.declared` and nothing else: written again, each is the file but for that line.
#[test]
fn the_committed_audits_are_read_with_all_that_they_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let Some(text) = committed(&entry.unwrap().path()) else { continue };
        let report = Report::parse(&text).unwrap();
        let mut written = serde_json::to_value(report.file()).unwrap();
        let declared = written["gate"].as_object_mut().unwrap().remove("declared");
        assert_eq!(declared, Some(serde_json::Value::Null));
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(&text).unwrap());
        read += 1;
    }
    assert_eq!(read, 6);
}
