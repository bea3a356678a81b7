//! Numbers in place of ids: the one rule for everything that is shown to others.
//!
//! People are numbered in the order of their ids. A holder of the cohort can undo that; a reader of the page cannot.
//! Texts of users (names of strategies, variants, networks and label tables) may contain an id, which is replaced there
//! too.

use super::Source;
use crate::{Comparison, CurveRow, Outcome, ProbeRow, ResultRow, Run};
use lacuna_cohort::without;
use std::collections::{BTreeMap, BTreeSet};

/// The names under which people are shown on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Numbers such as `person-01`.
    Numbers,
    /// The names that the rows have.
    AsRecorded,
}

/// The content of a page, with numbers in place of ids.
pub(super) struct Numbered {
    pub(super) rows: Vec<ResultRow>,
    pub(super) probes: Vec<ProbeRow>,
    pub(super) curves: Vec<CurveRow>,
    pub(super) audit: Option<lacuna_audit::Report>,
    pub(super) compared: Vec<Comparison>,
    /// The number of each id, as text.
    pub(super) numbers: BTreeMap<String, String>,
}

/// Returns results and probes with numbers in place of ids.
pub fn without_ids(
    rows: &[ResultRow],
    probes: &[ProbeRow],
    cohort: &BTreeSet<String>,
) -> (Vec<ResultRow>, Vec<ProbeRow>) {
    let mut calling = Calling::new(numbers(rows, probes, &[], &[]), cohort);
    let (mut rows, mut probes) = (rows.to_vec(), probes.to_vec());
    calling.rows(&mut rows);
    probes.iter_mut().for_each(|row| calling.run(&mut row.run));
    (rows, probes)
}

pub(super) fn numbered(source: &Source<'_>) -> Numbered {
    let audited: Vec<&String> = source.audit.iter().flat_map(|audit| audit.subjects()).collect();
    let numbers = numbers(source.rows, source.probes, source.curves, &audited);
    let mut calling = Calling::new(numbers, source.cohort);
    let (mut rows, mut probes, mut curves) = (source.rows.to_vec(), source.probes.to_vec(), source.curves.to_vec());
    calling.rows(&mut rows);
    probes.iter_mut().for_each(|row| calling.run(&mut row.run));
    curves.iter_mut().for_each(|row| calling.run(&mut row.run));
    let mut compared = source.compared.to_vec();
    for setting in compared.iter_mut().flat_map(|comparison| &mut comparison.settings) {
        for text in [&mut setting.network, &mut setting.labels, &mut setting.strategy, &mut setting.variant] {
            calling.text(text);
        }
    }
    let audit = source.audit.cloned().map(|mut audit| {
        audit.subjects_mut().for_each(|name| *name = calling.name(name));
        audit.texts_mut().for_each(|text| calling.text(text));
        audit
    });
    Numbered { rows, probes, curves, audit, compared, numbers: calling.numbers }
}

/// Replaces ids by numbers.
struct Calling {
    numbers: BTreeMap<String, String>,
    /// Each id of the cohort, with the text that replaces it within other texts.
    within: Vec<(String, String)>,
    /// A cache of rewritten texts: a table repeats few texts many times.
    texts: BTreeMap<String, String>,
}

impl Calling {
    fn new(numbers: BTreeMap<String, String>, cohort: &BTreeSet<String>) -> Calling {
        let unnumbered = cohort.iter().filter(|id| !numbers.contains_key(*id)).map(|id| (id.clone(), "person".into()));
        let within = numbers.iter().map(|(id, number)| (id.clone(), number.clone())).chain(unnumbered).collect();
        Calling { numbers, within, texts: BTreeMap::new() }
    }

    /// The number of an id; an id without a row has none, and gets a common word.
    fn name(&self, id: &str) -> String {
        self.numbers.get(id).cloned().unwrap_or_else(|| "unnamed".to_string())
    }

    fn text(&mut self, text: &mut String) {
        let (texts, within) = (&mut self.texts, &self.within);
        let ids = || within.iter().map(|(id, by)| (id.as_str(), by.as_str()));
        *text = texts.entry(text.clone()).or_insert_with(|| without(text, ids())).clone();
    }

    fn run(&mut self, run: &mut Run) {
        run.forgotten = self.name(&run.forgotten);
        for text in [&mut run.network, &mut run.labels, &mut run.strategy, &mut run.variant] {
            self.text(text);
        }
    }

    fn rows(&mut self, rows: &mut [ResultRow]) {
        for row in rows {
            self.run(&mut row.run);
            if let Outcome::Scored(scored) = &mut row.outcome {
                scored.subject = self.name(&scored.subject);
            }
        }
    }
}

/// The number of each id, as text. All numbers have the same length, so that texts sort like numbers.
fn numbers(
    rows: &[ResultRow],
    probes: &[ProbeRow],
    curves: &[CurveRow],
    others: &[&String],
) -> BTreeMap<String, String> {
    let scored = rows.iter().filter_map(|row| row.scored()).map(|scored| &scored.subject);
    let runs = rows.iter().map(|row| &row.run).chain(probes.iter().map(|row| &row.run));
    let forgotten = runs.chain(curves.iter().map(|row| &row.run)).map(|run| &run.forgotten);
    let ids: BTreeSet<&String> = scored.chain(forgotten).chain(others.iter().copied()).collect();
    let digits = ids.len().to_string().len().max(2);
    let number = |(index, id): (usize, &String)| (id.clone(), format!("person-{:0digits$}", index + 1));
    ids.into_iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::gated;

    #[test]
    fn no_id_is_left_and_nobody_is_merged() {
        let (rows, probes) = gated();
        let (numbered, probes) = without_ids(&rows, &probes, &BTreeSet::new());
        let text = format!("{numbered:?} {probes:?}");
        assert!(!text.contains("sub-0") && !text.contains("kept-") && text.contains("person-01"));
        let people = |rows: &[ResultRow]| {
            let subjects = rows.iter().filter_map(|row| row.scored()).map(|scored| scored.subject.clone());
            subjects.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(people(&numbered), people(&rows));
        crate::row::sorted(&numbered).unwrap();
    }

    #[test]
    fn an_id_within_a_name_of_the_users_is_replaced_and_strategies_stay_apart() {
        let (mut rows, _) = gated();
        let forgotten = rows[0].run.forgotten.clone();
        let cohort = BTreeSet::from(["anna".to_string(), "ben".to_string()]);
        let called = |strategy: &str| {
            let mut row = rows[0].clone();
            row.run.strategy = strategy.to_string();
            row
        };
        rows = vec![called(&format!("all-but-{forgotten}")), called("all-but-anna"), called("of_ben_alone")];
        let (numbered, _) = without_ids(&rows, &[], &cohort);
        let strategies: Vec<&str> = numbered.iter().map(|row| row.run.strategy.as_str()).collect();
        let forgotten = &numbered[0].run.forgotten;
        assert_eq!(strategies, [&format!("all-but-{forgotten}"), "all-but-person", "of_person_alone"]);
    }
}
