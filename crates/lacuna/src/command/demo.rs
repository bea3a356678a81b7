//! `lacuna demo`: the whole story on a synthetic cohort, from nothing.

mod head;

use crate::arguments::{ImageArguments, ImagesChoice};
use crate::command::phantom::facts;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::{self, Folders};
use clap::Args;
use lacuna_cohort::phantom::{self, PhantomConfig};
use lacuna_cohort::{CohortError, ScanData, layout, write_cohort};
use lacuna_study::StudyConfig;
use std::path::{Path, PathBuf};

/// Make a small cohort, train, forget its most memorable subject by the paper's strategies, compare
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna demo\n\nThe cohort is synthetic: heads with MRBrainS18 labels, one of them with an odd \
                        lesion that\nonly a network trained on it can know. Fewer subjects and shorter training than \
                        the paper's\nkeep it to minutes; all of its strategies are run. Given again, it finds its \
                        records\nand prints at once.\n\nhead.png shows one slice of the forgotten head: its image, its \
                        labels, and what the original, Noisy\nLabel's model and the retrained one say of it."
)]
pub struct Arguments {
    /// Where cohort, records and models go
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The demo's cohort and study, readable and runnable as any other.
const PHANTOM: &str = include_str!("demo/phantom.toml");
const STUDY: &str = include_str!("demo/study.toml");

/// Make the cohort if it is not there, then run the study.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let folder = arguments.out.clone().unwrap_or_else(|| context.runs.join("demo-store"));
    let cohort: PhantomConfig = toml::from_str(PHANTOM).expect("the demo's cohort is tested");
    let heads = folder.join("heads");
    if !heads.exists() {
        context.note(&format!("cohort   {} synthetic heads in {}", cohort.subjects, heads.display()));
        write_heads(&cohort, &heads)?;
    }
    let mut config = StudyConfig::from_toml(STUDY).expect("the demo's study is tested");
    context.note("demo     the paper's protocol, made small: fewer subjects, fewer epochs, a coarser grid");
    config.data.root = heads;
    let models = folder.join("models");
    let folders =
        Folders { records: folder.join("records").into(), models: models.clone().into(), work: models, plan: None };
    // Phantoms are no person's heads.
    let images = ImageArguments::of(ImagesChoice::All);
    let outcome = studying::run("demo", config.clone(), &folders, context, &images, studying::tables_and_gates)?;
    let picture = folder.join("head.png");
    if !picture.exists() {
        lacuna_disk::write_bytes(&picture, &head::png(&studying::open("demo", config, &folders, context)?)?)?;
    }
    context.note(&format!("picture  {}", picture.display()));
    Ok(outcome)
}

/// Write the cohort under another name first: a folder that bears its name is whole.
fn write_heads(cohort: &PhantomConfig, heads: &Path) -> Result<(), CliError> {
    cohort.check()?;
    let unfinished = heads.with_extension("unfinished");
    let refused = |source| lacuna_disk::DiskError::Io { path: unfinished.clone(), action: "replace", source };
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(refused)?;
    }
    let mut scans = phantom::subjects(cohort).map(|subject| Ok::<_, CohortError>(ScanData::from(subject)));
    write_cohort(layout::by_name("mrbrains")?, &unfinished, &facts(cohort), &mut scans)?;
    std::fs::rename(&unfinished, heads).map_err(refused)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_files_are_a_cohort_and_a_study() {
        toml::from_str::<PhantomConfig>(PHANTOM).unwrap().check().unwrap();
        StudyConfig::from_toml(STUDY).unwrap().checked().unwrap();
    }
}
