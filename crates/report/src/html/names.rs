//! People without their ids.
//!
//! A report is made to be shown around. So people are numbered in it, in the order of their ids; whoever has the
//! cohort can undo that, a reader of the page cannot.

use crate::{CurveRow, Outcome, ProbeRow, ResultRow, Run};
use std::collections::{BTreeMap, BTreeSet};

/// How people are called on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// By number.
    Numbers,
    /// As the rows call them.
    AsRecorded,
}

/// Rows in which people are called by number.
pub(super) struct Numbered {
    pub(super) rows: Vec<ResultRow>,
    pub(super) probes: Vec<ProbeRow>,
    pub(super) curves: Vec<CurveRow>,
    /// What each is called.
    pub(super) numbers: BTreeMap<String, String>,
}

pub(super) fn numbered(rows: &[ResultRow], probes: &[ProbeRow], curves: &[CurveRow], others: &[&String]) -> Numbered {
    let numbers = numbers(rows, probes, curves, others);
    let (mut rows, mut probes, mut curves) = (rows.to_vec(), probes.to_vec(), curves.to_vec());
    let rename = |name: &mut String| name.clone_from(&numbers[name.as_str()]);
    let in_run = |run: &mut Run| rename(&mut run.forgotten);
    for row in &mut rows {
        in_run(&mut row.run);
        if let Outcome::Scored(scored) = &mut row.outcome {
            rename(&mut scored.subject);
        }
    }
    probes.iter_mut().for_each(|row| in_run(&mut row.run));
    curves.iter_mut().for_each(|row| in_run(&mut row.run));
    Numbered { rows, probes, curves, numbers }
}

/// As many digits for everybody, so that the order of numbers is the order of texts.
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
    let number = |(place, id): (usize, &String)| (id.clone(), format!("person-{:0digits$}", place + 1));
    ids.into_iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::gated;

    #[test]
    fn no_id_is_left_and_nobody_is_merged() {
        let (rows, probes) = gated();
        let numbered = numbered(&rows, &probes, &[], &[]);
        let text = format!("{:?} {:?}", numbered.rows, numbered.probes);
        assert!(!text.contains("sub-0") && !text.contains("kept-") && text.contains("person-01"));
        let people = |rows: &[ResultRow]| {
            let subjects = rows.iter().filter_map(|row| row.scored()).map(|scored| scored.subject.clone());
            subjects.collect::<BTreeSet<_>>().len()
        };
        assert_eq!(people(&numbered.rows), people(&rows));
        crate::row::sorted(&numbered.rows).unwrap();
    }
}
