//! The gates as Markdown: for each goal a table of strategies and one of runs.

use super::{Criterion, Gate, Judged, Met, Summary, Verdict};
use crate::figure::name_of;
use crate::markdown::{escape, row};
use std::collections::BTreeSet;

impl Gate {
    /// Gates as GitHub-flavoured Markdown, ending in a newline; empty if there are no gates.
    pub fn markdowns(gates: &[Gate]) -> String {
        gates.iter().map(Gate::markdown).collect::<Vec<_>>().join("\n")
    }

    fn markdown(&self) -> String {
        let names = self.names();
        let mut lines = vec![format!("**{}**", escape(&self.heading())), String::new()];
        lines.extend(table(
            &["strategy", "epochs", "passed", "failed", "not assessable", "says nothing"],
            &names,
            self.summaries.iter().map(|summary| summary_cells(summary, &names)),
        ));
        lines.push(String::new());
        lines.extend(table(
            &["strategy", "epochs", "forgotten", "seed", "verdict"],
            &names,
            self.judged.iter().map(|judged| judged_cells(judged, &names)),
        ));
        lines.extend([String::new(), escape(&self.explanation())]);
        lines.join("\n") + "\n"
    }

    /// The names of all criteria that apply to any run, in their order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let mut seen = BTreeSet::new();
        let longest = self.judged.iter().max_by_key(|judged| judged.criteria.len());
        let all = longest.into_iter().chain(&self.judged).flat_map(|judged| &judged.criteria);
        all.map(|criterion| criterion.name).filter(|&name| seen.insert(name)).collect()
    }
}

fn table(first: &[&str], names: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let titles: Vec<&str> = first.iter().chain(names).copied().collect();
    let alignment = titles.iter().enumerate().map(|(index, _)| if index == 0 { ":--" } else { "--:" });
    let head = [row(titles.iter().map(|title| title.to_string())), row(alignment.map(String::from))];
    head.into_iter().chain(rows.map(|cells| row(cells.iter().map(|cell| escape(cell))))).collect()
}

fn summary_cells(summary: &Summary, names: &[&str]) -> Vec<String> {
    let Summary { runs, passed, failed, not_assessable, says_nothing, .. } = summary;
    let mut cells = vec![name_of(&summary.strategy, &summary.variant), summary.epochs.to_string()];
    cells.push(format!("{passed} of {runs}"));
    cells.extend([failed, not_assessable, says_nothing].map(|count| count.to_string()));
    let met = |name: &&str| match summary.criteria.get(*name) {
        Some(Met { met, of }) => format!("{met} of {of}"),
        None => "-".to_string(),
    };
    cells.extend(names.iter().map(met));
    cells
}

fn judged_cells(judged: &Judged, names: &[&str]) -> Vec<String> {
    let mut cells = vec![
        name_of(&judged.strategy, &judged.variant),
        judged.epochs.to_string(),
        judged.forgotten.clone(),
        judged.seed.to_string(),
        judged.verdict_in_words(),
    ];
    let of = |name: &&str| judged.criteria.iter().find(|criterion| criterion.name == *name);
    cells.extend(names.iter().map(|name| of(name).map_or("-".to_string(), Criterion::in_words)));
    cells
}

impl Judged {
    fn verdict_in_words(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::NotAssessable => "not assessable",
            Verdict::SaysNothing => "says nothing",
        };
        match &self.note {
            Some(note) => format!("{verdict}: {note}"),
            None => verdict.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{assert_golden, gated};
    use crate::{Thresholds, gates};

    #[test]
    fn the_markdown_is_the_golden_file() {
        let (rows, probes) = gated();
        let gates = gates(&rows, &probes, &Thresholds::STANDARD).unwrap();
        assert_golden("gates.md", &Gate::markdowns(&gates));
        let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&gates).unwrap()).unwrap();
        assert_eq!((&json[0]["goal"], &json[1]["goal"]), (&"suppress".into(), &"match-retrain".into()));
        assert_eq!(json[1]["judged"][0]["verdict"], "pass");
    }
}
