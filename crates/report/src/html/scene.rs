//! The data to draw for one goal: every run beside the models that it is compared with.
//!
//! One scene per network, label table and goal, so nothing that is drawn can mix two goals. All figures are on the
//! gate's grid.

use crate::estimate::mean;
use crate::facts::{Facts, References, Runs, by_setting, references};
use crate::row::sorted;
use crate::{
    CurveRow, Gate, Goal, Line, ORIGINAL, ProbeRow, RETRAIN, Ranked, ReportError, ResultRow, Role, Roles, Run,
    Thresholds, gates, ranked, tables,
};
use lacuna_metrics::MEAN;
use std::collections::{BTreeMap, BTreeSet};

/// The runs of one goal, with one network and label table.
pub(super) struct Scene {
    pub(super) gate: Gate,
    /// The settings, the nearest to the gate first.
    pub(super) ranked: Vec<Ranked>,
    /// The strategies in the order of [`Scene::ranked`], each with its differences.
    pub(super) series: Vec<(String, String)>,
    /// The runs that have both distances.
    pub(super) points: Vec<Point>,
    /// The retrained models, each relative to the mean of its own subject's.
    pub(super) cloud: Vec<[f64; 2]>,
    /// The number of subjects of `cloud`.
    pub(super) cloud_subjects: usize,
    /// The originals, relative to the retrained models of the same subject.
    pub(super) originals: Vec<[f64; 2]>,
    /// The subjects' Dice under the three models, for each series at its last horizon.
    pub(super) slopes: Vec<Slope>,
    /// Dice over epochs, for each series.
    pub(super) curves: Vec<Curve>,
    /// Whether the curves come from `curves.csv`; otherwise they connect the horizons.
    pub(super) is_curve_measured: bool,
    /// The lines of the table, those of reference models included.
    pub(super) lines: Vec<Line>,
    /// The cost as a share of a retraining, by series and horizon.
    pub(super) fractions: BTreeMap<(usize, usize), f64>,
}

/// One run, relative to the retrained models of the same forgotten subject.
pub(super) struct Point {
    pub(super) series: usize,
    pub(super) epochs: usize,
    pub(super) forgotten: String,
    pub(super) seed: u64,
    /// Forget Dice minus the retrained models' mean. Above 0 some memory is left; below 0 the subject stands out as
    /// forgotten.
    pub(super) forget: f64,
    /// The retrained models' mean retain Dice minus the run's: above 0 the others have lost Dice.
    pub(super) retain_lost: f64,
}

/// The subjects' Dice under the original, the unlearned and the retrained model.
pub(super) struct Slope {
    pub(super) series: usize,
    pub(super) epochs: usize,
    pub(super) people: Vec<Person>,
}

/// One subject, averaged over runs.
pub(super) struct Person {
    pub(super) role: Role,
    pub(super) name: String,
    /// Dice under the original, the unlearned and the retrained model.
    pub(super) dice: [Option<f64>; 3],
}

/// Dice by role over epochs, averaged over runs.
pub(super) struct Curve {
    pub(super) series: usize,
    pub(super) points: Vec<(usize, Roles<Option<f64>>)>,
}

/// The scene of every goal that has runs.
///
/// # Errors
/// If there are rows that no study writes.
pub(super) fn scenes(
    rows: &[ResultRow],
    probes: &[ProbeRow],
    curves: &[CurveRow],
    thresholds: &Thresholds,
) -> Result<Vec<Scene>, ReportError> {
    let gates = gates(rows, probes, thresholds)?;
    let settings = by_setting(rows)?;
    let tables = tables(rows, thresholds.grid)?;
    let dice = by_person(rows, thresholds)?;
    let of_gate = |gate: Gate| {
        let here = |&(network, labels): &(&str, &str)| (network, labels) == (&*gate.network, &*gate.labels);
        let (_, runs) = settings.iter().find(|(setting, _)| here(setting)).expect("a gate is of these rows");
        let lines = tables.iter().find(|table| (&table.network, &table.labels) == (&gate.network, &gate.labels));
        let lines = lines.map_or(Vec::new(), |table| table.lines.clone());
        scene(gate, runs, &dice, curves, lines)
    };
    gates.into_iter().map(of_gate).collect()
}

fn scene(
    gate: Gate,
    runs: &Runs<'_>,
    dice: &ByPerson<'_>,
    curves: &[CurveRow],
    lines: Vec<Line>,
) -> Result<Scene, ReportError> {
    let ranked = ranked(&gate);
    let mut series: Vec<(String, String)> = Vec::new();
    for one in &ranked {
        let key = (one.strategy.clone(), one.variant.clone());
        if !series.contains(&key) {
            series.push(key);
        }
    }
    let index: BTreeMap<(&str, &str), usize> = series
        .iter()
        .enumerate()
        .map(|(index, (strategy, variant))| ((strategy.as_str(), variant.as_str()), index))
        .collect();
    let series_of = |run: &Run| index.get(&(run.strategy.as_str(), run.variant.as_str())).copied();
    let own: Vec<(usize, &Run, &Facts)> = runs
        .iter()
        .filter(|(run, facts)| run.goal == gate.goal && !facts.diverged)
        .filter_map(|(&run, facts)| Some((series_of(run)?, run, facts)))
        .collect();
    let beside = Beside { originals: references(runs, ORIGINAL)?, retrained: references(runs, RETRAIN)?, gate: &gate };
    let (points, cloud, originals) = (beside.points(&own), beside.cloud(), beside.originals());
    let cloud_subjects = beside.retrained.len();
    let slopes = slopes(&own, &beside, dice);
    let measured = measured_curves(curves, &gate, series_of);
    let is_curve_measured = !measured.is_empty();
    let curves = if is_curve_measured { measured } else { beside.horizons(&own) };
    let mut costs: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for (series, run, facts) in &own {
        costs.entry((*series, run.epochs)).or_default().extend(facts.cost.retraining_fraction);
    }
    let fractions = costs.into_iter().filter_map(|(key, costs)| Some((key, mean(&costs)?))).collect();
    Ok(Scene {
        ranked,
        series,
        points,
        cloud,
        cloud_subjects,
        originals,
        slopes,
        curves,
        is_curve_measured,
        lines,
        fractions,
        gate,
    })
}

/// The reference models that runs are compared with.
struct Beside<'a> {
    originals: References<'a>,
    retrained: References<'a>,
    gate: &'a Gate,
}

impl Beside<'_> {
    fn sides(&self, facts: &Facts) -> Option<[f64; 2]> {
        let grid = self.gate.thresholds.grid;
        Some([facts.dice(grid, |roles| &roles.forget)?, facts.dice(grid, |roles| &roles.retain)?])
    }

    /// Mean forget and retain Dice of a subject's retrained models.
    fn centre(&self, forgotten: &str) -> Option<[f64; 2]> {
        let models = self.retrained.get(forgotten)?.values();
        let sides: Vec<[f64; 2]> = models.filter_map(|(_, facts)| self.sides(facts)).collect();
        let side = |side: usize| mean(&sides.iter().map(|sides| sides[side]).collect::<Vec<_>>());
        Some([side(0)?, side(1)?])
    }

    /// Forget Dice above, and retain Dice below, those of the retrained models.
    fn distances(&self, forgotten: &str, facts: &Facts) -> Option<[f64; 2]> {
        let ([forget, retain], centre) = (self.sides(facts)?, self.centre(forgotten)?);
        Some([forget - centre[0], centre[1] - retain])
    }

    fn points(&self, own: &[(usize, &Run, &Facts)]) -> Vec<Point> {
        let point = |&(series, run, facts): &(usize, &Run, &Facts)| {
            let [forget, retain_lost] = self.distances(&run.forgotten, facts)?;
            let (epochs, forgotten, seed) = (run.epochs, run.forgotten.clone(), run.seed);
            Some(Point { series, epochs, forgotten, seed, forget, retain_lost })
        };
        own.iter().filter_map(point).collect()
    }

    fn cloud(&self) -> Vec<[f64; 2]> {
        self.of(&self.retrained)
    }

    fn originals(&self) -> Vec<[f64; 2]> {
        self.of(&self.originals)
    }

    fn of(&self, models: &References<'_>) -> Vec<[f64; 2]> {
        let all = models.iter().flat_map(|(&forgotten, seeds)| seeds.values().map(move |model| (forgotten, model.1)));
        all.filter_map(|(forgotten, facts)| self.distances(forgotten, facts)).collect()
    }

    /// Curves from the horizons alone: the original at 0 epochs, then every horizon.
    fn horizons(&self, own: &[(usize, &Run, &Facts)]) -> Vec<Curve> {
        let mut values: BTreeMap<(usize, usize), Vec<Roles<Option<f64>>>> = BTreeMap::new();
        let grid = self.gate.thresholds.grid;
        let roles = |facts: &Facts| Roles {
            retain: facts.dice(grid, |roles| &roles.retain),
            forget: facts.dice(grid, |roles| &roles.forget),
            held_out: facts.dice(grid, |roles| &roles.held_out),
        };
        let mut begun = BTreeSet::new();
        for &(series, run, facts) in own {
            let original = self.originals.get(run.forgotten.as_str()).and_then(|seeds| seeds.get(&run.seed));
            if let Some((_, original)) = original
                && begun.insert((series, &run.forgotten, run.seed))
            {
                values.entry((series, 0)).or_default().push(roles(original));
            }
            values.entry((series, run.epochs)).or_default().push(roles(facts));
        }
        joined(values)
    }
}

fn measured_curves(curves: &[CurveRow], gate: &Gate, series_of: impl Fn(&Run) -> Option<usize>) -> Vec<Curve> {
    let mut values: BTreeMap<(usize, usize), Vec<Roles<Option<f64>>>> = BTreeMap::new();
    let here = |run: &Run| (run.goal, &run.network, &run.labels) == (gate.goal, &gate.network, &gate.labels);
    for row in curves.iter().filter(|row| here(&row.run)) {
        if let Some(series) = series_of(&row.run) {
            values.entry((series, row.run.epochs)).or_default().push(row.dice);
        }
    }
    joined(values)
}

/// A number of epochs, and mean Dice by role after it.
type CurvePoint = (usize, Roles<Option<f64>>);

fn joined(values: BTreeMap<(usize, usize), Vec<Roles<Option<f64>>>>) -> Vec<Curve> {
    let mut curves: BTreeMap<usize, Vec<CurvePoint>> = BTreeMap::new();
    for ((series, epochs), runs) in values {
        let of = |role: fn(&Roles<Option<f64>>) -> Option<f64>| mean(&runs.iter().filter_map(role).collect::<Vec<_>>());
        let roles = Roles { retain: of(|r| r.retain), forget: of(|r| r.forget), held_out: of(|r| r.held_out) };
        curves.entry(series).or_default().push((epochs, roles));
    }
    curves.into_iter().map(|(series, points)| Curve { series, points }).collect()
}

/// The mean Dice of each subject, by run.
type ByPerson<'a> = BTreeMap<&'a Run, BTreeMap<(Role, &'a str), Option<f64>>>;

fn by_person<'a>(rows: &'a [ResultRow], thresholds: &Thresholds) -> Result<ByPerson<'a>, ReportError> {
    let mut people = ByPerson::new();
    for row in sorted(rows)? {
        let Some(scored) = row.scored().filter(|scored| scored.grid == thresholds.grid && scored.score.name == MEAN)
        else {
            continue;
        };
        people.entry(&row.run).or_default().insert((scored.role, &scored.subject), scored.score.dice);
    }
    Ok(people)
}

fn slopes(own: &[(usize, &Run, &Facts)], beside: &Beside<'_>, dice: &ByPerson<'_>) -> Vec<Slope> {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for (series, run, _) in own {
        let epochs = last.entry(*series).or_default();
        *epochs = run.epochs.max(*epochs);
    }
    let of_series = |(series, epochs): (usize, usize)| {
        let mut people: BTreeMap<(Role, &str), [Vec<f64>; 3]> = BTreeMap::new();
        for (_, run, _) in own.iter().filter(|(found, run, _)| (*found, run.epochs) == (series, epochs)) {
            let reference = |models: &References<'_>| {
                let (reference, _) = models.get(run.forgotten.as_str())?.get(&run.seed)?;
                dice.get(*reference).cloned()
            };
            let models = [reference(&beside.originals), dice.get(run).cloned(), reference(&beside.retrained)];
            for (&key, _) in
                dice.get(run).into_iter().flatten().filter(|((role, _), _)| *role != Role::ForgottenEarlier)
            {
                let values = people.entry(key).or_default();
                // The retrained model was not trained on the forgotten subject, in whatever role it was scored.
                let of = |model: &BTreeMap<(Role, &str), Option<f64>>| {
                    model.iter().find(|((_, name), _)| *name == key.1).and_then(|(_, dice)| *dice)
                };
                for (values, model) in values.iter_mut().zip(&models) {
                    values.extend(model.as_ref().and_then(of));
                }
            }
        }
        let person = |((role, name), values): ((Role, &str), [Vec<f64>; 3])| Person {
            role,
            name: name.to_string(),
            dice: values.map(|values| mean(&values)),
        };
        Slope { series, epochs, people: people.into_iter().map(person).collect() }
    };
    last.into_iter().map(of_series).collect()
}

impl Scene {
    /// The name of a series.
    pub(super) fn name(&self, series: usize) -> String {
        let (strategy, variant) = &self.series[series];
        crate::figure::name_of(strategy, variant)
    }

    /// The index of the series of a strategy with these differences.
    pub(super) fn series_of(&self, strategy: &str, variant: &str) -> Option<usize> {
        self.series.iter().position(|(one, other)| (one.as_str(), other.as_str()) == (strategy, variant))
    }

    /// The points of a series, by horizon.
    pub(super) fn horizons(&self, series: usize) -> BTreeMap<usize, Vec<&Point>> {
        let mut horizons: BTreeMap<usize, Vec<&Point>> = BTreeMap::new();
        for point in self.points.iter().filter(|point| point.series == series) {
            horizons.entry(point.epochs).or_default().push(point);
        }
        horizons
    }

    /// One standard deviation of the retrained models from their own subject's mean, along both axes; `None` if no
    /// subject has two models that differ.
    pub(super) fn spread(&self) -> Option<[f64; 2]> {
        let degrees = self.cloud.len().checked_sub(self.cloud_subjects).filter(|&degrees| degrees > 0)?;
        let along =
            |axis: usize| (self.cloud.iter().map(|point| point[axis].powi(2)).sum::<f64>() / degrees as f64).sqrt();
        let spread = [along(0), along(1)];
        spread.iter().any(|&deviation| deviation > 0.0).then_some(spread)
    }

    /// Numbers the series as in another scene of the same runs, so that one legend serves both.
    pub(super) fn name_series_as(&mut self, other: &Scene) {
        let indices: Vec<Option<usize>> =
            self.series.iter().map(|(strategy, variant)| other.series_of(strategy, variant)).collect();
        self.points.retain_mut(|point| match indices[point.series] {
            Some(index) => {
                point.series = index;
                true
            }
            None => false,
        });
        self.series.clone_from(&other.series);
    }

    /// The goal of the runs.
    pub(super) fn goal(&self) -> Goal {
        self.gate.goal
    }
}
