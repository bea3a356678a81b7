//! The HTML report in a real browser: opened from disk, without a network, clicked through, compared with its rows.

mod checks;
mod chromium;

use crate::Failure;
use checks::{check_download, check_figures, check_panels, check_tables};
use chromium::{Chromium, Tab};
use clap::Args;
use lacuna_report::html::{Names, Source, page};
use lacuna_report::{CurveRow, ProbeRow, ResultRow, Thresholds, curves, probes, results};
use std::path::{Path, PathBuf};

/// Open the report of DIR/results.csv in Chromium and check what it shows; take screenshots if asked
#[derive(Args)]
#[command(
    after_help = "Example:\n  cargo xtask browser docs/results/ixi7-goals --shots docs\n\nChromium is that of the \
                        distribution (Debian: apt install chromium). --axe takes axe.min.js of the npm package \
                        axe-core."
)]
pub struct Arguments {
    /// A run folder of a study, or a copy of its files
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The browser
    #[arg(long, default_value = "chromium", value_name = "PROGRAM")]
    chromium: String,
    /// Save report-desktop.png and report-phone.png here
    #[arg(long, value_name = "DIR")]
    shots: Option<PathBuf>,
    /// Also look for barriers with this file of axe-core
    #[arg(long, value_name = "FILE")]
    axe: Option<PathBuf>,
}

const DESKTOP: [u32; 2] = [1280, 1900];
const PHONE: [u32; 2] = [390, 2060];
/// As many runs, references among them, as the report is measured with.
const RUNS: usize = 500;

/// Check, and say what was seen.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let rows = Rows::read(&arguments.folder)?;
    let scratch = std::env::temp_dir().join(format!("lacuna-browser-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let outcome = look(arguments, &rows, &scratch);
    std::fs::remove_dir_all(&scratch)?;
    outcome
}

fn look(arguments: &Arguments, rows: &Rows, scratch: &Path) -> Result<(), Failure> {
    let report = scratch.join("report.html");
    let title = arguments.folder.file_name().map_or("results".into(), |name| name.to_string_lossy().into_owned());
    let bytes = rows.write(&title, &report)?;
    println!("page       {bytes} bytes, {} rows", rows.results.len());
    let mut browser = Chromium::start(&arguments.chromium, scratch)?;
    for (name, [width, height]) in [("desktop", DESKTOP), ("phone", PHONE)] {
        let mut tab = browser.open(width, height, &report)?;
        println!("{name:10} {} panels shown one by one", check_panels(&mut tab)?);
        println!("{name:10} {} figures as in results.csv", check_figures(&mut tab, &rows.results)?);
        println!("{name:10} {} tables sorted and filtered", check_tables(&mut tab)?);
        println!("{name:10} {} rows downloaded", check_download(&mut tab, &rows.results, scratch)?);
        if let Some(axe) = &arguments.axe {
            barriers(&mut tab, name, axe)?;
        }
        tab.expect_quiet()?;
        if let Some(folder) = &arguments.shots {
            let mut fresh = browser.open(width, height, &report)?;
            std::fs::write(folder.join(format!("report-{name}.png")), fresh.screenshot()?)?;
        }
    }
    let many = scratch.join("many.html");
    let repeated = rows.repeated(RUNS);
    let bytes = repeated.write("500 runs", &many)?;
    let mut tab = browser.open(DESKTOP[0], DESKTOP[1], &many)?;
    let loaded = tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")?;
    println!(
        "{RUNS} runs   {bytes} bytes, {} rows, loaded in {:.0} ms",
        repeated.results.len(),
        loaded.as_f64().unwrap_or(f64::NAN)
    );
    tab.expect_quiet()
}

/// Barriers that the engine calls serious or critical end the check.
fn barriers(tab: &mut Tab<'_>, name: &str, axe: &Path) -> Result<(), Failure> {
    tab.evaluate(&std::fs::read_to_string(axe)?)?;
    let mut serious = Vec::new();
    for panel in checks::PANELS {
        tab.evaluate(&format!("document.getElementById('tab-{panel}').click()"))?;
        let found = tab.evaluate(
            "axe.run().then(found => found.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.target.join(' ')).slice(0, 3)]))",
        )?;
        for violation in found.as_array().into_iter().flatten() {
            println!("{name:10} axe, {panel}: {violation}");
            if ["serious", "critical"].contains(&violation[0].as_str().unwrap_or("")) {
                serious.push(violation.to_string());
            }
        }
    }
    println!("{name:10} axe: {} serious barriers in {} panels", serious.len(), checks::PANELS.len());
    if serious.is_empty() { Ok(()) } else { Err(format!("barriers: {}", serious.join("; ")).into()) }
}

struct Rows {
    results: Vec<ResultRow>,
    probes: Vec<ProbeRow>,
    curves: Vec<CurveRow>,
}

impl Rows {
    fn read(folder: &Path) -> Result<Rows, Failure> {
        let there = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
        Ok(Rows {
            results: results::read(&folder.join("results.csv"))?,
            probes: there("probes.csv").map_or(Ok(Vec::new()), |path| probes::read(&path))?,
            curves: there("curves.csv").map_or(Ok(Vec::new()), |path| curves::read(&path))?,
        })
    }

    fn write(&self, title: &str, path: &Path) -> Result<usize, Failure> {
        let page = page(&Source {
            title,
            rows: &self.results,
            probes: &self.probes,
            curves: &self.curves,
            facts: &[],
            methods: &[],
            thresholds: Thresholds::STANDARD,
            names: Names::Numbers,
        })?;
        std::fs::write(path, &page)?;
        Ok(page.len())
    }

    /// The same runs under other seeds, until there are so many.
    fn repeated(&self, runs: usize) -> Rows {
        let one = self.results.iter().map(|row| &row.run).collect::<std::collections::BTreeSet<_>>().len();
        let copies = 0..runs.div_ceil(one) as u64;
        let copy = |number: u64| {
            self.results.iter().cloned().map(move |mut row| {
                row.run.seed += 1000 * number;
                row
            })
        };
        Rows { results: copies.flat_map(copy).collect(), probes: Vec::new(), curves: Vec::new() }
    }
}
