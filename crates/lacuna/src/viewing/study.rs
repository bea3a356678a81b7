//! What a study's models say: the original, the nearest unlearned model of each goal, and the retrained one, of the
//! first forgotten subject and seed.

use super::{Asked, chosen, seen};
use crate::arguments::ImageArguments;
use crate::context::Context;
use crate::error::CliError;
use lacuna_cohort::SubjectId;
use lacuna_nn::Network;
use lacuna_report::html::{Images, ModelKind, Pictures};
use lacuna_report::{Gate, Role, ranked};
use lacuna_study::{Study, Task, TrainTask, Unwatched};
use std::collections::BTreeSet;

/// Scans of a finished study. Where they were not asked for, models that were not kept are not made again for them, and
/// errors are shown in the page: a study's results do not depend on its pictures.
///
/// # Errors
/// Whatever is wrong with models or data, where images were asked for.
pub fn of_study(
    study: &Study,
    gates: &[Gate],
    arguments: &ImageArguments,
    context: &Context,
) -> Result<Pictures, CliError> {
    let images = arguments.images(study.config().pseudonyms);
    let mut pictures = Pictures {
        images,
        classes: study.data().labels.classes().to_vec(),
        scans: Vec::new(),
        bytes_max: arguments.bytes_max(),
        notes: Vec::new(),
    };
    if images == Images::None {
        return Ok(pictures);
    }
    let tasks = tasks(study, gates)?;
    if !arguments.is_stated() && !tasks.iter().all(|(.., task)| study.store().has_model(task.key())) {
        pictures.notes.push(
            "The models that unlearned were not kept; --images others makes them again, keep_models = \"all\" keeps them."
                .to_string(),
        );
        return Ok(pictures);
    }
    let gone = |(.., task): &&Made| matches!(task, Task::Train(_)) && !study.store().has_model(task.key());
    if let Some((kind, ..)) = tasks.iter().find(gone) {
        let what = format!(
            "--images: expected the {} model of the study, found none in its models folder; fix: name the folder with \
             --models, or run the study again, which makes it again",
            kind.name()
        );
        return Err(CliError::Config { what });
    }
    context.note("images   asking the models");
    match asked(study, images, &tasks) {
        Ok(scans) => pictures.scans = scans,
        Err(error) if arguments.is_stated() => return Err(error),
        Err(error) => {
            let error = if study.config().pseudonyms { crate::studying::without_names(error) } else { error };
            context.note(&format!("note     no images in the report: {error}"));
            pictures.notes.push("The models could not be run; the command reported why.".to_string());
        }
    }
    if let Some((.., first)) = tasks.first() {
        let Task::Train(training) = first else { unreachable!("the original comes first") };
        pictures
            .notes
            .push(format!("Models of seed {}, made to forget the first subject of the study.", training.seed));
    }
    Ok(pictures)
}

/// A model's kind, its name among them, and the run that made it.
type Made = (ModelKind, String, Task);

fn tasks(study: &Study, gates: &[Gate]) -> Result<Vec<Made>, CliError> {
    let (Some((forget, split)), Some(&seed)) = (study.splits().first(), study.config().seeds.first()) else {
        return Ok(Vec::new());
    };
    let training = |train: BTreeSet<SubjectId>| study.train_task(train, split, seed);
    let original: TrainTask = training(split.train().clone());
    let mut made = vec![(ModelKind::Original, String::new(), Task::Train(original.clone()))];
    for gate in gates {
        let Some(nearest) = ranked(gate).into_iter().next() else { continue };
        let variant = study
            .variants()
            .iter()
            .find(|variant| (&variant.strategy, &variant.differences) == (&nearest.strategy, &nearest.variant));
        let Some(variant) = variant else { continue };
        let task = Task::Unlearn(Box::new(study.unlearn_task(&original, forget, variant)));
        // What diverged has no model.
        if study.store().record(task.key())?.is_some_and(|record| record.diverged.is_none()) {
            let differences = Some(&variant.differences).filter(|text| !text.is_empty());
            let differences = differences.map_or(String::new(), |text| format!(" [{text}]"));
            let name = format!("{}{differences}, {} epochs", variant.strategy, variant.longest_horizon());
            made.push((ModelKind::Unlearned, name, task));
        }
    }
    made.push((ModelKind::Retrained, String::new(), Task::Train(training(split.retain()))));
    Ok(made)
}

fn asked(study: &Study, images: Images, made: &[Made]) -> Result<Vec<lacuna_report::html::Seen>, CliError> {
    let Some((_, split)) = study.splits().first() else { return Ok(Vec::new()) };
    let sides = [
        (Role::Forget, split.forget().clone()),
        (Role::HeldOut, split.held_out().clone()),
        (Role::Retain, split.retain()),
    ];
    let forgotten: BTreeSet<SubjectId> = study.splits().iter().map(|(forget, _)| forget.clone()).collect();
    let people = chosen(images, &sides, &forgotten);
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let networks: Vec<Network> =
        made.iter().map(|(.., task)| study.model(task, &mut Unwatched)).collect::<Result<_, _>>()?;
    let models: Vec<Asked<'_>> = made
        .iter()
        .zip(&networks)
        .map(|((kind, name, _), network)| Asked { kind: *kind, name: name.clone(), network })
        .collect();
    crate::redact::hide_cohort(&study.data().cohort);
    let mut scans = seen(study.data(), study.device(), &people, &models)?;
    for scan in &mut scans {
        scan.subject = study.shown(&SubjectId::new(scan.subject.clone()).expect("it was one"));
    }
    Ok(scans)
}
