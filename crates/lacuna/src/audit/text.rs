//! An audit as people read it.

use crate::text_table::{aligned, named};
use lacuna_audit::report::GateReport;
use lacuna_audit::{Power, Report, Row};

/// The whole of it.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    if report.void {
        text.push_str("VOID: a control did not come out as known, so no verdict is given\n\n");
    }
    text.push_str(&results(&report.results));
    for row in &report.results {
        text.push_str(&format!("\n{}, {}\n", row.strategy, row.subject));
        row.statistics.reasons.iter().for_each(|reason| text.push_str(&format!("  {reason}\n")));
    }
    if !report.controls.is_empty() {
        text.push_str(&format!("\n{}", controls(report)));
    }
    if let Some(power) = &report.power {
        text.push_str(&format!("\n{}", what_it_can_show(power, report.epsilon_ceiling)));
    }
    text.push_str(&format!("\ngate     {}\n", gate(&report.gate)));
    for failure in &report.gate.failures {
        let (strategy, subject) = (&failure.strategy, &failure.subject);
        let (threshold, expected, found) = (failure.threshold.name(), &failure.expected, &failure.found);
        text.push_str(&format!("gate     {strategy}, {subject}: {threshold}: expected {expected}, found {found}\n"));
    }
    text
}

fn gate(gate: &GateReport) -> &'static str {
    match gate.passed {
        None => "no gate was declared, so none is passed",
        Some(true) => "passed",
        Some(false) => "not passed",
    }
}

fn results(rows: &[Row]) -> String {
    let head = [
        "strategy",
        "subject",
        "verdict",
        "models per arm",
        "memory before (sd)",
        "memory after (sd)",
        "p",
        "completeness",
        "attack AUC",
        "epsilon",
        "Dice lost",
    ];
    let mut lines = vec![head.map(str::to_string).to_vec()];
    lines.extend(rows.iter().map(line));
    let key = "memory before: originals, after: unlearned models, both in standard deviations of the retrained ones; attack \
               AUC: U-LiRA's, with that of chance; epsilon: shown at least, of at most\n";
    format!("{}{key}", aligned(&lines))
}

fn line(row: &Row) -> Vec<String> {
    let found = &row.statistics;
    let shown = |value: Option<f64>, digits: usize| value.map_or("-".to_string(), |value| format!("{value:.digits$}"));
    let left = match (&found.primary, &found.delivered) {
        (Some(primary), _) => Some((primary.comparison.difference / primary.retrained_deviation, primary.comparison.p)),
        // Of one model, t is a little smaller: it reckons with the scatter of the mean.
        (None, Some(delivered)) => Some((delivered.t * (1.0 + 1.0 / found.models as f64).sqrt(), delivered.p)),
        _ => None,
    };
    let attack = row.attacks.as_ref().and_then(|attacks| attacks.lira.as_ref());
    let epsilon = row.attacks.as_ref().and_then(|attacks| attacks.epsilon);
    let strategy = match row.variant.as_str() {
        "" => row.strategy.clone(),
        variant => format!("{} ({variant})", row.strategy),
    };
    vec![
        strategy,
        row.subject.clone(),
        row.verdict.map_or("none: void", |verdict| verdict.name()).to_string(),
        found.models.to_string(),
        shown(found.memory.map(|memory| memory.deviations), 2),
        shown(left.map(|(deviations, _)| deviations), 2),
        shown(left.map(|(_, p)| p), 4),
        shown(found.completeness.map(|completeness| completeness.value), 2),
        attack.map_or("-".to_string(), |lira| format!("{:.2} ({:.2})", lira.auc, lira.auc_by_chance)),
        epsilon.map_or("-".to_string(), |epsilon| format!("{:.2} of {:.2}", epsilon.at_least, epsilon.ceiling)),
        shown(found.utility.iter().map(|side| side.loss).reduce(f64::max), 4),
    ]
}

fn controls(report: &Report) -> String {
    let mut lines = vec![["control", "subject", "expected", "observed", "behaved"].map(str::to_string).to_vec()];
    lines.extend(report.controls.iter().map(|control| {
        let behaved = match control.behaved {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "not tried",
        };
        let subject = control.subject.clone().unwrap_or_default();
        vec![control.name.name().into(), subject, control.expected.clone(), control.observed.clone(), behaved.into()]
    }));
    aligned(&lines)
}

fn what_it_can_show(power: &Power, ceiling: f64) -> String {
    let epsilon = if ceiling > 0.0 { format!("{ceiling:.2}") } else { "none".to_string() };
    named(&[
        ("seeds per arm", power.seeds.to_string()),
        ("difference found with 80 % power", format!("{:.2} deviations", power.detectable)),
        ("margin shown with 80 % power", format!("{:.2} deviations", power.provable_in_deviations)),
        ("chance to show alike models alike", format!("{:.0} %", 100.0 * power.of_equivalence)),
        ("shift of one delivered model found with 80 % power", format!("{:.2} deviations", power.detectable_delivered)),
        ("largest epsilon that could ever be shown", epsilon),
    ])
}
