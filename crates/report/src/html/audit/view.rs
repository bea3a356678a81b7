//! What a page says of an audit: verdicts, controls, power, attacks.

use super::{Audit, Control, Distance, Interval, Power, Rates, Row, Scores, rates, standard_threshold};
use crate::figure::{fixed, name_of};
use crate::html::chart;
use crate::html::island::inert;
use crate::html::table_view::{self, Cell, Column, TableView};
use crate::html::verdict::{CriterionView, VerdictView};
use serde_json::json;

/// What the template shows.
pub(in crate::html) struct AuditView {
    /// Verdicts, one for each strategy and subject.
    pub(in crate::html) cards: Vec<CardView>,
    pub(in crate::html) is_void: bool,
    /// Whether the gate is passed, in words.
    pub(in crate::html) gate: String,
    pub(in crate::html) failures: Vec<String>,
    pub(in crate::html) attacks: Vec<AttackView>,
    pub(in crate::html) table: TableView,
    pub(in crate::html) distances: Option<String>,
    pub(in crate::html) distance_table: TableView,
    pub(in crate::html) controls: TableView,
    pub(in crate::html) power: Vec<(&'static str, String)>,
    pub(in crate::html) protocol: Option<String>,
    /// JSON of all scores, for a data block.
    pub(in crate::html) scores: String,
}

/// One verdict.
pub(in crate::html) struct CardView {
    pub(in crate::html) id: String,
    pub(in crate::html) name: String,
    pub(in crate::html) verdict: VerdictView,
    pub(in crate::html) meaning: &'static str,
    pub(in crate::html) reasons: Vec<String>,
}

/// Scores, threshold and ROC of one strategy and subject.
pub(in crate::html) struct AttackView {
    pub(in crate::html) place: usize,
    pub(in crate::html) name: String,
    pub(in crate::html) histogram: String,
    pub(in crate::html) roc: String,
    /// Where the slider begins, of [`SLIDER_STEPS`].
    pub(in crate::html) at: usize,
    /// What the threshold there gives, in words.
    pub(in crate::html) said: String,
}

/// Steps of a threshold's slider.
pub(in crate::html) const SLIDER_STEPS: usize = 1000;

pub(in crate::html) fn view(audit: &Audit) -> AuditView {
    let scored: Vec<(&Row, &Scores)> = audit.results.iter().filter_map(|row| Some((row, scores(row)?))).collect();
    AuditView {
        cards: audit.results.iter().enumerate().map(|(place, row)| card(place, row, audit)).collect(),
        is_void: audit.void,
        gate: audit.gate.in_words().into(),
        failures: audit.gate.failures.iter().map(failure).collect(),
        attacks: scored.iter().enumerate().map(|(place, (row, scores))| attack(place, row, scores)).collect(),
        table: attacks(audit),
        distances: chart::distances(audit).map(|drawing| drawing.inline("audit-distances")),
        distance_table: distances(audit),
        controls: controls(&audit.controls),
        power: audit.power.as_ref().map_or(Vec::new(), |power| in_words(power, audit.epsilon_ceiling)),
        protocol: audit.protocol.as_ref().map(|protocol| {
            let (digest, before) = (protocol.digest.get(..16).unwrap_or(&protocol.digest), protocol.unlearned_before);
            format!("Held to the protocol {digest}, declared when {before} of the unlearned models were there.")
        }),
        scores: inert(
            &json!(
                scored
                    .iter()
                    .map(|(_, s)| json!({ "unlearned": s.unlearned, "retrained": s.retrained }))
                    .collect::<Vec<_>>()
            )
            .to_string(),
        ),
    }
}

fn scores(row: &Row) -> Option<&Scores> {
    let scores = &row.attacks.as_ref()?.lira.as_ref()?.scores;
    (!scores.unlearned.is_empty() && !scores.retrained.is_empty()).then_some(scores)
}

/// A strategy, or the last part of a model's path: folders above it may name a person.
fn name(row: &Row) -> String {
    let last = row.strategy.rsplit(['/', '\\']).next().unwrap_or(&row.strategy);
    name_of(last, &row.variant)
}

fn with_subject(row: &Row) -> String {
    format!("{}, {}", name(row), row.subject)
}

/// Tone, word and what it means of a verdict of the closed list.
fn verdict_words(verdict: Option<&str>) -> (&'static str, &'static str, &'static str) {
    match verdict {
        Some("retrain_equivalent") => {
            ("pass", "Like retrained", "Shown to be alike within the margin, Dice kept, nothing comes back.")
        }
        Some("consistent_with_retrain") => {
            ("pass", "Consistent", "Inside what retrained models do. Inside is no proof.")
        }
        Some("exact") => ("pass", "Exact", "Never trained on the subject, by its plan and its proof."),
        Some("exact_unproved") => {
            ("unknown", "Exact, unproved", "Never trained on the subject by its plan; nothing was compared.")
        }
        Some("residual_influence") => {
            ("fail", "Something is left", "Differs from retrained models on the originals' side.")
        }
        Some("over_forgotten") => ("fail", "Over-forgotten", "Differs on the other side: the erasure itself shows."),
        Some("utility_lost") => ("fail", "Others lost", "The others are served worse than is allowed."),
        Some("not_assessable") => (
            "unknown",
            "Not assessable",
            "It is not shown whether there was anything to forget, or nothing was there to compare with. Not \
             \u{201c}forgotten\u{201d}.",
        ),
        Some("not_remembered") => (
            "pass",
            "Never remembered",
            "The originals are shown to be like models that never saw the subject: by these statistics there was nothing \
             to forget.",
        ),
        Some("inconclusive") => ("unknown", "Inconclusive", "Neither shown alike nor shown different."),
        Some(_) => ("unknown", "Unknown verdict", "A verdict that this version does not know."),
        None => ("unknown", "Void", "A control did not come out as known, so no verdict is given."),
    }
}

fn card(place: usize, row: &Row, audit: &Audit) -> CardView {
    let (tone, word, meaning) = verdict_words(row.verdict.as_deref());
    let statistics = &row.statistics;
    let tile = |name, tone: &'static str, met: String| {
        let mark = match tone {
            "pass" => "✓",
            "fail" => "✗",
            "" => "·",
            _ => "?",
        };
        let tone = if tone.is_empty() { "unknown" } else { tone };
        CriterionView { name, tone, mark, met }
    };
    let mut criteria = Vec::new();
    if let Some(memory) = &statistics.memory {
        let tone = if memory.detectable { "pass" } else { "unknown" };
        criteria.push(tile("memory of the originals", tone, deviations(memory.deviations)));
    }
    if let Some(primary) = &statistics.primary {
        let (difference, p) = (primary.comparison.difference, primary.comparison.p);
        let left = difference.zip(primary.retrained_deviation).filter(|(_, sd)| *sd > 0.0).map(|(d, sd)| d / sd);
        let met = format!("{}, p {}", deviations(left), probability(p));
        criteria.push(tile("difference", if tone == "pass" { "pass" } else { tone }, met));
    }
    if let Some(completeness) = &statistics.completeness {
        let met = format!("{}{}", number(completeness.value, 2), within(completeness.interval.as_ref(), 2));
        criteria.push(tile("completeness", "", met));
    }
    for utility in &statistics.utility {
        let tone = match utility.kept.as_str() {
            "kept" => "pass",
            "lost" => "fail",
            _ => "unknown",
        };
        let name = if utility.side == "retain" { "retain Dice lost" } else { "held-out Dice lost" };
        criteria.push(tile(name, tone, format!("{} of {}", number(utility.loss, 4), number(utility.loss_max, 4))));
    }
    let tried = audit.controls.iter().filter_map(|control| control.behaved).collect::<Vec<_>>();
    let behaved = tried.iter().filter(|behaved| **behaved).count();
    let controls = format!("{behaved} of {} as known", tried.len());
    criteria.push(tile("controls", if behaved == tried.len() { "pass" } else { "fail" }, controls));
    let models = statistics.models.map_or(String::new(), |models| format!("{models} models of each kind"));
    let mut untested = vec!["Other scans of the person, and attacks on the weights.".to_string()];
    if let Some(seeds) = statistics.seeds_needed {
        untested.push(format!("With {seeds} seeds alike models would be shown alike four times in five."));
    }
    let epochs = row.epochs.map_or(String::new(), |epochs| format!(" after {epochs} epochs"));
    CardView {
        id: format!("audit-{place}"),
        name: format!("audit: {}", name(row)),
        verdict: VerdictView {
            tone,
            word,
            counts: models,
            people: format!("{}{epochs}", row.subject),
            nearest: None,
            criteria,
            untested,
        },
        meaning,
        reasons: statistics.reasons.clone(),
    }
}

fn failure(failure: &super::Failure) -> String {
    let super::Failure { strategy, subject, threshold, expected, found } = failure;
    format!("{strategy}, {subject}: {threshold}: expected {expected}, found {found}")
}

fn attack(place: usize, row: &Row, scores: &Scores) -> AttackView {
    let threshold = standard_threshold(scores);
    let [low, high] = chart::score_range(scores);
    let at = ((threshold - low) / (high - low) * SLIDER_STEPS as f64).floor().clamp(0.0, SLIDER_STEPS as f64) as usize;
    // What a slider can stand at; the script counts the same.
    let threshold = low + (high - low) * at as f64 / SLIDER_STEPS as f64;
    AttackView {
        place,
        name: with_subject(row),
        histogram: chart::histogram(&with_subject(row), scores, threshold).inline(&format!("audit-scores-{place}")),
        roc: chart::roc_curve(&with_subject(row), scores, threshold).inline(&format!("audit-roc-{place}")),
        at,
        said: said(scores, threshold),
    }
}

fn said(scores: &Scores, threshold: f64) -> String {
    let Rates { true_positives, false_positives } = rates(scores, threshold);
    let (unlearned, retrained) = (scores.unlearned.len(), scores.retrained.len());
    let advantage = true_positives as f64 / unlearned as f64 - false_positives as f64 / retrained as f64;
    format!(
        "Threshold {}: {true_positives} of {unlearned} unlearned models found, {false_positives} of {retrained} retrained \
         ones accused, advantage {}.",
        fixed(threshold, 2),
        fixed(advantage, 2)
    )
}

fn attacks(audit: &Audit) -> TableView {
    let columns = Column::all(&[
        "strategy",
        "subject",
        "#U-LiRA AUC",
        "#by chance",
        "#p",
        "#margin AUC",
        "#loss AUC",
        "#found at 10 % accused",
        "#epsilon at least",
        "#KLoM, nats",
        "#KLoM between retrained",
    ]);
    let rows = audit.results.iter().filter_map(|row| Some((row, row.attacks.as_ref()?))).map(|(row, attacks)| {
        let lira = attacks.lira.as_ref();
        let point = attacks.operating_point.as_ref();
        let found = point.and_then(|point| point.true_positive_rate);
        let met = point.map_or("–".to_string(), |point| {
            format!("{}{}", percent(found), within(point.interval.as_ref().map(hundred).as_ref(), 0))
        });
        let cells = vec![
            Cell::text(name(row)),
            Cell::text(row.subject.clone()),
            Cell::number(lira.and_then(|lira| lira.auc), 2),
            Cell::number(lira.and_then(|lira| lira.auc_by_chance), 2),
            Cell::said(
                lira.map_or("–".to_string(), |lira| probability(lira.p).replace("= ", "")),
                lira.and_then(|lira| lira.p),
            ),
            Cell::number(attacks.margin.as_ref().and_then(|auc| auc.auc), 2),
            Cell::number(attacks.loss.as_ref().and_then(|auc| auc.auc), 2),
            Cell::said(met, found),
            Cell::number(attacks.epsilon.as_ref().and_then(|epsilon| epsilon.at_least), 2),
            Cell::number(attacks.klom.as_ref().and_then(|klom| klom.nats), 2),
            Cell::number(attacks.klom.as_ref().and_then(|klom| klom.floor), 2),
        ];
        table_view::Row { series: None, cells }
    });
    let rows = rows.collect();
    let caption = "Attacks, unlearned against retrained models: shown, and deciding nothing".to_string();
    TableView { id: "audit-attacks".to_string(), caption, is_sortable: false, columns, rows }
}

fn distances(audit: &Audit) -> TableView {
    let columns =
        Column::all(&["strategy", "subject", "of", "#distance", "#retrained among themselves", "their 95 % range"]);
    let of = |(row, distance): (&Row, &Distance)| {
        let range = distance.prediction.as_ref().map_or("–".to_string(), |p| within(Some(&p.interval), 4));
        let cells = vec![
            Cell::text(name(row)),
            Cell::text(row.subject.clone()),
            Cell::text(distance.kind.clone()),
            Cell::number(distance.mean, 4),
            Cell::number(distance.retrained_mean, 4),
            Cell::text(range.trim()),
        ];
        table_view::Row { series: None, cells }
    };
    let all = audit.results.iter().flat_map(|row| row.distances.iter().map(move |distance| (row, distance)));
    let rows = all.map(of).collect();
    let caption = "Distances from retrained models".to_string();
    TableView { id: "audit-distance-table".to_string(), caption, is_sortable: false, columns, rows }
}

fn controls(controls: &[Control]) -> TableView {
    let row = |control: &Control| {
        let (word, tone) = match control.behaved {
            Some(true) => ("✓ yes", "pass"),
            Some(false) => ("✗ no", "fail"),
            None => ("not tried", ""),
        };
        let cells = vec![
            Cell::text(control.name.clone()),
            Cell::text(control.subject.clone().unwrap_or_default()),
            Cell::text(control.expected.clone()),
            Cell::text(control.observed.clone()),
            Cell::text(word).toned(tone),
        ];
        table_view::Row { series: None, cells }
    };
    let columns = Column::all(&["control", "subject", "expected", "observed", "as known"]);
    let caption = "Controls: what must come out as known, or the audit is void".to_string();
    let rows = controls.iter().map(row).collect();
    TableView { id: "audit-controls".to_string(), caption, is_sortable: false, columns, rows }
}

fn in_words(power: &Power, ceiling: Option<f64>) -> Vec<(&'static str, String)> {
    vec![
        ("seeds of each kind", power.seeds.to_string()),
        ("difference found with 80 % power", deviations(power.detectable)),
        ("margin shown with 80 % power, fixed", deviations(power.provable)),
        ("the same, in estimated deviations", deviations(power.provable_in_deviations)),
        ("alike models shown alike", percent(power.of_equivalence)),
        ("a difference of the margin found", percent(power.of_difference)),
        ("shift of one delivered model found", deviations(power.detectable_delivered)),
        ("largest epsilon that could ever be shown", number(ceiling, 2)),
    ]
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or("unknown".to_string(), |value| fixed(value, digits))
}

fn probability(p: Option<f64>) -> String {
    match p {
        Some(p) if p < 0.0001 => "< 0.0001".to_string(),
        p => format!("= {}", number(p, 4)),
    }
}

fn deviations(value: Option<f64>) -> String {
    value.map_or("unknown".to_string(), |value| format!("{} deviations", fixed(value, 2)))
}

fn percent(value: Option<f64>) -> String {
    value.map_or("unknown".to_string(), |value| format!("{} %", fixed(100.0 * value, 0)))
}

fn within(interval: Option<&Interval>, digits: usize) -> String {
    match interval {
        Some(Interval { low: Some(low), high: Some(high) }) => {
            format!(" ({} to {})", fixed(*low, digits), fixed(*high, digits))
        }
        _ => String::new(),
    }
}

fn hundred(interval: &Interval) -> Interval {
    let times = |value: Option<f64>| value.map(|value| 100.0 * value);
    Interval { low: times(interval.low), high: times(interval.high) }
}
