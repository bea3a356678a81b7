//! `lacuna predict`: segment images, or write a network's raw logits.

use crate::arguments::{Model, ModelArguments, PreprocessArguments, ReadArguments};
use crate::context::Context;
use crate::error::CliError;
use crate::inference;
use crate::interrupt;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::text_table::aligned;
use clap::Args;
use lacuna_cohort::{ReadOptions, Scan, ScanData, SubjectId, load};
use lacuna_nn::Network;
use lacuna_seed::Seed;
use lacuna_train::{Said, is_collapsed};
use lacuna_volume::{ClassMap, NiftiHeader, Prepared, Preprocessing, write_label_map};
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Segment images; results lie on each image's own grid
///
/// A model of several channels takes that many IMAGEs per scan, in its channel order. With
/// --logits it writes the tensor `logits`, [1, C, D, H, W], as the network gives it.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna predict scan.nii.gz --model model.safetensors --out segmented\n  \
                  lacuna predict scan.nii.gz --model foreign.safetensors --depth 50 --shortcut B --classes 2 \\\n    \
                  --preprocess none --logits logits.safetensors")]
pub struct Arguments {
    /// NIfTI images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// Write label maps of class numbers into this folder, IMAGE's name with `_labels` before its ending
    #[arg(long, value_name = "DIR", required_unless_present = "logits", conflicts_with = "logits")]
    out: Option<PathBuf>,
    /// Write the raw logits of one scan to this safetensors file
    #[arg(long, value_name = "FILE")]
    logits: Option<PathBuf>,
    /// What the background noise of MedicalNet's preprocessing follows from
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    #[command(flatten)]
    read: ReadArguments,
}

#[derive(Serialize)]
struct Record {
    model: String,
    network: String,
    preprocessing: Preprocessing,
    classes: Vec<String>,
    predictions: Vec<Written>,
}

#[derive(Serialize)]
struct Written {
    images: Vec<PathBuf>,
    output: PathBuf,
    input_shape: [usize; 4],
    output_shape: [usize; 4],
    /// Voxels of each class on the image's grid; absent for logits.
    #[serde(skip_serializing_if = "Option::is_none")]
    voxels: Option<Vec<u64>>,
}

/// What holds for every scan of one call.
struct Work<'a> {
    context: &'a Context,
    model: &'a Model,
    preprocessing: &'a Preprocessing,
    seed: Seed,
    read: ReadOptions,
}

/// Segment scan after scan.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let stated = arguments.preprocess.stated()?;
    let model = arguments.model.open(&context.device)?;
    let preprocessing = model.preprocessing(stated)?;
    let scans = scans(arguments, &model)?;
    let work = Work {
        context,
        model: &model,
        preprocessing: &preprocessing,
        seed: Seed(arguments.seed),
        read: arguments.read.options()?,
    };
    let predictions = match (&arguments.out, &arguments.logits) {
        (_, Some(file)) => vec![write_logits(&work, &scans, file)?],
        (Some(folder), None) => segment(&work, &scans, folder)?,
        (None, None) => unreachable!("clap demands --out or --logits"),
    };
    let record = Record {
        model: model.digest(),
        network: model.network.architecture().to_string(),
        preprocessing,
        classes: class_names(&model),
        predictions,
    };
    Ok(Outcome::new("predict", &record, text(&record)))
}

/// The images in groups of as many as the network has channels.
fn scans(arguments: &Arguments, model: &Model) -> Result<Vec<Scan>, CliError> {
    let channels = model.network.architecture().channels();
    if !arguments.images.len().is_multiple_of(channels) {
        let found = arguments.images.len();
        let what = format!("IMAGE: expected {channels} per scan, one for each channel of the model, found {found}");
        return Err(CliError::Config { what });
    }
    let scan = |images: &[PathBuf]| {
        let name = stem(&images[0]);
        Scan { subject: subject(&name), name, images: images.to_vec(), label: None }
    };
    Ok(arguments.images.chunks(channels).map(scan).collect())
}

/// A file's name without `.nii` or `.nii.gz`.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".nii.gz").or_else(|| name.strip_suffix(".nii"));
    stem.unwrap_or(&name).to_string()
}

/// The id under which the scan draws its noise: the one it has where each scan is a person.
fn subject(name: &str) -> SubjectId {
    let fit = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let id: String = name.chars().map(fit).take(64).collect();
    SubjectId::new(if id.is_empty() { "_".to_string() } else { id }).expect("only letters that an id may have are left")
}

fn prepare(work: &Work, scan: &Scan) -> Result<(Prepared, NiftiHeader), CliError> {
    let ScanData { images, header, notices, .. } = load(scan, &work.read)?;
    for (path, notice) in notices {
        work.context.note(&format!("note: {}: {notice}", path.display()));
    }
    let noise = work.seed.stream("preprocess noise").subject(scan.subject.as_str()).part(&scan.name);
    let prepared = work.preprocessing.apply(&images, &noise)?;
    Ok((prepared, header.expect("a scan from files has a header")))
}

fn write_logits(work: &Work, scans: &[Scan], file: &Path) -> Result<Written, CliError> {
    let network = work.model.one_network("--logits")?;
    let [scan] = scans else {
        let what = format!("--logits: expected one scan, found {}; fix: call predict once per scan", scans.len());
        return Err(CliError::Usage { what });
    };
    let (prepared, _) = prepare(work, scan)?;
    let logits = inference::logits(network, &prepared, &work.context.device);
    let shape = logits.dims();
    let bytes: Vec<u8> = inference::values(logits).iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).expect("as many bytes as the shape has values");
    let bytes = safetensors::serialize([("logits", view)], None).expect("one tensor has one name");
    lacuna_disk::write_bytes(file, &bytes)?;
    let [_, c, d, h, w] = shape;
    Ok(Written {
        images: scan.images.clone(),
        output: file.to_path_buf(),
        input_shape: prepared.shape,
        output_shape: [c, d, h, w],
        voxels: None,
    })
}

fn segment(work: &Work, scans: &[Scan], folder: &Path) -> Result<Vec<Written>, CliError> {
    let outputs = outputs(scans, folder)?;
    let mut progress = Progress::begin(work.context, "predict", "scan", scans.len(), 0);
    let mut written = Vec::new();
    for (index, (scan, output)) in scans.iter().zip(outputs).enumerate() {
        if interrupt::requested() {
            let kept = format!("{index} of {} scans are segmented in {}", scans.len(), folder.display());
            return Err(CliError::Interrupted { kept });
        }
        progress.advance(index, "");
        written.push(segment_one(work, scan, output)?);
    }
    progress.advance(scans.len(), "");
    Ok(written)
}

fn segment_one(work: &Work, scan: &Scan, output: PathBuf) -> Result<Written, CliError> {
    let (prepared, header) = prepare(work, scan)?;
    let device = &work.context.device;
    let mut say = |network: &Network| Ok(vec![Said::of(inference::logits(network, &prepared, device))]);
    let prediction = work.model.ask(device, &mut say)?.remove(0).prediction;
    if is_collapsed(&prediction) {
        work.context.note(&format!("note: {}: the network says one class everywhere", scan.images[0].display()));
    }
    let classes = prepared.placement.probabilities_to_image(&prediction.probabilities, prediction.shape)?;
    write_label_map(&output, &classes, Some(&header))?;
    Ok(Written {
        images: scan.images.clone(),
        output,
        input_shape: prepared.shape,
        output_shape: prediction.shape,
        voxels: Some(count(&classes, prediction.shape[0])),
    })
}

/// Where each scan's label map goes; nothing is ever overwritten.
fn outputs(scans: &[Scan], folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let mut taken = BTreeSet::new();
    let place = |scan: &Scan| {
        let output = folder.join(format!("{}_labels.nii.gz", scan.name));
        if output.exists() || !taken.insert(output.clone()) {
            let what = format!("{}: is there already; fix: choose another folder for --out", output.display());
            return Err(CliError::Config { what });
        }
        Ok(output)
    };
    scans.iter().map(place).collect()
}

fn count(classes: &ClassMap, number: usize) -> Vec<u64> {
    let mut voxels = vec![0; number];
    classes.voxels().iter().for_each(|&class| voxels[usize::from(class)] += 1);
    voxels
}

/// The classes' names, or their numbers where the file names none.
fn class_names(model: &Model) -> Vec<String> {
    match &model.notes.classes {
        Some(names) => names.clone(),
        None => (0..model.network.architecture().classes()).map(|class| class.to_string()).collect(),
    }
}

fn text(record: &Record) -> String {
    let head = ["output", "input", "network's grid", "voxels per class"].map(str::to_string).to_vec();
    let mut rows = vec![head];
    rows.extend(record.predictions.iter().map(|written| {
        let counts = written.voxels.iter().flatten().zip(&record.classes);
        vec![
            written.output.display().to_string(),
            format!("{:?}", written.input_shape),
            format!("{:?}", written.output_shape),
            counts.map(|(voxels, class)| format!("{class}: {voxels}")).collect::<Vec<_>>().join(", "),
        ]
    }));
    aligned(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_file_name_gives_an_id_and_a_good_one_stays() {
        assert_eq!(subject(&stem(Path::new("a/sub-01.nii.gz"))).as_str(), "sub-01");
        assert_eq!(subject(&stem(Path::new("müller v1.2.nii"))).as_str(), "m_ller_v1_2");
        assert_eq!(subject("").as_str(), "_");
        assert_eq!(subject(&"x".repeat(100)).as_str().len(), 64);
    }
}
