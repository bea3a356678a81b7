//! `lacuna study FILE.toml --search`: the settings of a study's `[search]`, on the subjects named there.

use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::Finished;
use crate::text_table::aligned;
use lacuna_report::{Ranked, Thresholds, gates, ranked};
use lacuna_study::{StudyError, VariantConfig, chosen};
use serde::Serialize;
use std::path::PathBuf;

/// The fewest retrained models that a search compares with; a gate asks for five.
const RETRAINED_MIN: usize = 2;
/// The settings that came first.
const CHOSEN: &str = "chosen.toml";

#[derive(Serialize)]
struct Record {
    run: PathBuf,
    /// Nearest first, one list per goal.
    ranking: Vec<Vec<Ranked>>,
    /// The first of each goal, as a study file has it.
    chosen: PathBuf,
    retrained_min: usize,
}

/// A study's variants, as TOML.
#[derive(Serialize)]
struct Unlearn {
    unlearn: Variants,
}

#[derive(Serialize)]
struct Variants {
    variants: Vec<VariantConfig>,
}

/// Rank the settings and leave the first of each goal in `chosen.toml`.
pub fn conclude(verb: &'static str, finished: Finished) -> Result<Outcome, CliError> {
    let thresholds = Thresholds { retrained_min: RETRAINED_MIN, ..Thresholds::STANDARD };
    let gates = gates(&finished.study.rows()?, &finished.study.probe_rows()?, &thresholds)?;
    let ranking: Vec<Vec<Ranked>> = gates.iter().map(ranked).collect();
    let study = finished.study.config();
    let first = |ranked: &Vec<Ranked>| {
        let first = ranked.iter().find(|first| first.strain.is_some())?;
        Some(chosen(study, &first.strategy, &first.variant, first.epochs))
    };
    let variants = ranking.iter().filter_map(first).collect::<Result<Vec<_>, StudyError>>()?;
    let toml = toml::to_string(&Unlearn { unlearn: Variants { variants } }).expect("variants are TOML");
    let head = "# The settings of this search that came nearest to their goal's gate, for a study file.\n";
    finished.folder.write(CHOSEN, format!("{head}{toml}").as_bytes())?;
    finished.folder.write_json("ranking.json", &ranking)?;
    let record = Record {
        run: finished.folder.path().to_path_buf(),
        chosen: finished.folder.file(CHOSEN),
        ranking,
        retrained_min: RETRAINED_MIN,
    };
    let text = record.ranking.iter().map(|ranking| text(ranking)).collect::<String>();
    let chosen = record.chosen.display();
    let text = format!("{text}chosen   {chosen}\n{}", finished.files());
    Ok(Outcome::new(verb, &record, text))
}

fn text(ranking: &[Ranked]) -> String {
    let Some(first) = ranking.first() else { return String::new() };
    let head = ["", "strategy", "epochs", "strain", "passed", "hardest"].map(str::to_string).to_vec();
    let row = |(index, ranked): (usize, &Ranked)| {
        let setting = match ranked.variant.as_str() {
            "" => ranked.strategy.clone(),
            variant => format!("{} ({variant})", ranked.strategy),
        };
        let strain = match ranked.strain {
            Some(strain) => format!("{strain:.2}"),
            None if ranked.diverged > 0 => "diverged".to_string(),
            None => "unknown".to_string(),
        };
        let passed = format!("{} of {}", ranked.passed, ranked.runs);
        vec![format!("{}", index + 1), setting, ranked.epochs.to_string(), strain, passed, ranked.hardest_in_words()]
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(ranking.iter().enumerate().map(row)).collect();
    format!(
        "{}, nearest to its gate first; strain: the most strained criterion of a run, 1 at the bound, mean over runs\n{}\n",
        first.goal,
        aligned(&rows)
    )
}
