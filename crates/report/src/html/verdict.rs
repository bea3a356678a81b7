//! The strip at the top of the page: the verdict on each goal, and what was not tested.

use super::scene::Scene;
use crate::figure::name_of;
use crate::{Met, ProbeRow, Summary, Verdict};
use std::collections::BTreeSet;

/// The verdict on one goal.
pub(super) struct VerdictView {
    /// `pass`, `partly`, `fail` or `unknown`, as the CSS class; the words state it too.
    pub(super) tone: &'static str,
    /// The tone, in one word.
    pub(super) word: &'static str,
    /// The number of runs that passed, of all runs.
    pub(super) counts: String,
    /// The numbers of people and seeds.
    pub(super) people: String,
    /// The setting that came nearest to passing, in words.
    pub(super) nearest: Option<String>,
    /// The criteria of the nearest setting.
    pub(super) criteria: Vec<CriterionView>,
    /// The tests that were not made or gave no answer, in words.
    pub(super) untested: Vec<String>,
}

/// One criterion of the nearest setting.
pub(super) struct CriterionView {
    pub(super) name: &'static str,
    pub(super) tone: &'static str,
    pub(super) mark: &'static str,
    pub(super) met: String,
}

pub(super) fn verdict(scene: &Scene, probes: &[ProbeRow], is_audited: bool) -> VerdictView {
    let gate = &scene.gate;
    let count = |verdict: Verdict| gate.judged.iter().filter(|judged| judged.verdict == verdict).count();
    let (runs, passed) = (gate.judged.len(), count(Verdict::Pass));
    let (unknown, silent) = (count(Verdict::NotAssessable), count(Verdict::SaysNothing));
    let (tone, word) = match () {
        () if passed == runs => ("pass", "Passed"),
        () if passed > 0 => ("partly", "Passed in part"),
        () if unknown + silent == runs => ("unknown", "Not judged"),
        () => ("fail", "Not passed"),
    };
    let mut counts = format!("{passed} of {runs} runs pass the gate");
    for (count, words) in [(unknown, "not assessable"), (silent, "say nothing")] {
        if count > 0 {
            counts += &format!(", {count} {words}");
        }
    }
    let people: BTreeSet<&str> = gate.judged.iter().map(|judged| judged.forgotten.as_str()).collect();
    let seeds: BTreeSet<u64> = gate.judged.iter().map(|judged| judged.seed).collect();
    let nearest = nearest(scene);
    let people =
        format!("n = {} forgotten, {} {}", people.len(), seeds.len(), if seeds.len() == 1 { "seed" } else { "seeds" });
    VerdictView {
        tone,
        word,
        counts,
        people,
        nearest: nearest.map(in_words),
        criteria: nearest.map_or(Vec::new(), |summary| criteria(scene, summary)),
        untested: untested(scene, probes, is_audited),
    }
}

/// The setting with the most runs that passed; among equals the one that is ranked first.
fn nearest(scene: &Scene) -> Option<&Summary> {
    let rank = |summary: &Summary| {
        let same = |ranked: &crate::Ranked| {
            (&ranked.strategy, &ranked.variant, ranked.epochs) == (&summary.strategy, &summary.variant, summary.epochs)
        };
        scene.ranked.iter().position(same).unwrap_or(usize::MAX)
    };
    scene.gate.summaries.iter().min_by_key(|summary| (std::cmp::Reverse(summary.passed), rank(summary)))
}

fn in_words(summary: &Summary) -> String {
    let Summary { strategy, variant, epochs, passed, runs, .. } = summary;
    format!("Closest to passing: {} after {epochs} epochs, {passed} of {runs} runs", name_of(strategy, variant))
}

fn criteria(scene: &Scene, summary: &Summary) -> Vec<CriterionView> {
    let counts = |name: &str| {
        let mut criteria = scene.gate.judged.iter().flat_map(|judged| &judged.criteria);
        criteria.any(|criterion| criterion.name == name && criterion.counts)
    };
    let view = |(&name, &Met { met, of }): (&&'static str, &Met)| {
        let (tone, mark) = match met {
            _ if of == 0 => ("unknown", "?"),
            met if met == of => ("pass", "✓"),
            0 => ("fail", "✗"),
            _ => ("partly", "◐"),
        };
        CriterionView { name, tone, mark, met: if of == 0 { "unknown".to_string() } else { format!("{met} of {of}") } }
    };
    summary.criteria.iter().filter(|(name, _)| counts(name)).map(view).collect()
}

/// The tests that were not made. They are listed beside the verdict, since a missing test is no evidence.
fn untested(scene: &Scene, probes: &[ProbeRow], is_audited: bool) -> Vec<String> {
    let gate = &scene.gate;
    let mut untested = Vec::new();
    let here = |row: &&ProbeRow| row.run.goal == gate.goal && row.run.network == gate.network;
    let probed = probes.iter().filter(here).count();
    if probed == 0 {
        untested
            .push("Whether the subject comes back with a little training (rebound, relearning): not probed.".into());
    } else if probed < gate.judged.len() {
        untested.push(format!("Rebound and relearning: probed in {probed} of {} results.", gate.judged.len()));
    }
    let notes: BTreeSet<&str> = gate.judged.iter().filter_map(|judged| judged.note.as_deref()).collect();
    untested.extend(notes.into_iter().map(|note| format!("Some runs: {note}.")));
    if scene.cloud.is_empty() {
        untested
            .push("No model was retrained without the subject: nothing here says what erasure would look like.".into());
    }
    if !is_audited {
        untested.push("Attacks that guess membership: not part of this report.".into());
    }
    untested
}
