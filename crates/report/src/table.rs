//! The paper's table, computed from rows.

use crate::estimate::mean;
use crate::row::sorted;
use crate::run_scores::{RoleScores, RunScores};
use crate::{Estimate, Goal, ORIGINAL, Outcome, RETRAIN, ReportError, ResultRow, Run, ScoreGrid};
use lacuna_metrics::{BeforeAfter, EmptyCounts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The format's name of [`Table`] as JSON; its number rises with every change that a reader has to follow.
pub const SCHEMA: &str = "lacuna.table.1";

/// Strategies at their horizons, scored on one grid with one network and one label table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// The format's name, [`SCHEMA`].
    pub schema: &'static str,
    /// The grid on which prediction and labels were compared.
    pub grid: ScoreGrid,
    /// The name of the network.
    pub network: String,
    /// The label table.
    pub labels: String,
    /// The subjects that were forgotten, one per run.
    pub forgotten: BTreeSet<String>,
    /// The seeds of all runs.
    pub seeds: BTreeSet<u64>,
    /// One line for each strategy, variant and horizon; references first, then by goal and name.
    pub lines: Vec<Line>,
}

/// One strategy at one horizon. Scores are means over classes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The goal of the strategy.
    pub goal: Goal,
    /// The name of the strategy.
    pub strategy: String,
    /// The differences from the named strategy; empty if there are none.
    pub variant: String,
    /// The number of epochs of unlearning, or of training for a reference model.
    pub epochs: usize,
    /// Scores by the scored subjects' role.
    pub scores: Roles<Column>,
    /// `100 (1 - forget Dice / the original's)`.
    pub forget_decrease_percent: Estimate,
    /// `100 retain Dice / the original's`.
    pub retained_percent: Estimate,
    /// Retain Dice minus forget Dice.
    pub dice_gap: Estimate,
    /// Forget MAE minus retain MAE.
    pub mae_gap: Estimate,
    /// Forget Dice minus that of the model retrained without the subject. At 0 the forgotten subject is segmented as
    /// well, or as badly, as by a model that was never trained on it.
    pub forget_dice_beyond_retrain: Estimate,
    /// The number of forgotten subjects with a finished run.
    pub n: usize,
    /// The number of finished runs.
    pub runs: usize,
    /// The number of runs that had diverged by this horizon; they enter no mean.
    pub diverged: usize,
    /// The number of finished runs whose model predicts one class everywhere at this horizon; they enter the means.
    pub collapsed: usize,
}

/// One value for each role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Roles<T> {
    /// The value of the retained subjects.
    pub retain: T,
    /// The value of the forgotten subjects.
    pub forget: T,
    /// The value of the subjects that were never trained on.
    pub held_out: T,
}

/// The scores of one line on the subjects of one role.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Column {
    /// The mean Dice score.
    pub dice: Estimate,
    /// The mean absolute error of label maps.
    pub mae: Estimate,
    /// The mean absolute error of probabilities.
    pub mae_probability: Estimate,
    /// The number of scored pairs of masks: runs times subjects times classes, the background included.
    pub masks: usize,
    /// The number of these pairs with an empty mask.
    pub empty: EmptyCounts,
    /// The number of subjects whose foreground was empty in both masks, over all runs; they enter no mean Dice.
    pub subjects_without_dice: usize,
}

/// One table for each network and label table among the rows, on the given grid.
///
/// Within a run, scores are averaged over the subjects of a role. The figures against the original and the retrained
/// model pair runs of the same forgotten subject and seed. A line holds averages over seeds and forgotten subjects.
///
/// # Errors
/// [`ReportError::Field`] and [`ReportError::Duplicate`] for rows that no study writes;
/// [`ReportError::TwoReferences`] if the model to compare with is ambiguous.
pub fn tables(rows: &[ResultRow], grid: ScoreGrid) -> Result<Vec<Table>, ReportError> {
    for (index, row) in rows.iter().enumerate() {
        row.check(|| format!("row {index}"))?;
    }
    let mut settings: BTreeMap<(&str, &str), BTreeMap<&Run, RunScores>> = BTreeMap::new();
    for row in sorted(rows)? {
        let runs = settings.entry((&row.run.network, &row.run.labels)).or_default();
        match &row.outcome {
            Outcome::Diverged => runs.entry(&row.run).or_default().diverged = true,
            Outcome::Scored(scored) if scored.grid == grid => runs.entry(&row.run).or_default().add(scored),
            Outcome::Scored(_) => {}
        }
    }
    settings
        .into_iter()
        .filter(|(_, runs)| !runs.is_empty())
        .map(|(setting, runs)| table(setting, grid, &runs))
        .collect()
}

fn table(setting: (&str, &str), grid: ScoreGrid, runs: &BTreeMap<&Run, RunScores>) -> Result<Table, ReportError> {
    let original = references(runs, ORIGINAL)?;
    let retrain = references(runs, RETRAIN)?;
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (&run, scores) in runs {
        groups.entry((run.goal, run.strategy.as_str(), run.variant.as_str(), run.epochs)).or_default().push(Paired {
            run,
            scores,
            original: original.get(&pair(run)).copied(),
            retrain: retrain.get(&pair(run)).copied(),
        });
    }
    Ok(Table {
        schema: SCHEMA,
        grid,
        network: setting.0.to_string(),
        labels: setting.1.to_string(),
        forgotten: runs.keys().map(|run| run.forgotten.clone()).collect(),
        seeds: runs.keys().map(|run| run.seed).collect(),
        lines: groups.into_values().map(|group| line(&group, diverged_by_then(group[0].run, runs))).collect(),
    })
}

/// A run beside the models it is compared with.
struct Paired<'a> {
    run: &'a Run,
    scores: &'a RunScores,
    original: Option<&'a RunScores>,
    retrain: Option<&'a RunScores>,
}

/// The forgotten subject and the seed; runs that share both have the same training data and draws.
fn pair(run: &Run) -> (&str, u64) {
    (&run.forgotten, run.seed)
}

fn references<'a>(
    runs: &'a BTreeMap<&'a Run, RunScores>,
    strategy: &'static str,
) -> Result<BTreeMap<(&'a str, u64), &'a RunScores>, ReportError> {
    let mut found = BTreeMap::new();
    for (run, scores) in runs.iter().filter(|(run, scores)| run.strategy == strategy && !scores.diverged) {
        if found.insert(pair(run), scores).is_some() {
            return Err(ReportError::TwoReferences { strategy, forgotten: run.forgotten.clone(), seed: run.seed });
        }
    }
    Ok(found)
}

/// The number of runs of this strategy that had diverged at this horizon or earlier: a diverged run has one row, and
/// does not return at a later horizon.
fn diverged_by_then(horizon: &Run, runs: &BTreeMap<&Run, RunScores>) -> usize {
    let same = |run: &Run| {
        (run.goal, &run.strategy, &run.variant) == (horizon.goal, &horizon.strategy, &horizon.variant)
            && run.epochs <= horizon.epochs
    };
    runs.iter()
        .filter(|(run, scores)| scores.diverged && same(run))
        .map(|(run, _)| pair(run))
        .collect::<BTreeSet<_>>()
        .len()
}

fn line(group: &[Paired<'_>], diverged: usize) -> Line {
    let Run { goal, strategy, variant, epochs, .. } = group[0].run.clone();
    let finished: BTreeSet<_> =
        group.iter().filter(|paired| !paired.scores.diverged).map(|paired| pair(paired.run)).collect();
    let change = |role: fn(&Roles<RoleScores>) -> &RoleScores, paired: &Paired<'_>| {
        Some(BeforeAfter { before: paired.original?.dice_of(role)?, after: paired.scores.dice_of(role)? })
    };
    Line {
        goal,
        strategy,
        variant,
        epochs,
        scores: Roles {
            retain: column(group, |roles| &roles.retain),
            forget: column(group, |roles| &roles.forget),
            held_out: column(group, |roles| &roles.held_out),
        },
        forget_decrease_percent: estimate(group, |paired| change(|roles| &roles.forget, paired)?.decrease_percent()),
        retained_percent: estimate(group, |paired| change(|roles| &roles.retain, paired)?.retained_percent()),
        dice_gap: estimate(group, |paired| Some(paired.scores.dice()?.dice_gap())),
        mae_gap: estimate(group, |paired| Some(paired.scores.mae()?.mae_gap())),
        forget_dice_beyond_retrain: estimate(group, |paired| {
            Some(paired.scores.dice_of(|roles| &roles.forget)? - paired.retrain?.dice_of(|roles| &roles.forget)?)
        }),
        n: finished.iter().map(|(forgotten, _)| forgotten).collect::<BTreeSet<_>>().len(),
        runs: finished.len(),
        diverged,
        collapsed: group.iter().filter(|paired| paired.scores.collapsed).count(),
    }
}

fn column(group: &[Paired<'_>], role: fn(&Roles<RoleScores>) -> &RoleScores) -> Column {
    let mut empty = EmptyCounts::default();
    for scores in group.iter().map(|paired| role(&paired.scores.roles)) {
        empty.truth += scores.empty.truth;
        empty.prediction += scores.empty.prediction;
        empty.both += scores.empty.both;
    }
    let total = |count: fn(&RoleScores) -> usize| group.iter().map(|paired| count(role(&paired.scores.roles))).sum();
    Column {
        dice: estimate(group, |paired| mean(&role(&paired.scores.roles).dice)),
        mae: estimate(group, |paired| mean(&role(&paired.scores.roles).mae)),
        mae_probability: estimate(group, |paired| mean(&role(&paired.scores.roles).mae_probability)),
        masks: total(|scores| scores.masks),
        empty,
        subjects_without_dice: total(|scores| scores.subjects_without_dice),
    }
}

/// The estimate over the runs for which `value` returns a number.
fn estimate(group: &[Paired<'_>], value: impl Fn(&Paired<'_>) -> Option<f64>) -> Estimate {
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for paired in group {
        values.entry(&paired.run.forgotten).or_default().extend(value(paired));
    }
    Estimate::over(&values)
}

impl Table {
    /// The table as JSON, without rounding, ending in a newline.
    pub fn json(&self) -> String {
        // Text keys and finite numbers can always be written as JSON.
        serde_json::to_string_pretty(self).expect("a table is plain data") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finished, run, scored, study};
    use crate::{Role, Spread};
    use lacuna_metrics::MEAN;

    fn output(rows: &[ResultRow]) -> Table {
        let mut tables = tables(rows, ScoreGrid::Output).unwrap();
        assert_eq!(tables.len(), 1);
        tables.remove(0)
    }

    #[track_caller]
    fn line_of(table: &Table, strategy: &str, epochs: usize) -> Line {
        table.lines.iter().find(|line| line.strategy == strategy && line.epochs == epochs).unwrap().clone()
    }

    #[track_caller]
    fn near(found: Estimate, expected: f64) {
        assert!((found.mean.unwrap() - expected).abs() < 1e-12, "{found:?}, expected {expected}");
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let mut reversed = study();
        reversed.reverse();
        assert_eq!(output(&reversed), output(&study()));
    }

    #[test]
    fn the_original_lost_nothing_and_the_retrained_model_is_itself() {
        let table = output(&study());
        let original = line_of(&table, ORIGINAL, 100);
        near(original.forget_decrease_percent, 0.0);
        near(original.retained_percent, 100.0);
        near(line_of(&table, RETRAIN, 100).forget_dice_beyond_retrain, 0.0);
    }

    #[test]
    fn a_line_worked_by_hand() {
        // Noisy Label after 50 epochs: forget Dice 0.06, 0.07, 0.08, so 0.07 on average; original
        // 0.92, 0.91, 0.90; retrained 0.58, 0.59, 0.60.
        let line = line_of(&output(&study()), "noisy-label", 50);
        near(line.scores.forget.dice, 0.07);
        near(line.scores.retain.dice, 0.76);
        near(line.forget_decrease_percent, 100.0 * (1.0 - (0.06 / 0.92 + 0.07 / 0.91 + 0.08 / 0.90) / 3.0));
        near(line.retained_percent, 100.0 * 0.76 / 0.9);
        near(line.dice_gap, 0.69);
        // MAE is (1 - Dice) / 4 here.
        near(line.mae_gap, 0.69 / 4.0);
        near(line.forget_dice_beyond_retrain, -0.52);
        assert_eq!((line.n, line.runs, line.diverged), (3, 3, 0));
        // s = 0.01, t(0.975, 2) = 4.3027: 4.3027 * 0.01 / sqrt(3) = 0.02484.
        let Spread::Interval95 { half_width } = line.scores.forget.dice.spread else { panic!("expected an interval") };
        assert!((half_width - 0.02484).abs() < 1e-5);
    }

    #[test]
    fn diverged_runs_are_counted_from_their_horizon_on_and_enter_no_mean() {
        let table = output(&study());
        let after = |epochs| line_of(&table, "max-loss", epochs);
        assert_eq!((after(20).runs, after(20).diverged, after(20).scores.retain.dice.runs), (1, 1, 1));
        assert_eq!((after(50).runs, after(50).diverged, after(50).scores.retain.dice.mean), (0, 2, None));
    }

    #[test]
    fn collapsed_runs_are_counted_and_stay_in_the_means() {
        let line = line_of(&output(&study()), "fix-decoder", 50);
        assert_eq!((line.runs, line.diverged, line.collapsed, line.scores.forget.dice.mean), (1, 0, 1, Some(0.0)));
    }

    #[test]
    fn empty_masks_are_counted_where_they_were_scored() {
        let line = line_of(&output(&study()), "max-loss", 20);
        assert_eq!(line.scores.forget.empty, EmptyCounts { truth: 0, prediction: 1, both: 0 });
        assert_eq!((line.scores.forget.masks, line.scores.retain.empty.total()), (1, 0));
    }

    #[test]
    fn a_subject_without_dice_is_counted_and_does_not_enter() {
        let mut rows = study();
        let original = run(ORIGINAL, 100, "sub-01", 0);
        rows.push(scored(&original, Role::HeldOut, "void", MEAN, None));
        let line = line_of(&output(&rows), ORIGINAL, 100);
        near(line.scores.held_out.dice, 0.6);
        assert_eq!(line.scores.held_out.subjects_without_dice, 1);
    }

    #[test]
    fn without_an_original_there_is_nothing_to_compare_with() {
        let rows: Vec<_> = study().into_iter().filter(|row| row.run.strategy != ORIGINAL).collect();
        let line = line_of(&output(&rows), "noisy-label", 50);
        assert_eq!((line.retained_percent.mean, line.retained_percent.n), (None, 0));
        near(line.dice_gap, 0.69);
    }

    #[test]
    fn two_originals_for_one_run_are_refused() {
        let mut rows = study();
        finished(&mut rows, &run(ORIGINAL, 200, "sub-02", 0), [0.9, 0.9, 0.6]);
        let message = tables(&rows, ScoreGrid::Output).unwrap_err().to_string();
        assert!(message.contains("`original`") && message.contains("sub-02"), "{message}");
    }

    #[test]
    fn each_network_and_label_table_has_its_own_table() {
        let mut rows = study();
        let mut other = study();
        for row in &mut other {
            row.run.network = "resnet50".into();
        }
        rows.extend(other);
        let tables = tables(&rows, ScoreGrid::Output).unwrap();
        assert_eq!(tables.iter().map(|table| table.network.as_str()).collect::<Vec<_>>(), ["resnet10", "resnet50"]);
        assert_eq!(tables[0], output(&study()));
    }

    #[test]
    fn the_other_grid_has_its_own_scores() {
        let found = tables(&study(), ScoreGrid::Volume).unwrap();
        assert!(found.iter().flat_map(|table| &table.lines).all(|line| line.runs == 0));
    }

    #[test]
    fn json_holds_the_schema_and_every_digit() {
        let table = output(&study());
        let json = table.json();
        let mean = line_of(&table, "noisy-label", 50).forget_decrease_percent.mean.unwrap();
        assert!(json.contains(&format!("\"mean\": {mean}")), "{mean}");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["schema"], SCHEMA);
        assert_eq!(value["lines"].as_array().unwrap().len(), table.lines.len());
        assert_eq!(value["lines"][2]["scores"]["forget"]["empty"]["prediction"], 1);
    }
}
