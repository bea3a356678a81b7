//! `lacuna predict`: segment images, or write a network's raw logits.

mod failures;
mod output_files;
mod record;
mod scans;
mod unfinished;

use crate::arguments::{ConsultArguments, Model, ModelArguments, PreprocessArguments, Purpose, ReadArguments, voxels};
use crate::confine::folder_of;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::interrupt;
use crate::notes::Notes;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::registering;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use failures::{all_failed, of_scan};
use lacuna_artefacts::{Artefact, Kind, Site};
use lacuna_cohort::{ReadOptions, Scan, ScanData, load};
use lacuna_inference::{Axis, InferenceError, SlidingWindow};
use lacuna_nn::Network;
use lacuna_seed::Seed;
use lacuna_train::{Prediction, TrainError, is_collapsed};
use lacuna_volume::{
    ClassMap, NiftiHeader, Prepared, Preprocessing, keep_largest_components, write_label_map, write_volume,
};
use output_files::{OutputOptions, label_file, probability_file, refuse_inputs, refuse_taken, suffix};
use record::{Record, Written, class_names};
use safetensors::tensor::{Dtype, TensorView};
use scans::Found;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use unfinished::{Asked, Unfinished};

/// Segment images; results lie on each image's own grid
///
/// One scan at a time is in memory. A model of several channels takes that many IMAGEs per scan,
/// in its channel order; in a folder, NAME_0000 and so on. Where all names end in nnU-Net's channel number, results
/// are called NAME. With --logits it writes the tensor
/// `logits`, [1, C, D, H, W], as the network gives it.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna predict scan.nii.gz --model model.safetensors --out segmented\n  \
                  lacuna predict scans --model model.safetensors --out segmented --window 96x96x96 --flips w \\\n    \
                  --largest-component --probabilities\n  \
                  lacuna predict Dataset001/imagesTs --model model.safetensors --out predicted --suffix \"\"\n  \
                  lacuna predict scan.nii.gz --model foreign.safetensors --depth 50 --shortcut B --classes 2 \\\n    \
                  --preprocess none --logits logits.safetensors")]
pub struct Arguments {
    /// NIfTI images, or folders of them; label maps and probabilities beside their image are no images
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// Write label maps of class numbers (not of the label values of some data set) into this folder, IMAGE's name with
    /// `_labels`, or the text of --suffix, before its ending
    #[arg(long, value_name = "DIR", required_unless_present = "logits", conflicts_with = "logits")]
    out: Option<PathBuf>,
    /// What stands behind the scan's name in that of its label map; `--suffix ""` gives nnU-Net's own names, in another
    /// folder than the images'
    #[arg(long, value_name = "TEXT", default_value = scans::LABELS, value_parser = suffix, requires = "out")]
    suffix: String,
    /// Go on in that folder: scans that have their label map are passed over
    #[arg(long = "continue", requires = "out")]
    go_on: bool,
    /// Write the probability of each class too, as `_probability-CLASS`
    #[arg(long, requires = "out")]
    probabilities: bool,
    /// Leave of each class only its largest connected part; the rest becomes background
    #[arg(long, requires = "out")]
    largest_component: bool,
    #[command(flatten)]
    consult: ConsultArguments,
    #[command(flatten)]
    passes: PassArguments,
    /// Write the raw logits of one scan to this safetensors file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["window", "flips"])]
    logits: Option<PathBuf>,
    /// What the background noise of MedicalNet's preprocessing follows from
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    #[command(flatten)]
    read: ReadArguments,
}

impl Arguments {
    /// Beneath which folders something is written.
    pub fn may_write(&self) -> Vec<PathBuf> {
        // SQLite keeps a log beside the ledger even where it only reads.
        let files = self.logits.iter().chain(self.consult.ledger());
        self.out.iter().cloned().chain(files.map(|file| folder_of(file))).collect()
    }

    /// The note by which the same command is known again.
    fn unfinished(&self, work: &Work, scans: &[Scan], output_options: &OutputOptions) -> Unfinished {
        let passes = (&self.passes.window, self.passes.overlap.to_bits(), &self.passes.flips);
        let read = (
            &self.read,
            self.seed,
            output_options.probabilities,
            output_options.largest_component,
            output_options.suffix,
        );
        let settings = (work.preprocessing, passes, read);
        Unfinished::of(output_options.folder, &Asked { model: &work.model.digest(), settings }, scans)
    }
}

/// How a prepared scan goes through the network.
#[derive(Args)]
struct PassArguments {
    /// Cut the network's input into overlapping windows of this size along D, H and W, multiples of 8, and blend their
    /// answers by a Gaussian
    #[arg(long, value_parser = voxels, value_name = "DxHxW", help_heading = "Passes")]
    window: Option<[usize; 3]>,
    /// The share of a window that the next one covers too
    #[arg(long, default_value_t = 0.5, value_name = "SHARE", help_heading = "Passes")]
    overlap: f64,
    /// Average over mirror images along these axes of the network's input: d, h, w
    #[arg(long, value_parser = axes(), ignore_case = true, value_delimiter = ',', value_name = "AXES", help_heading = "Passes")]
    flips: Vec<Axis>,
}

/// What holds for every scan of one call.
struct Work<'a> {
    context: &'a Context,
    model: &'a Model,
    preprocessing: &'a Preprocessing,
    sliding_window: SlidingWindow,
    seed: Seed,
    read: ReadOptions,
    site: Site,
    notes: Notes,
}

/// Segment scan after scan.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    arguments.consult.check(&arguments.model.model, Purpose::Use, context)?;
    let stated = arguments.preprocess.stated()?;
    let model = arguments.model.open(&context.device)?;
    let preprocessing = model.preprocessing(stated)?;
    let Found { mut scans, not_read, results } =
        scans::scans(&arguments.images, model.network.architecture().channels(), &arguments.suffix)?;
    let named = scans.len();
    crate::redact::hide(scans.iter().map(|scan| scan.name.as_str()));
    let beside = not_read.iter().chain(&results).filter_map(|file| file.file_name()?.to_str());
    crate::redact::hide(beside);
    context.remark(&model.remarks);
    scans::note_passed_over(&not_read, &results, context);
    let work = Work {
        context,
        model: &model,
        preprocessing: &preprocessing,
        sliding_window: arguments.passes.sliding_window()?,
        seed: Seed(arguments.seed),
        read: arguments.read.options()?,
        site: context.site()?,
        notes: Notes::default(),
    };
    let predictions = match (&arguments.out, &arguments.logits) {
        (_, Some(file)) => {
            let written = write_logits(&work, &scans, file);
            work.notes.print(context);
            vec![written?]
        }
        (Some(folder), None) => {
            let (probabilities, largest_component) = (arguments.probabilities, arguments.largest_component);
            let output_options = OutputOptions { folder, suffix: &arguments.suffix, probabilities, largest_component };
            refuse_inputs(&scans, &output_options)?;
            let begun = arguments.unfinished(&work, &scans, &output_options);
            if arguments.go_on || begun.is_there() {
                scans.retain(|scan| !label_file(&output_options, scan).exists());
            }
            refuse_taken(&scans, &output_options)?;
            begun.begin()?;
            let segmented = segment(&work, &scans, &output_options);
            work.notes.print(context);
            let segmented = segmented?;
            begun.end()?;
            segmented
        }
        (None, None) => unreachable!("clap demands --out or --logits"),
    };
    let record = Record {
        model: model.digest(),
        network: model.network.architecture().to_string(),
        preprocessing,
        window: arguments.passes.window,
        overlap: arguments.passes.window.map(|_| arguments.passes.overlap),
        flips: arguments.passes.flips.clone(),
        largest_component: arguments.largest_component,
        classes: class_names(&model),
        passed_over: named - scans.len(),
        not_read,
        results,
        predictions,
    };
    Ok(Outcome::new("predict", &record, record.text()))
}

impl PassArguments {
    /// # Errors
    /// A window that the network cannot be shifted by, an overlap that is no share.
    fn sliding_window(&self) -> Result<SlidingWindow, CliError> {
        // The library names what is wrong as the flags do.
        let usage = |error: InferenceError| CliError::Usage { what: format!("--{error}") };
        SlidingWindow::new(self.window, self.overlap, &self.flips).map_err(usage)
    }
}

/// Axes by name, with what they are.
fn axes() -> impl TypedValueParser<Value = Axis> {
    let values = Axis::ALL.map(|axis| PossibleValue::new(axis.name()).help(about(axis)));
    PossibleValuesParser::new(values).map(|name| {
        let named = Axis::ALL.into_iter().find(|axis| name.eq_ignore_ascii_case(axis.name()));
        named.expect("the parser lets only these names pass")
    })
}

fn about(axis: Axis) -> &'static str {
    match axis {
        Axis::D => "The first: from below to above in canonical preprocessing",
        Axis::H => "The second: from the back to the front",
        Axis::W => "The third: from left to right",
    }
}

fn prepare(work: &Work, scan: &Scan) -> Result<(Prepared, NiftiHeader), CliError> {
    let ScanData { images, header, notices, .. } = load(scan, &work.read)?;
    for (path, notice) in notices {
        work.notes.take("files", path.display().to_string(), notice.to_string());
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
    // The register comes first, so that a folder that cannot be written to is found before the network is asked.
    enter(work, file, &whom(work, scan)?)?;
    let (prepared, _) = prepare(work, scan).map_err(|error| of_scan(scan, error))?;
    let logits = lacuna_inference::logits(network, &prepared, &work.context.device);
    let shape = logits.dims();
    let bytes: Vec<u8> = lacuna_inference::values(logits).iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).expect("as many bytes as the shape has values");
    let bytes = safetensors::serialize([("logits", view)], None).expect("one tensor has one name");
    lacuna_disk::write_bytes(file, &bytes)?;
    let [_, c, d, h, w] = shape;
    Ok(Written {
        images: scan.images.clone(),
        output: file.to_path_buf(),
        input_shape: prepared.shape,
        output_shape: [c, d, h, w],
        passes: 1,
        probabilities: Vec::new(),
        voxels: None,
        removed: None,
    })
}

fn segment(work: &Work, scans: &[Scan], output_options: &OutputOptions) -> Result<Vec<Written>, CliError> {
    let mut progress = Progress::begin(work.context, "predict", "scan", scans.len(), 0);
    let (mut written, mut failed) = (Vec::new(), Vec::new());
    let stopped = |done: usize| {
        let (all, folder) = (scans.len(), output_options.folder.display());
        CliError::Interrupted {
            kept: format!("{done} of {all} scans are segmented in {folder}; go on with --continue"),
        }
    };
    for (index, scan) in scans.iter().enumerate() {
        if interrupt::requested() {
            return Err(stopped(written.len()));
        }
        let prepared = match prepare(work, scan) {
            // What is wrong with one image keeps no other from being segmented.
            Err(error) if error.exit() == Exit::Data => {
                failed.push(of_scan(scan, error));
                continue;
            }
            prepared => prepared.map_err(|error| of_scan(scan, error))?,
        };
        let mut show = |share| progress.within(index + 1, share, "");
        match segment_one(work, scan, prepared, output_options, &mut show)? {
            Some(segmented) => written.push(segmented),
            None => return Err(stopped(written.len())),
        }
    }
    progress.advance(scans.len(), "");
    if failed.is_empty() { Ok(written) } else { Err(all_failed(failed, scans.len(), output_options.folder)) }
}

/// Segment one scan; `None` if the user wished to stop before its end, with nothing written.
fn segment_one(
    work: &Work,
    scan: &Scan,
    (prepared, header): (Prepared, NiftiHeader),
    output_options: &OutputOptions,
    show: &mut dyn FnMut(f64),
) -> Result<Option<Written>, CliError> {
    let (shape, passes) = (prepared.shape, work.sliding_window.passes(prepared.shape));
    let prediction = match ask(work, &prepared, passes, show) {
        Err(_) if interrupt::requested() => return Ok(None),
        prediction => prediction?,
    };
    if is_collapsed(&prediction) {
        work.notes.take("scans", scan.images[0].display().to_string(), "the network predicts one class everywhere");
    }
    // The input of a large image is large; its place is all that is needed of it from here on.
    let inverse_transform = prepared.inverse_transform.clone();
    drop(prepared);
    let number = prediction.shape[0];
    let whom = whom(work, scan)?;
    let mut probabilities = Vec::new();
    for class in (0..number).filter(|_| output_options.probabilities) {
        let file = probability_file(output_options.folder, scan, class);
        // Class after class, so that one of them is in memory.
        let image = inverse_transform.probability_to_image(&prediction.probabilities, prediction.shape, class)?;
        enter(work, &file, &whom)?;
        write_volume(&file, &image, Some(&header))?;
        probabilities.push(file);
    }
    let mut classes = inverse_transform.probabilities_to_image(&prediction.probabilities, prediction.shape)?;
    let removed = output_options.largest_component.then(|| keep_largest_components(&mut classes));
    // Last, since a label map says that its scan is done.
    let output = label_file(output_options, scan);
    enter(work, &output, &whom)?;
    write_label_map(&output, &classes, Some(&header))?;
    Ok(Some(Written {
        images: scan.images.clone(),
        output,
        input_shape: shape,
        output_shape: prediction.shape,
        passes,
        probabilities,
        voxels: Some(count(&classes, number)),
        removed: removed.map(|removed| by_class(&removed, number)),
    }))
}

/// What the model says, pass after pass; stops between two of them if the user wishes to.
fn ask(work: &Work, prepared: &Prepared, passes: usize, show: &mut dyn FnMut(f64)) -> Result<Prediction, CliError> {
    let device = &work.context.device;
    let networks = work.model.network_count();
    let mut done = 0;
    show(0.0);
    let mut after_pass = || {
        done += 1;
        show(done as f64 / (passes * networks) as f64);
        if interrupt::requested() { Err(TrainError::Interrupted { epochs_done: 0 }) } else { Ok(()) }
    };
    let mut output_of = |network: &Network| {
        lacuna_inference::predict(network, prepared, &work.sliding_window, device, &mut after_pass)
            .map(|output| vec![output])
    };
    Ok(work.model.ask(device, &mut output_of)?.remove(0).prediction)
}

/// Whom what is made of a scan holds, for the register.
fn whom(work: &Work, scan: &Scan) -> Result<Artefact, CliError> {
    let ids = registering::ids_of_scan(scan);
    let whom = registering::of_file(Path::new(""), Kind::Prediction);
    let whom = registering::holding(whom, &work.site, ids.iter().map(String::as_str));
    let whom = Artefact { model: Some(work.model.digest()), ..whom };
    registering::made_of(whom, &work.site, &scan.images)
}

fn enter(work: &Work, file: &Path, whom: &Artefact) -> Result<(), CliError> {
    let named = registering::of_file(file, whom.kind).file;
    registering::enter(&work.site, file, &Artefact { file: named, ..whom.clone() })
}

fn by_class(removed: &BTreeMap<u8, u64>, number: usize) -> Vec<u64> {
    (0..number).map(|class| removed.get(&(class as u8)).copied().unwrap_or(0)).collect()
}

fn count(classes: &ClassMap, number: usize) -> Vec<u64> {
    let mut voxels = vec![0; number];
    classes.voxels().iter().for_each(|&class| voxels[usize::from(class)] += 1);
    voxels
}
