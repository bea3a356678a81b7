//! Renders rows as one HTML page that needs no other file.
//!
//! The page opens from a disk, without a network, and its content policy forbids network access. Everything shown is
//! rendered here, so it is visible without the script and in print; the script turns sections into tabs, sorts,
//! filters, highlights a strategy, and exports the embedded rows as CSV. Names come from users: templates and drawings
//! escape every text, and the rows lie in a data block whose characters have no meaning in HTML.
//!
//! Slices of scans appear only where [`Pictures`] contain them, and none of a forgotten subject unless all were asked
//! for.
//!
//! Deliberately absent: the clock, and any figure that does not come from [`gates`](crate::gates()),
//! [`tables`](crate::tables()), the rows or the volumes.

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

/// The content of a page.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The title of the page.
    pub title: &'a str,
    /// The rows of all results.
    pub rows: &'a [ResultRow],
    /// The results of probing; empty if nothing was probed.
    pub probes: &'a [ProbeRow],
    /// Dice over epochs; empty if it was not measured between the horizons.
    pub curves: &'a [CurveRow],
    /// Notes on the run for the reader, by name.
    pub facts: &'a [(String, String)],
    /// Descriptions and sources of strategies; those without a result are left out.
    pub methods: &'a [Method],
    /// The limits that the gates apply.
    pub thresholds: Thresholds,
    /// The names under which people are shown.
    pub names: Names,
    /// All subjects of the data, where they are known: with [`Names::Numbers`] no text of the page holds an id of them.
    pub cohort: &'a BTreeSet<String>,
    /// Scans to show, if they may be shown.
    pub pictures: Option<&'a Pictures>,
    /// The NiiVue script for the three-dimensional view, if its file was given.
    pub niivue: Option<&'a NiiVue>,
    /// The audit to show, if there was one.
    pub audit: Option<&'a lacuna_audit::Report>,
    /// The events of a ledger, if they were asked for.
    pub ledger: Option<&'a Timeline>,
    /// Comparisons of runs side by side, one for each grid.
    pub compared: &'a [Comparison],
    /// The progress of a running study, in words; the page then offers to reload itself.
    pub running: Option<&'a str>,
}

/// A strategy, described for readers.
#[derive(Clone, Debug)]
pub struct Method {
    /// The name of the strategy in rows.
    pub name: String,
    /// A description of what the strategy does.
    pub about: String,
    /// The paper that describes the strategy.
    pub source: String,
}

/// A chart as a file of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartFile {
    /// The stem of the file name, without its ending.
    pub name: String,
    /// The chart as SVG text.
    pub svg: String,
}

/// Renders the page.
///
/// # Errors
/// If there are rows that no study writes.
pub fn page(source: &Source<'_>) -> Result<String, ReportError> {
    if source.names == Names::Numbers {
        let numbered = names::numbered(source);
        let Numbered { rows, probes, curves, audit, compared, numbers } = &numbered;
        // A subject without a row has no number, and its name must not be shown.
        let call = |name: &str| numbers.get(name).cloned().unwrap_or_else(|| "unnamed".to_string());
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
        // An audit has no rows of its own; the parts of the page that need rows are then left out.
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

/// Renders every chart of the page as a file of its own.
///
/// # Errors
/// If there are rows that no study writes.
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

/// The modules of the page's script, one after the other; each is a function that is called at once, and they share
/// only the page.
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

/// The parts of the page for one goal.
struct GoalView {
    id: String,
    name: String,
    setting: String,
    aim: &'static str,
    asked: String,
    verdict: VerdictView,
    scatter: Option<String>,
    /// The scatter chart on the other grid.
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

/// A small chart with its caption.
struct Small {
    series: usize,
    caption: String,
    svg: String,
}

/// A series in the legend.
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
            crate::Goal::MatchRetrain => "Not distinguishable from a model that never saw the subject.",
            _ => {
                "The subject's Dice gone, that of all others kept: the paper's protocol. A low forget Dice is not erasure."
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
