//! Rows -> one HTML page that needs nothing but itself.
//!
//! The page opens from a disk, without a network, and its policy forbids it one. Everything that is shown is drawn
//! here, so it is there without a script and on paper; the script turns sections into tabs, sorts, filters, singles out
//! a strategy, and hands the embedded rows out as CSV. Names come from users: templates and drawings escape every text,
//! and the rows lie in a data block in which no letter means anything to HTML.
//!
//! Slices of scans are there only where [`Pictures`] bring them, and of nobody who is forgotten unless all were asked
//! for.
//!
//! Deliberately absent: the clock, and any figure that [`gates`](crate::gates()), [`tables`](crate::tables()), the rows
//! and the volumes do not give.

mod audit;
mod board;
mod chart;
mod island;
mod ledger;
mod names;
mod niivue;
mod paper;
mod pictures;
mod policy;
mod scene;
mod svg;
mod table_view;
#[cfg(test)]
mod tests;
mod verdict;

pub use audit::read_audit;
pub use island::DATA_SCHEMA;
pub use ledger::{Event, EventTone, Timeline};
pub use names::{Names, without_ids};
pub use niivue::NiiVue;
pub use pictures::{Images, ModelKind, PICTURE_BYTES_MAX, Pictures, SaidMap, Seen};

use crate::figure::{EXPLANATION, notes};
use crate::{
    Comparison, CurveRow, ProbeRow, ReportError, ResultRow, ScoreGrid, Thresholds, curves, probes, results, tables,
};
use askama::Template;
use audit::AuditView;
use names::Numbered;
use pictures::{PicturesView, pictures_view};
use scene::{Scene, scenes};
use std::collections::BTreeSet;
use std::path::Path;
use table_view::TableView;
use verdict::VerdictView;

/// What a page is made of.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What it is called.
    pub title: &'a str,
    /// Every result.
    pub rows: &'a [ResultRow],
    /// What probing found, if anything was probed.
    pub probes: &'a [ProbeRow],
    /// Dice over epochs, if it was measured between the horizons.
    pub curves: &'a [CurveRow],
    /// What a reader should know of the run, by name.
    pub facts: &'a [(String, String)],
    /// What strategies do and where they come from; those without a result are left out.
    pub methods: &'a [Method],
    /// What the gates ask for.
    pub thresholds: Thresholds,
    /// How people are called.
    pub names: Names,
    /// Everybody in the data, where they are known: with [`Names::Numbers`] no text holds an id of theirs.
    pub cohort: &'a BTreeSet<String>,
    /// Scans to look at, if any may be.
    pub pictures: Option<&'a Pictures>,
    /// What shows them in three dimensions too, if it is at hand.
    pub niivue: Option<&'a NiiVue>,
    /// An audit, if there was one.
    pub audit: Option<&'a lacuna_audit::Report>,
    /// A ledger's events, if somebody asked for them.
    pub ledger: Option<&'a Timeline>,
    /// Runs side by side, on each grid.
    pub compared: &'a [Comparison],
    /// How far a run that is under way has come; the page then offers to read itself again.
    pub running: Option<&'a str>,
}

/// A strategy in words.
#[derive(Clone, Debug)]
pub struct Method {
    /// As rows call it.
    pub name: String,
    /// What it does.
    pub about: String,
    /// The paper that it comes from.
    pub source: String,
}

/// A chart as a file of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartFile {
    /// For a file name, without its ending.
    pub name: String,
    /// The drawing.
    pub svg: String,
}

/// The page.
///
/// # Errors
/// Rows that no study writes.
pub fn page(source: &Source<'_>) -> Result<String, ReportError> {
    if source.names == Names::Numbers {
        let numbered = names::numbered(source);
        let Numbered { rows, probes, curves, audit, compared, numbers } = &numbered;
        // Somebody without a row has no number, and no name either.
        let call = |name: &str| numbers.get(name).cloned().unwrap_or_else(|| "somebody".to_string());
        let pictures = source.pictures.and_then(|pictures| pictures_view(pictures, source.rows, &call));
        let (names, audit) = (Names::AsRecorded, audit.as_ref());
        return rendered(&Source { rows, probes, curves, names, audit, compared, ..*source }, pictures);
    }
    let pictures = source.pictures.and_then(|pictures| pictures_view(pictures, source.rows, &str::to_string));
    rendered(source, pictures)
}

fn rendered(source: &Source<'_>, pictures: Option<PicturesView>) -> Result<String, ReportError> {
    let scenes = scenes_of(source, &source.thresholds)?;
    let other = Thresholds { grid: other_grid(source.thresholds.grid), ..source.thresholds };
    let mut elsewhere = scenes_of(source, &other)?;
    elsewhere.iter_mut().zip(&scenes).for_each(|(scene, first)| scene.name_series_as(first));
    let tables: Vec<crate::Table> = [ScoreGrid::Volume, ScoreGrid::Output]
        .map(|grid| tables(source.rows, grid))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    let island = island::island(source.title, &sheets(source)?);
    let niivue = source.niivue.filter(|_| pictures.as_ref().is_some_and(|pictures| !pictures.scans.is_empty()));
    let niivue = niivue.map(NiiVue::script);
    let page = Page {
        title: source.title,
        policy: policy::policy(SCRIPT, STYLE, niivue),
        style: STYLE,
        script: SCRIPT,
        island: &island,
        version: env!("CARGO_PKG_VERSION"),
        facts: source.facts,
        goals: scenes
            .iter()
            .zip(&elsewhere)
            .enumerate()
            .map(|(index, (scene, elsewhere))| goal(index, scene, elsewhere, source))
            .collect(),
        paper: tables
            .iter()
            .enumerate()
            .map(|(index, table)| paper::beside_the_paper(table, &format!("paper-{index}")))
            .collect(),
        tables: tables
            .iter()
            .enumerate()
            .map(|(index, table)| board::table(table, &format!("table-{index}")))
            .collect(),
        notes: EXPLANATION.iter().map(|text| text.to_string()).chain(tables.iter().flat_map(notes)).collect(),
        methods: methods(source),
        pictures,
        niivue,
        audit: source.audit.map(audit::view),
        ledger: source.ledger,
        // An audit has no rows of its own; what is made of rows is left out then.
        has_rows: !source.rows.is_empty() || (source.audit.is_none() && source.compared.is_empty()),
        compared: source
            .compared
            .iter()
            .enumerate()
            .flat_map(|(grid, comparison)| board::compared(comparison, &format!("compare-{grid}")))
            .collect(),
        running: source.running,
        has_probes: !source.probes.is_empty(),
        has_curves: !source.curves.is_empty(),
        row_count: source.rows.len(),
    };
    Ok(page.render().expect("writing to a text does not fail"))
}

/// Every chart of the page as a file of its own.
///
/// # Errors
/// Rows that no study writes.
pub fn charts(source: &Source<'_>) -> Result<Vec<ChartFile>, ReportError> {
    if source.names == Names::Numbers {
        let Numbered { rows, probes, curves, .. } = &names::numbered(source);
        return charts(&Source { rows, probes, curves, names: Names::AsRecorded, ..*source });
    }
    let mut files = Vec::new();
    for scene in scenes(source.rows, source.probes, source.curves, &source.thresholds)? {
        let setting =
            [&scene.gate.network, &scene.gate.labels, &scene.goal().to_string()].map(|part| file_name(part)).join("-");
        let mut add = |name: String, drawing: chart::Drawing| files.push(ChartFile { name, svg: drawing.standalone() });
        if let Some(drawing) = chart::scatter(&scene) {
            add(format!("{setting}-tradeoff"), drawing);
        }
        for (kind, drawings) in [("subjects", chart::slopes(&scene)), ("epochs", chart::curves(&scene))] {
            for (series, drawing) in drawings {
                add(format!("{setting}-{kind}-{:02}-{}", series + 1, file_name(&scene.series[series].0)), drawing);
            }
        }
    }
    Ok(files)
}

fn scenes_of(source: &Source<'_>, thresholds: &Thresholds) -> Result<Vec<Scene>, ReportError> {
    scenes(source.rows, source.probes, source.curves, thresholds)
}

fn other_grid(grid: ScoreGrid) -> ScoreGrid {
    match grid {
        ScoreGrid::Output => ScoreGrid::Volume,
        ScoreGrid::Volume => ScoreGrid::Output,
    }
}

fn file_name(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).take(40).collect()
}

fn sheets(source: &Source<'_>) -> Result<Vec<(&'static str, Vec<u8>)>, ReportError> {
    let mut sheets = vec![("results", results::encoded(Path::new("results.csv"), source.rows)?)];
    if !source.probes.is_empty() {
        sheets.push(("probes", probes::encoded(Path::new("probes.csv"), source.probes)?));
    }
    if !source.curves.is_empty() {
        sheets.push(("curves", curves::encoded(Path::new("curves.csv"), source.curves)?));
    }
    Ok(sheets)
}

fn methods(source: &Source<'_>) -> Vec<Method> {
    let is_there = |method: &&Method| source.rows.iter().any(|row| row.run.strategy == method.name);
    source.methods.iter().filter(is_there).cloned().collect()
}

const STYLE: &str = include_str!("page.css");

/// One module after the other; each is a function that calls itself and shares nothing but the page.
const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("script/tabs.js"),
    include_str!("script/tables.js"),
    include_str!("script/series.js"),
    include_str!("script/grid.js"),
    include_str!("script/viewer.js"),
    include_str!("script/solid.js"),
    include_str!("script/audit.js"),
    include_str!("script/running.js"),
    include_str!("script/download.js"),
    include_str!("script/theme.js"),
);

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    policy: String,
    style: &'static str,
    script: &'static str,
    island: &'a str,
    version: &'static str,
    facts: &'a [(String, String)],
    goals: Vec<GoalView>,
    paper: Vec<TableView>,
    tables: Vec<TableView>,
    notes: Vec<String>,
    methods: Vec<Method>,
    pictures: Option<PicturesView>,
    niivue: Option<&'a str>,
    audit: Option<AuditView>,
    ledger: Option<&'a Timeline>,
    has_rows: bool,
    compared: Vec<TableView>,
    running: Option<&'a str>,
    has_probes: bool,
    has_curves: bool,
    row_count: usize,
}

/// Everything that is shown of one goal.
struct GoalView {
    id: String,
    name: String,
    setting: String,
    aim: &'static str,
    asked: String,
    verdict: VerdictView,
    scatter: Option<String>,
    /// The same on the other grid.
    elsewhere: Option<String>,
    grids: [String; 2],
    legend: Vec<LegendView>,
    points: TableView,
    slopes: Vec<Small>,
    people: TableView,
    curves: Vec<Small>,
    is_curve_measured: bool,
    epochs: TableView,
    leaderboard: TableView,
    runs: TableView,
}

/// A small chart with what stands below it.
struct Small {
    series: usize,
    caption: String,
    svg: String,
}

/// A series as the legend has it.
struct LegendView {
    series: usize,
    class: String,
    shape: &'static str,
    colour: &'static str,
    name: String,
}

fn goal(index: usize, scene: &Scene, elsewhere: &Scene, source: &Source<'_>) -> GoalView {
    let id = format!("goal-{index}");
    let part = |name: &str| format!("{id}-{name}");
    let small = |kind: &str, drawings: Vec<(usize, chart::Drawing)>| -> Vec<Small> {
        let small = |(series, drawing): (usize, chart::Drawing)| Small {
            series,
            caption: drawing.title.clone(),
            svg: drawing.inline(&format!("{id}-{kind}-{series}")),
        };
        drawings.into_iter().map(small).collect()
    };
    let legend = |series| LegendView {
        series,
        class: chart::class(series),
        shape: chart::shape(series),
        colour: chart::colour(series),
        name: scene.name(series),
    };
    GoalView {
        name: scene.goal().to_string(),
        setting: format!(
            "{} on {}, Dice on grid {}",
            scene.gate.network, scene.gate.labels, scene.gate.thresholds.grid
        ),
        aim: match scene.goal() {
            crate::Goal::MatchRetrain => "Not to be told from a model that never saw the subject.",
            _ => {
                "The subject's Dice gone, everybody else's kept: the paper's protocol. A low forget Dice is not erasure."
            }
        },
        asked: scene.gate.explanation(),
        verdict: verdict::verdict(scene, source.probes, source.audit.is_some()),
        scatter: chart::scatter(scene).map(|drawing| drawing.inline(&part("tradeoff"))),
        elsewhere: chart::scatter(elsewhere).map(|drawing| drawing.inline(&part("tradeoff-elsewhere"))),
        grids: [scene, elsewhere].map(|scene| scene.gate.thresholds.grid.to_string()),
        legend: (0..scene.series.len()).map(legend).collect(),
        points: board::points(scene, &part("points")),
        slopes: small("subjects", chart::slopes(scene)),
        people: board::people(scene, &part("people")),
        curves: small("epochs", chart::curves(scene)),
        is_curve_measured: scene.is_curve_measured,
        epochs: board::epochs(scene, &part("epochs-table")),
        leaderboard: board::leaderboard(scene, &part("leaderboard")),
        runs: board::runs(scene, &part("runs")),
        id,
    }
}
