//! Checks of what a page shows, made by evaluating expressions in the page.

use super::chromium::Tab;
use crate::Failure;
use lacuna_report::{Goal, Outcome, ResultRow, Role, ScoreGrid, results};
use std::collections::BTreeMap;
use std::path::Path;

/// The panels in the order of their tabs.
pub const PANELS: [&str; 9] =
    ["audit", "tradeoff", "subjects", "epochs", "images", "leaderboard", "paper", "ledger", "data"];

/// Each tab shows its own panel alone; arrow keys do the same.
pub fn check_panels(tab: &mut Tab<'_>) -> Result<usize, Failure> {
    let shown = "[...document.querySelectorAll('.panel')].filter(p => p.offsetHeight > 0).map(p => p.id).join()";
    for panel in PANELS {
        tab.evaluate(&format!("document.getElementById('tab-{panel}').click()"))?;
        expect(tab, shown, panel)?;
        let wide = tab.evaluate("document.documentElement.scrollWidth - innerWidth")?;
        if wide.as_i64().is_none_or(|wide| wide > 0) {
            return Err(format!("{panel} is wider than its page, by {wide}").into());
        }
    }
    tab.evaluate("document.getElementById('tab-data').focus(); document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))")?;
    expect(tab, shown, PANELS[0])?;
    expect(tab, "document.activeElement.id", "tab-audit")?;
    let tabs = "[...document.querySelectorAll('#tabs a')].map(tab => tab.hash.slice(1)).join()";
    expect(tab, tabs, &PANELS.join(","))?;
    Ok(PANELS.len())
}

/// Each trade-off chart shows one grid at a time, and names it.
pub fn check_grids(tab: &mut Tab<'_>) -> Result<usize, Failure> {
    tab.evaluate("document.getElementById('tab-tradeoff').click()")?;
    let check = "[...document.querySelectorAll('.grids')].map(choice => {
        const drawings = [...choice.parentElement.querySelectorAll('.on-grid')];
        const shown = () => drawings.map(drawing => drawing.offsetHeight > 0).join();
        const [one, other] = choice.querySelectorAll('button');
        other.click();
        const second = shown();
        one.click();
        return second === 'false,true' && shown() === 'true,false' && one.getAttribute('aria-pressed') === 'true';
      })";
    let found = tab.evaluate(check)?;
    let found = found.as_array().ok_or("no trade-off")?;
    if found.is_empty() || found.iter().any(|ok| ok != true) {
        return Err(format!("trade-offs that do not change their grid: {found:?}").into());
    }
    Ok(found.len())
}

/// The leaderboards hold the means of the file, computed here from its rows.
pub fn check_figures(tab: &mut Tab<'_>, rows: &[ResultRow]) -> Result<usize, Failure> {
    let expected = forget_means(rows);
    let cells = "[...document.querySelectorAll('#leaderboard table[id$=leaderboard] tbody tr')].map(row => \
                 [row.cells[1].textContent, row.cells[2].textContent, row.cells[6].dataset.key])";
    let found = tab.evaluate(cells)?;
    let found = found.as_array().ok_or("no leaderboard")?;
    for row in found {
        let text = |cell: usize| row[cell].as_str().unwrap_or("");
        let key = (text(0).to_string(), text(1).parse::<usize>()?);
        let (expected, found) =
            (expected.get(&key).ok_or(format!("{key:?} is not in results.csv"))?, text(2).parse::<f64>()?);
        if (expected - found).abs() > 1e-9 {
            return Err(format!("forget Dice of {key:?}: the page has {found}, results.csv {expected}").into());
        }
    }
    if found.len() != expected.len() {
        return Err(format!("the page has {} settings, results.csv {}", found.len(), expected.len()).into());
    }
    Ok(found.len())
}

/// Forget Dice on the output grid: over subjects of a run, then over seeds, then over forgotten subjects.
fn forget_means(rows: &[ResultRow]) -> BTreeMap<(String, usize), f64> {
    let mut runs: BTreeMap<_, BTreeMap<&str, BTreeMap<u64, Vec<f64>>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.run.goal != Goal::Reference) {
        let Outcome::Scored(scored) = &row.outcome else { continue };
        if scored.grid != ScoreGrid::Output || scored.role != Role::Forget || scored.score.name != "mean" {
            continue;
        }
        let run = &row.run;
        let variant = if run.variant.is_empty() { String::new() } else { format!(" [{}]", run.variant) };
        let seeds = runs.entry((run.strategy.clone() + &variant, run.epochs)).or_default();
        seeds.entry(&run.forgotten).or_default().entry(run.seed).or_default().extend(scored.score.dice);
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let of_subject = |seeds: BTreeMap<u64, Vec<f64>>| mean(seeds.into_values().map(mean).collect());
    runs.into_iter().map(|(key, subjects)| (key, mean(subjects.into_values().map(of_subject).collect()))).collect()
}

/// Sorting orders by number, and a filter that matches nothing leaves no row.
pub fn check_tables(tab: &mut Tab<'_>) -> Result<usize, Failure> {
    let check = "[...document.querySelectorAll('table[data-sortable]')].map(table => {
        const column = [...table.tHead.rows[0].cells].findIndex(head => head.textContent.startsWith('epochs'));
        const button = table.tHead.rows[0].cells[column].querySelector('button');
        const values = () => [...table.tBodies[0].rows].map(row => Number(row.cells[column].dataset.key));
        button.click();
        const up = values();
        button.click();
        const down = values();
        const sorted = up.every((v, i) => i === 0 || up[i - 1] <= v) && down.every((v, i) => i === 0 || down[i - 1] >= v);
        const field = table.closest('.scroll').previousElementSibling?.querySelector?.('input');
        let filtered = true;
        if (field) {
          field.value = 'no such strategy';
          field.dispatchEvent(new Event('input'));
          filtered = [...table.tBodies[0].rows].every(row => row.hidden);
          field.value = '';
          field.dispatchEvent(new Event('input'));
          filtered &&= [...table.tBodies[0].rows].every(row => !row.hidden);
        }
        return sorted && filtered;
      })";
    let found = tab.evaluate(check)?;
    let found = found.as_array().ok_or("no tables")?;
    if found.is_empty() || found.iter().any(|ok| ok != true) {
        return Err(format!("tables that do not sort or filter: {found:?}").into());
    }
    Ok(found.len())
}

/// The CSV that the page exports holds the rows of the file, with people numbered.
pub fn check_download(tab: &mut Tab<'_>, rows: &[ResultRow], folder: &Path) -> Result<usize, Failure> {
    let path = folder.join("results.csv");
    let _ = std::fs::remove_file(&path);
    tab.evaluate("document.querySelector('#downloads button').click()")?;
    for _ in 0..100 {
        if path.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let scores = |rows: &[ResultRow]| {
        let mut scores: Vec<String> = rows
            .iter()
            .map(|row| match &row.outcome {
                Outcome::Scored(scored) => {
                    format!("{} {} {} {:?}", row.run.strategy, row.run.epochs, row.run.seed, scored.score)
                }
                Outcome::Diverged => format!("{} {} {} diverged", row.run.strategy, row.run.epochs, row.run.seed),
            })
            .collect();
        scores.sort();
        scores
    };
    let found = results::read(&path)?;
    if scores(&found) == scores(rows) {
        Ok(found.len())
    } else {
        Err("the rows handed out are not those of results.csv".into())
    }
}

fn expect(tab: &mut Tab<'_>, expression: &str, expected: &str) -> Result<(), Failure> {
    let found = tab.evaluate(expression)?;
    if found == expected { Ok(()) } else { Err(format!("{expression}: expected {expected}, found {found}").into()) }
}
