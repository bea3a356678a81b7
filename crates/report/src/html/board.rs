//! Tables of the page that are made from a scene: the leaderboard, every run, and the values of the charts.

use super::chart::{centre, role, signed};
use super::scene::Scene;
use super::table_view::{Cell, Column, Row, TableView};
use crate::compare::{COMPARED, in_words};
use crate::figure::{DERIVED, Figure, SCORES, full_name};
use crate::{Comparison, Line, Verdict};

/// The settings, the nearest to the gate first.
pub(super) fn leaderboard(scene: &Scene, id: &str) -> TableView {
    let columns = Column::all(&[
        "#place",
        "strategy",
        "#epochs",
        "#passed",
        "#strain",
        "hardest",
        "#forget Dice",
        "#retain Dice",
        "#held-out Dice",
        "#forget beyond retrained",
        "#cost, % of retraining",
        "#diverged",
        "#collapsed",
    ]);
    let rows = scene.ranked.iter().enumerate().map(|(index, ranked)| {
        let line = scene.lines.iter().find(|line| {
            (line.goal, &line.strategy, &line.variant, line.epochs)
                == (ranked.goal, &ranked.strategy, &ranked.variant, ranked.epochs)
        });
        let series = scene.series_of(&ranked.strategy, &ranked.variant);
        let of = |value: fn(&Line) -> Option<f64>| Cell::number(line.and_then(value), 4);
        let cost = series.and_then(|series| scene.fractions.get(&(series, ranked.epochs)));
        let passed = Cell::said(format!("{} of {}", ranked.passed, ranked.runs), Some(ranked.passed as f64));
        let tone = match ranked.passed {
            0 => "",
            passed if passed == ranked.runs => "pass",
            _ => "partly",
        };
        let cells = vec![
            Cell::count(index + 1),
            Cell::text(crate::figure::name_of(&ranked.strategy, &ranked.variant)),
            Cell::count(ranked.epochs),
            passed.toned(tone),
            Cell::number(ranked.strain.filter(|strain| strain.is_finite()), 2),
            Cell::text(Some(ranked.hardest_in_words()).filter(|words| !words.is_empty()).unwrap_or("–".to_string())),
            of(|line| line.scores.forget.dice.mean),
            of(|line| line.scores.retain.dice.mean),
            of(|line| line.scores.held_out.dice.mean),
            of(|line| line.forget_dice_beyond_retrain.mean),
            Cell::number(cost.map(|fraction| 100.0 * fraction), 1),
            Cell::count(ranked.diverged),
            Cell::count(line.map_or(0, |line| line.collapsed)),
        ];
        Row { series, cells }
    });
    let caption = format!("Leaderboard, {}: Dice on grid {}", scene.goal(), scene.gate.thresholds.grid);
    TableView { id: id.to_string(), caption, is_sortable: true, columns, rows: rows.collect() }
}

/// All runs with their verdicts and criteria.
pub(super) fn runs(scene: &Scene, id: &str) -> TableView {
    let names = scene.gate.names();
    let mut columns = Column::all(&["strategy", "#epochs", "forgotten", "#seed", "verdict"]);
    columns.extend(names.iter().map(|name| Column { name: name.to_string(), is_number: true }));
    let rows = scene.gate.judged.iter().map(|judged| {
        let (verdict, tone) = match judged.verdict {
            Verdict::Pass => ("✓ pass", "pass"),
            Verdict::Fail => ("✗ fail", "fail"),
            Verdict::NotAssessable => ("? not assessable", ""),
            Verdict::SaysNothing => ("? says nothing", ""),
        };
        let verdict = judged.note.as_ref().map_or(verdict.to_string(), |note| format!("{verdict}: {note}"));
        let mut cells = vec![
            Cell::text(crate::figure::name_of(&judged.strategy, &judged.variant)),
            Cell::count(judged.epochs),
            Cell::text(judged.forgotten.clone()),
            Cell::said(judged.seed.to_string(), Some(judged.seed as f64)),
            Cell::text(verdict).toned(tone),
        ];
        cells.extend(names.iter().map(|name| {
            let found = judged.criteria.iter().find(|criterion| criterion.name == *name);
            found.map_or(Cell::text("–"), |criterion| {
                let tone = match criterion.met {
                    Some(true) => "pass",
                    Some(false) => "fail",
                    None => "",
                };
                Cell::said(criterion.in_words(), criterion.value).toned(tone)
            })
        }));
        Row { series: scene.series_of(&judged.strategy, &judged.variant), cells }
    });
    let caption = format!("Every run before the gate of {}", scene.goal());
    TableView { id: id.to_string(), caption, is_sortable: true, columns, rows: rows.collect() }
}

/// The values of the scatter chart.
pub(super) fn points(scene: &Scene, id: &str) -> TableView {
    let columns = Column::all(&["strategy", "#epochs", "#runs", "#forget Dice minus retrained", "#retain Dice lost"]);
    let row = |series: usize, epochs, points: Vec<_>| {
        let [forget, lost] = centre(&points);
        let cells = vec![
            Cell::text(scene.name(series)),
            Cell::count(epochs),
            Cell::count(points.len()),
            Cell::said(signed(forget), Some(forget)),
            Cell::said(signed(lost), Some(lost)),
        ];
        Row { series: Some(series), cells }
    };
    let all = (0..scene.series.len())
        .flat_map(|series| scene.horizons(series).into_iter().map(move |(epochs, points)| (series, epochs, points)));
    let rows = all.map(|(series, epochs, points)| row(series, epochs, points)).collect();
    let caption = "Trade-off in figures: means over runs".to_string();
    TableView { id: id.to_string(), caption, is_sortable: false, columns, rows }
}

/// The values of the slope charts.
pub(super) fn people(scene: &Scene, id: &str) -> TableView {
    let columns = Column::all(&["strategy", "#epochs", "subject", "role", "#original", "#unlearned", "#retrained"]);
    let rows = scene.slopes.iter().flat_map(|slope| {
        slope.people.iter().map(|person| {
            let mut cells = vec![
                Cell::text(scene.name(slope.series)),
                Cell::count(slope.epochs),
                Cell::text(person.name.clone()),
                Cell::text(role(person.role)),
            ];
            cells.extend(person.dice.map(|dice| Cell::number(dice, 4)));
            Row { series: Some(slope.series), cells }
        })
    });
    let caption = "Dice of each subject, averaged over runs".to_string();
    TableView { id: id.to_string(), caption, is_sortable: false, columns, rows: rows.collect() }
}

/// The values of the curves.
pub(super) fn epochs(scene: &Scene, id: &str) -> TableView {
    let columns = Column::all(&["strategy", "#epochs", "#forget Dice", "#retain Dice", "#held-out Dice"]);
    let rows = scene.curves.iter().flat_map(|curve| {
        curve.points.iter().map(|(epochs, roles)| {
            let mut cells = vec![Cell::text(scene.name(curve.series)), Cell::count(*epochs)];
            cells.extend([roles.forget, roles.retain, roles.held_out].map(|dice| Cell::number(dice, 4)));
            Row { series: Some(curve.series), cells }
        })
    });
    let caption = "Dice over epochs, averaged over runs".to_string();
    TableView { id: id.to_string(), caption, is_sortable: false, columns, rows: rows.collect() }
}

/// Runs side by side, with one table for each figure that any of them has.
pub(super) fn compared(comparison: &Comparison, id: &str) -> Vec<TableView> {
    let table = |(index, figure): (usize, &crate::compare::Compared)| {
        let mut columns = Column::all(&["network", "labels", "goal", "strategy", "#epochs"]);
        columns.extend(comparison.runs.iter().map(|name| Column { name: name.clone(), is_number: true }));
        let rows: Vec<Row> = comparison
            .settings
            .iter()
            .map(|setting| {
                let mut cells = vec![
                    Cell::text(setting.network.clone()),
                    Cell::text(setting.labels.clone()),
                    Cell::text(setting.goal.to_string()),
                    Cell::text(setting.name()),
                    Cell::count(setting.epochs),
                ];
                cells.extend((0..comparison.runs.len()).map(|run| {
                    let found = setting.cell(*figure, run);
                    Cell::said(in_words(found), found.0)
                }));
                Row { series: None, cells }
            })
            .collect();
        let caption = format!("{}, grid {}", figure.name, comparison.grid);
        TableView { id: format!("{id}-{index}"), caption, is_sortable: true, columns, rows }
    };
    COMPARED.iter().enumerate().map(table).collect()
}

/// The paper's table on one grid, as in the other formats.
pub(super) fn table(table: &crate::Table, id: &str) -> TableView {
    let figures: Vec<&Figure> = SCORES.iter().chain(&DERIVED).collect();
    let mut columns = Column::all(&["goal", "strategy", "#epochs"]);
    columns.extend(
        figures.iter().map(|figure| Column { name: format!("{}: {}", figure.group, figure.name), is_number: true }),
    );
    columns.extend(Column::all(&["#n", "#runs", "#div"]));
    let rows = table.lines.iter().map(|line| {
        let mut cells = vec![Cell::text(line.goal.to_string()), Cell::text(full_name(line)), Cell::count(line.epochs)];
        cells.extend(figures.iter().map(|figure| {
            Cell::said(format!("{} {}", figure.mean(line), figure.spread(line)).trim_end(), figure.value(line))
        }));
        cells.extend([line.n, line.runs, line.diverged].map(Cell::count));
        Row { series: None, cells }
    });
    let caption = crate::figure::heading(table);
    TableView { id: id.to_string(), caption, is_sortable: true, columns, rows: rows.collect() }
}
