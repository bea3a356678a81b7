//! The HTML report in a real browser: opened from disk, without a network, clicked through, compared with its rows.

mod checks;
mod chromium;
mod heads;
mod panels;
mod viewer;

use crate::Failure;
use checks::{check_download, check_figures, check_grids, check_panels, check_tables};
use chromium::{Chromium, Tab};
use clap::Args;
use lacuna_report::html::{Event, EventTone, Names, NiiVue, Pictures, Source, Timeline, page, read_audit};
use lacuna_report::{CurveRow, ProbeRow, ResultRow, Thresholds, curves, probes, results};
use panels::{check_audit, check_hostile, check_ledger};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Open the report of DIR/results.csv in Chromium and check what it shows; take screenshots if asked
#[derive(Args)]
#[command(
    after_help = "Example:\n  cargo xtask browser docs/results/ixi7-goals --shots docs\n\nChromium is that of the \
                        distribution (Debian: apt install chromium). --axe takes axe.min.js of the npm package \
                        axe-core, --niivue dist/niivue.umd.js of @niivue/niivue."
)]
pub struct Arguments {
    /// A run folder of a study, or a copy of its files
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The browser
    #[arg(long, default_value = "chromium", value_name = "PROGRAM")]
    chromium: String,
    /// An audit's audit.json, shown with the results
    #[arg(long, default_value = "docs/results/ixi7-audit/audit.json", value_name = "FILE")]
    audit: PathBuf,
    /// Also open this page, as the command wrote it, and take its pictures: demo.html of `lacuna demo`, for example
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Save report-*.png here: desktop and phone, images and audit, dark
    #[arg(long, value_name = "DIR")]
    shots: Option<PathBuf>,
    /// Also look for barriers with this file of axe-core
    #[arg(long, value_name = "FILE")]
    axe: Option<PathBuf>,
    /// Also look at scans in three dimensions with this file of NiiVue
    #[arg(long, value_name = "FILE")]
    niivue: Option<PathBuf>,
}

impl Arguments {
    /// The arguments of all checks, with pictures of these results and of a page that the command wrote.
    pub fn with_pictures(folder: PathBuf, chromium: &str, shots: PathBuf, page: PathBuf) -> Arguments {
        let audit = PathBuf::from("docs/results/ixi7-audit/audit.json");
        let (chromium, shots, page) = (chromium.to_string(), Some(shots), Some(page));
        Arguments { folder, audit, page, chromium, shots, axe: None, niivue: None }
    }
}

const DESKTOP: [u32; 2] = [1280, 1900];
const PHONE: [u32; 2] = [390, 2060];
/// The number of runs, references included, that the size and speed of the report are measured with.
const RUNS: usize = 500;

/// Makes all checks, and prints what was found.
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
    let shown = Shown {
        pictures: heads::pictures(&rows.results),
        niivue: None,
        audit: read_audit(&arguments.audit)?,
        ledger: ledger(),
    };
    let bytes = rows.write(&title, Some(&shown), &report)?;
    println!("page       {bytes} bytes, {} rows", rows.results.len());
    let mut browser = Chromium::start(&arguments.chromium, scratch)?;
    for (name, [width, height]) in [("desktop", DESKTOP), ("phone", PHONE)] {
        let mut tab = browser.open(width, height, &report)?;
        println!("{name:10} {} panels shown one by one", check_panels(&mut tab)?);
        println!("{name:10} {} figures as in results.csv", check_figures(&mut tab, &rows.results)?);
        println!("{name:10} {} trade-offs on both grids", check_grids(&mut tab)?);
        println!("{name:10} {} tables sorted and filtered", check_tables(&mut tab)?);
        println!("{name:10} {} rows downloaded", check_download(&mut tab, &rows.results, scratch)?);
        println!("{name:10} {} looks at slices", viewer::check_viewer(&mut tab, &shown.pictures)?);
        println!("{name:10} {} thresholds as in audit.json", check_audit(&mut tab, &arguments.audit)?);
        println!("{name:10} {} events of a ledger", check_ledger(&mut tab, &shown.ledger)?);
        if let Some(axe) = &arguments.axe {
            barriers(&mut tab, name, axe)?;
        }
        tab.expect_quiet()?;
        if let Some(folder) = &arguments.shots {
            let mut fresh = browser.open(width, height, &report)?;
            fresh.evaluate("document.getElementById('tab-tradeoff').click()")?;
            std::fs::write(folder.join(format!("report-{name}.png")), fresh.screenshot()?)?;
            fresh.evaluate(
                "document.getElementById('tab-audit').click(); document.getElementById('tabs').scrollIntoView()",
            )?;
            if name == "desktop" {
                std::fs::write(folder.join("report-audit.png"), fresh.screenshot()?)?;
            }
            if arguments.page.is_none() {
                fresh.evaluate(
                    "document.getElementById('tab-images').click(); document.getElementById('tabs').scrollIntoView()",
                )?;
                fresh.until("!document.getElementById('viewer').hidden")?;
                std::fs::write(folder.join(format!("report-images-{name}-light.png")), fresh.screenshot()?)?;
            }
        }
    }
    if let Some(written) = &arguments.page {
        as_written(arguments, &mut browser, written)?;
    }
    if let Some(file) = &arguments.niivue {
        solid(&mut browser, rows, &shown, file, scratch, arguments.shots.as_deref())?;
    }
    let wild = scratch.join("wild.html");
    rows.hostile().write("<script>injected = 1</script>", None, &wild)?;
    let mut tab = browser.open(DESKTOP[0], DESKTOP[1], &wild)?;
    check_hostile(&mut tab)?;
    tab.expect_quiet()?;
    println!("hostile    names are text");
    let many = scratch.join("many.html");
    let repeated = rows.repeated(RUNS);
    let bytes = repeated.write("500 runs", None, &many)?;
    let mut tab = browser.open(DESKTOP[0], DESKTOP[1], &many)?;
    let loaded = tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")?;
    println!(
        "{RUNS} runs   {bytes} bytes, {} rows, loaded in {:.0} ms",
        repeated.results.len(),
        loaded.as_f64().unwrap_or(f64::NAN)
    );
    tab.expect_quiet()
}

/// Checks the three-dimensional view: something is drawn, other labels give another drawing, and no network is used.
fn solid(
    browser: &mut Chromium,
    rows: &Rows,
    shown: &Shown,
    file: &Path,
    scratch: &Path,
    shots: Option<&Path>,
) -> Result<(), Failure> {
    let report = scratch.join("solid.html");
    let niivue = NiiVue::read(file)?;
    let bytes = rows.write("solid", Some(&Shown { niivue: Some(niivue), ..shown.clone() }), &report)?;
    let mut tab = browser.open(1280, 900, &report)?;
    tab.evaluate("document.getElementById('tab-images').click()")?;
    tab.until("!document.getElementById('viewer').hidden")?;
    tab.evaluate("document.getElementById('solid').open = true; document.getElementById('solid').scrollIntoView()")?;
    let mut seen = std::collections::BTreeSet::new();
    for labels in ["difference", "reference", "unlearned"] {
        tab.evaluate(&format!(
            "{{ const list = document.getElementById('solid-labels'); list.value = '{labels}'; \
             list.dispatchEvent(new Event('change')); }}"
        ))?;
        tab.until("document.getElementById('solid-state').textContent !== 'Drawing …'")?;
        let state = tab.evaluate("document.getElementById('solid-state').textContent")?;
        if state != "" {
            return Err(format!("{labels}: {state}").into());
        }
        seen.insert(tab.screenshot()?);
        if let (Some(folder), "unlearned") = (shots, labels) {
            std::fs::write(folder.join("report-solid.png"), tab.screenshot()?)?;
        }
    }
    if seen.len() != 3 {
        return Err(format!("three sets of labels make {} pictures", seen.len()).into());
    }
    tab.expect_quiet()?;
    println!("solid      {bytes} bytes, {} pictures in three dimensions", seen.len());
    Ok(())
}

/// Opens a page that the command wrote: its tabs, and pictures of its slices, light and dark.
fn as_written(arguments: &Arguments, browser: &mut Chromium, page: &Path) -> Result<(), Failure> {
    let page = page.canonicalize()?;
    for (name, [width, height]) in [("desktop", [1280, 1250]), ("phone", PHONE)] {
        let mut tab = browser.open(width, height, &page)?;
        let tabs = tab.evaluate("document.querySelectorAll('#tabs a').forEach(tab => tab.click()); document.querySelectorAll('#tabs a').length")?;
        let has_images = tab.evaluate("document.getElementById('viewer') !== null")?;
        if has_images == true {
            tab.evaluate(
                "document.getElementById('tab-images').click(); document.getElementById('tabs').scrollIntoView()",
            )?;
            tab.until("!document.getElementById('viewer').hidden")?;
        }
        for theme in ["light", "dark"] {
            tab.evaluate(&format!("document.documentElement.dataset.theme = '{theme}'"))?;
            // One picture of each is enough to look at, and keeps the committed files small.
            let is_kept = (name == "desktop") == (theme == "light");
            if let (Some(folder), true) = (&arguments.shots, is_kept && has_images == true) {
                std::fs::write(folder.join(format!("report-images-{name}-{theme}.png")), tab.screenshot()?)?;
            }
        }
        tab.expect_quiet()?;
        println!("{name:10} {tabs} tabs of {}", page.file_name().unwrap_or_default().to_string_lossy());
    }
    Ok(())
}

/// An example of a request's events.
fn ledger() -> Timeline {
    let event = |what: &str, about: &str, tone| Event {
        what: what.to_string(),
        when: "2026-11-24T10:15:00Z".to_string(),
        about: about.to_string(),
        hash: "1f5c09ab77e2d310…".to_string(),
        tone,
    };
    let events = vec![
        event("1. the ledger begins", "ledger led-2b1c", EventTone::Plain),
        event("2. a request was received", "request req-1f0c, subject p-77aa, due 2026-12-24", EventTone::Plain),
        event("3. a request is accepted", "request req-1f0c", EventTone::Plain),
        event("4. a run for a request", "request req-1f0c, strategy atlas-matching", EventTone::Plain),
        event("5. a request is refused", "request req-9e01, ground identity", EventTone::Refused),
        event("6. a request is closed", "request req-1f0c", EventTone::Done),
    ];
    let state = "6 events are as they were written.".to_string();
    Timeline { state, events, notes: vec!["An example, made to check the page.".to_string()] }
}

/// The content of a page besides its rows.
#[derive(Clone)]
struct Shown {
    pictures: Pictures,
    niivue: Option<NiiVue>,
    audit: lacuna_audit::Report,
    ledger: Timeline,
}

/// Fails if axe-core finds a barrier of serious or critical impact.
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

    fn write(&self, title: &str, shown: Option<&Shown>, path: &Path) -> Result<usize, Failure> {
        let page = page(&Source {
            title,
            rows: &self.results,
            probes: &self.probes,
            curves: &self.curves,
            facts: &[],
            methods: &[],
            thresholds: Thresholds::STANDARD,
            names: if shown.is_some() { Names::Numbers } else { Names::AsRecorded },
            cohort: const { &BTreeSet::new() },
            pictures: shown.map(|shown| &shown.pictures),
            niivue: shown.and_then(|shown| shown.niivue.as_ref()),
            audit: shown.map(|shown| &shown.audit),
            ledger: shown.map(|shown| &shown.ledger),
            compared: &[],
            running: None,
        })?;
        std::fs::write(path, &page)?;
        Ok(page.len())
    }

    /// The same rows under names that contain markup.
    fn hostile(&self) -> Rows {
        let wild = |name: &str| {
            format!(
                "\"><script>injected=1</script><img src=x onerror=injected=1>' onfocus='injected=1 {{{{x}}}} {name}"
            )
        };
        let rename = |mut row: ResultRow| {
            row.run.forgotten = wild(&row.run.forgotten);
            if row.run.goal != lacuna_report::Goal::Reference {
                row.run.strategy = wild(&row.run.strategy);
            }
            if let lacuna_report::Outcome::Scored(scored) = &mut row.outcome {
                scored.subject = wild(&scored.subject);
            }
            row
        };
        Rows { results: self.results.iter().cloned().map(rename).collect(), probes: Vec::new(), curves: Vec::new() }
    }

    /// The same runs repeated under other seeds, up to this number of runs.
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
