//! What a page says of an audit: verdicts, controls, power, attacks.

use super::words::{self, VerdictWords, deviations, percent, probability, within};
use super::{Rates, rates, standard_threshold};
use crate::figure::{fixed, name_of};
use crate::html::chart;
use crate::html::island::inert;
use crate::html::table_view::{self, Cell, Column, TableView};
use crate::html::verdict::{CriterionView, VerdictView};
use lacuna_audit::attack::LiraScores;
use lacuna_audit::distance::Distance;
use lacuna_audit::report::Attacks;
use lacuna_audit::{Control, Failure, Kept, Report, Row, Utility, UtilitySide};
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

/// The card of one verdict.
pub(in crate::html) struct CardView {
    pub(in crate::html) id: String,
    pub(in crate::html) name: String,
    pub(in crate::html) verdict: VerdictView,
    pub(in crate::html) meaning: &'static str,
    pub(in crate::html) reasons: Vec<String>,
}

/// Scores, threshold and ROC of one strategy and subject.
pub(in crate::html) struct AttackView {
    pub(in crate::html) position: usize,
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

pub(in crate::html) fn view(audit: &Report) -> AuditView {
    let scored: Vec<(&Row, &LiraScores)> = audit.results.iter().filter_map(|row| Some((row, scores(row)?))).collect();
    AuditView {
        cards: audit.results.iter().enumerate().map(|(position, row)| card(position, row, audit)).collect(),
        is_void: audit.void,
        gate: words::gate(&audit.gate).into(),
        failures: audit.gate.failures.iter().map(failure).collect(),
        attacks: scored.iter().enumerate().map(|(position, (row, scores))| attack(position, row, scores)).collect(),
        table: attacks(audit),
        distances: chart::distances(audit).map(|drawing| drawing.inline("audit-distances")),
        distance_table: distances(audit),
        controls: controls(&audit.controls),
        power: audit.power.as_ref().map_or(Vec::new(), |power| words::power(power, audit.epsilon_ceiling)),
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

fn scores(row: &Row) -> Option<&LiraScores> {
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

fn card(index: usize, row: &Row, audit: &Report) -> CardView {
    let VerdictWords { tone, word, meaning } = words::verdict(row.verdict);
    let statistics = &row.statistics;
    let mut untested = vec!["Other scans of the person, and attacks on the weights.".to_string()];
    if let Some(seeds) = statistics.seeds_needed {
        untested.push(format!("With {seeds} seeds alike models would be shown alike four times in five."));
    }
    let epochs = row.epochs.map_or(String::new(), |epochs| format!(" after {epochs} epochs"));
    CardView {
        id: format!("audit-{index}"),
        name: format!("audit: {}", name(row)),
        verdict: VerdictView {
            tone,
            word,
            counts: format!("{} models of each kind", statistics.models),
            people: format!("{}{epochs}", row.subject),
            nearest: None,
            criteria: criteria(row, tone, &audit.controls),
            untested,
        },
        meaning,
        reasons: statistics.reasons.clone(),
    }
}

/// What led to a verdict, as far as it was measured.
fn criteria(row: &Row, verdict_tone: &'static str, controls: &[Control]) -> Vec<CriterionView> {
    let statistics = &row.statistics;
    let memory = statistics.memory.map(|memory| {
        let tone = if memory.detectable { "pass" } else { "unknown" };
        tile("memory of the originals", tone, deviations(memory.deviations))
    });
    let primary = statistics.primary.as_ref().map(|primary| {
        let left = deviations(primary.comparison.difference / primary.retrained_deviation);
        tile("difference", verdict_tone, format!("{left}, p {}", probability(primary.comparison.p)))
    });
    let completeness = statistics.completeness.map(|completeness| {
        let interval = completeness.interval.map_or(String::new(), |interval| within(&interval, 1.0, 2));
        tile("completeness", "", format!("{}{interval}", fixed(completeness.value, 2)))
    });
    let first = memory.into_iter().chain(primary).chain(completeness);
    first.chain(statistics.utility.iter().map(utility)).chain([behaved(controls)]).collect()
}

fn utility(utility: &Utility) -> CriterionView {
    let tone = match utility.kept {
        Kept::Kept => "pass",
        Kept::Lost => "fail",
        Kept::Unknown => "unknown",
    };
    let name = match utility.side {
        UtilitySide::Retain => "retain Dice lost",
        UtilitySide::HeldOut => "held-out Dice lost",
    };
    tile(name, tone, format!("{} of {}", fixed(utility.loss, 4), fixed(utility.loss_max, 4)))
}

fn behaved(controls: &[Control]) -> CriterionView {
    let tried: Vec<bool> = controls.iter().filter_map(|control| control.behaved).collect();
    let behaved = tried.iter().filter(|behaved| **behaved).count();
    let tone = if behaved == tried.len() { "pass" } else { "fail" };
    tile("controls", tone, format!("{behaved} of {} as known", tried.len()))
}

fn tile(name: &'static str, tone: &'static str, met: String) -> CriterionView {
    let mark = match tone {
        "pass" => "✓",
        "fail" => "✗",
        "" => "·",
        _ => "?",
    };
    let tone = if tone.is_empty() { "unknown" } else { tone };
    CriterionView { name, tone, mark, met }
}

fn failure(failure: &Failure) -> String {
    let Failure { strategy, subject, threshold, expected, found } = failure;
    format!("{strategy}, {subject}: {}: expected {expected}, found {found}", threshold.name())
}

fn attack(position: usize, row: &Row, scores: &LiraScores) -> AttackView {
    let threshold = standard_threshold(scores);
    let [low, high] = chart::score_range(scores);
    let at = ((threshold - low) / (high - low) * SLIDER_STEPS as f64).floor().clamp(0.0, SLIDER_STEPS as f64) as usize;
    // What a slider can stand at; the script counts the same.
    let threshold = low + (high - low) * at as f64 / SLIDER_STEPS as f64;
    AttackView {
        position,
        name: with_subject(row),
        histogram: chart::histogram(&with_subject(row), scores, threshold).inline(&format!("audit-scores-{position}")),
        roc: chart::roc_curve(&with_subject(row), scores, threshold).inline(&format!("audit-roc-{position}")),
        at,
        said: said(scores, threshold),
    }
}

fn said(scores: &LiraScores, threshold: f64) -> String {
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

fn attacks(audit: &Report) -> TableView {
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
    let attacked = audit.results.iter().filter_map(|row| Some((row, row.attacks.as_ref()?)));
    let rows =
        attacked.map(|(row, attacks)| table_view::Row { series: None, cells: attack_cells(row, attacks) }).collect();
    let caption = "Attacks, unlearned against retrained models: shown, and deciding nothing".to_string();
    TableView { id: "audit-attacks".to_string(), caption, is_sortable: false, columns, rows }
}

fn attack_cells(row: &Row, attacks: &Attacks) -> Vec<Cell> {
    let lira = attacks.lira.as_ref();
    let p = lira.map(|lira| lira.p);
    let point = attacks.operating_point;
    let found = point.map_or("–".to_string(), |point| {
        format!("{}{}", percent(point.true_positive_rate), within(&point.interval, 100.0, 0))
    });
    vec![
        Cell::text(name(row)),
        Cell::text(row.subject.clone()),
        Cell::number(lira.map(|lira| lira.auc), 2),
        Cell::number(lira.map(|lira| lira.auc_by_chance), 2),
        Cell::said(p.map_or("–".to_string(), |p| probability(p).replace("= ", "")), p),
        Cell::number(attacks.margin.map(|auc| auc.auc), 2),
        Cell::number(attacks.loss.map(|auc| auc.auc), 2),
        Cell::said(found, point.map(|point| point.true_positive_rate)),
        Cell::number(attacks.epsilon.map(|epsilon| epsilon.at_least), 2),
        Cell::number(attacks.klom.map(|klom| klom.nats), 2),
        Cell::number(attacks.klom.and_then(|klom| klom.floor), 2),
    ]
}

fn distances(audit: &Report) -> TableView {
    let columns =
        Column::all(&["strategy", "subject", "of", "#distance", "#retrained among themselves", "their 95 % range"]);
    let of = |(row, distance): (&Row, &Distance)| {
        let range = distance.prediction.as_ref().map_or("–".to_string(), |p| within(&p.interval, 1.0, 4));
        let cells = vec![
            Cell::text(name(row)),
            Cell::text(row.subject.clone()),
            Cell::text(distance.kind.clone()),
            Cell::number(Some(distance.mean), 4),
            Cell::number(Some(distance.retrained_mean), 4),
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
            Cell::text(control.name.name()),
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
