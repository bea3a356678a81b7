//! `lacuna convert`: weights from one program's file into another's, with every tensor accounted for.

mod forward;
pub mod record;

use crate::arguments::{PlansArguments, ShortcutChoice};
use crate::confine::folder_of;
use crate::context::Context;
use crate::error::CliError;
use crate::lineage;
use crate::output::Outcome;
use crate::registering;
use clap::{Args, ValueEnum};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{
    Architecture, MatchReport, Network, NnError, Part, arrays, match_file, recognise, write_model, write_onnx,
};
use lacuna_seed::Seed;
use lacuna_weights::{WeightFile, Wrapping, write_pth, write_safetensors};
use record::Record;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Read PyTorch's or safetensors weights, say which tensors match, and write them for another program
///
/// A .pth file is a pickle, which Python would run; it is read here as data, so an untrusted file can be looked at.
/// Names may be MedicalNet's, those of MONAI's ResNet or of nnU-Net's plain U-Net, with or without what wrappers put in
/// front (`module.`, `model.`, `net.`, `network.`, `_orig_mod.`).
/// Without --out nothing is written.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna convert resnet_50.pth --out resnet_50.safetensors\n  \
                  lacuna convert model.safetensors --out model.pth --names data-parallel\n  \
                  lacuna convert fold_0/checkpoint_final.pth --plans plans.json --out model.safetensors\n  \
                  lacuna convert model.safetensors --out model.onnx\n  \
                  lacuna convert checkpoint.pth --state-dict model_ema --out averaged.safetensors\n  \
                  lacuna convert resnet_10_23dataset.pth --json")]
pub struct Arguments {
    /// The weights: .pth, .pth.tar, .pt or .safetensors
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The key of the state dict to take from a checkpoint that holds several, as `model_ema` of running averages
    /// [default: the first of state_dict, model_state_dict, network_weights, model, net, weights]
    #[arg(long, value_name = "KEY")]
    state_dict: Option<String>,
    /// The file to write; its ending, .safetensors, .pth or .onnx, says its format
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The network's depth, if the file's own tensors should not decide: 10, 18, 34, 50, 101, 152 or 200
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// The network's shortcut [default: that of the file's tensors, or of the published weights of --depth]
    #[arg(long, value_enum, value_name = "KIND")]
    shortcut: Option<ShortcutChoice>,
    #[command(flatten)]
    plans: PlansArguments,
    /// Leave the segmentation head out
    #[arg(long)]
    backbone: bool,
    /// For whom a .pth file names its tensors
    #[arg(long, value_enum, value_name = "WHOM", default_value = "medicalnet")]
    names: Names,
    /// Write the fixed input and what the network makes of it to this safetensors file
    #[arg(long, value_name = "FILE")]
    forward: Option<PathBuf>,
}

impl Arguments {
    /// Beneath which folders something is written.
    pub fn may_write(&self) -> Vec<PathBuf> {
        self.out.iter().chain(&self.forward).map(|file| folder_of(file)).collect()
    }
}

/// For whom tensors are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Names {
    /// MedicalNet's names, as `load_state_dict` wants them
    Medicalnet,
    /// The same below `state_dict` and with `module.`, as MedicalNet's own loader wants them on a GPU
    DataParallel,
    /// The encoder alone under the same names, as `monai.networks.nets.resnet50(pretrained=FILE)` wants it
    Monai,
}

/// Read, match, compute once, and write.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let target = arguments.out.as_deref().map(|path| Target::of(path, arguments.names)).transpose()?;
    let file = WeightFile::open_state_dict(&arguments.file, arguments.state_dict.as_deref())?;
    let architecture = architecture(arguments, &file)?;
    context.remark(&arguments.plans.remarks()?);
    let mut network = Network::new(architecture.clone(), Seed(0), &context.device);
    let report = match_file(&file, &mut network)?;
    check_encoder(&file, &network, &report)?;
    let lineage = lineage::check(&arguments.file, report.is_exact().then(|| network.digest()).as_deref())?;
    let has_head = !report.unfilled().any(Network::is_head);
    let encoder_alone = arguments.backbone || arguments.names == Names::Monai || !has_head;
    let part = if encoder_alone { Part::Encoder } else { Part::Whole };
    let forward = forward::forward(&network, part, context);
    if let Some(path) = &arguments.forward {
        forward.write(path)?;
    }
    if let Some(target) = &target {
        let digest = network.digest();
        let site = context.site()?;
        let entry = registering::weights(target.path, &digest, lineage.as_ref(), &site);
        registering::enter(&site, target.path, &entry)?;
        target.write(&file, &network, part)?;
    }
    let classes = has_head.then(|| architecture.classes());
    let record = Record::new(&file, &architecture, classes, part, report, forward.summary, arguments.out.as_deref());
    Ok(Outcome::new("convert", &record, record.text()))
}

/// What the file says of its network, where the user does not say otherwise.
fn architecture(arguments: &Arguments, file: &WeightFile) -> Result<Architecture, CliError> {
    // The classes of a head that the file lacks are never looked at.
    const ANY_CLASSES: usize = 2;
    if let Some(planned) = arguments.plans.architecture(file)? {
        return Ok(planned);
    }
    let said = match (arguments.depth, recognise(file)) {
        (depth, Ok(found)) => {
            let found = found.architecture(ANY_CLASSES)?;
            match depth {
                Some(depth) if found.resnet().is_none_or(|resnet| resnet.depth != depth) => {
                    Architecture::medicalnet(depth, found.channels(), found.classes())?
                }
                _ => found,
            }
        }
        (Some(depth), Err(_)) => Architecture::medicalnet(depth, 1, ANY_CLASSES)?,
        (None, Err(error)) => return Err(error.into()),
    };
    Ok(match arguments.shortcut {
        Some(shortcut) => said.with_shortcut(shortcut.into()),
        None => said,
    })
}

/// A network of which a part would be random is none.
fn check_encoder(file: &WeightFile, network: &Network, report: &MatchReport) -> Result<(), CliError> {
    let head: Vec<&str> = report.unfilled().filter(|name| Network::is_head(name)).collect();
    let of_head = network.parameters.iter().filter(|(name, _)| Network::is_head(name)).count();
    let encoder_is_whole = report.unfilled().count() == head.len();
    let head_is_whole_or_absent = head.is_empty() || head.len() == of_head;
    if encoder_is_whole && head_is_whole_or_absent {
        return Ok(());
    }
    Err(CliError::Network(NnError::Mismatch {
        path: file.path().to_path_buf(),
        architecture: network.architecture().to_string(),
        report: record::by_name(report),
        fix: report.fix(),
    }))
}

/// Where weights go, in which format and under whose names.
struct Target<'a> {
    path: &'a Path,
    format: TargetFormat,
}

enum TargetFormat {
    Safetensors,
    Pth(Names),
    Onnx,
}

impl Target<'_> {
    fn of(path: &Path, names: Names) -> Result<Target<'_>, CliError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let is_pth = [".pth", ".pth.tar", ".pt"].iter().any(|ending| name.ends_with(ending));
        let format = match (name.ends_with(".safetensors"), name.ends_with(".onnx"), names) {
            (true, _, Names::Medicalnet) => TargetFormat::Safetensors,
            (_, true, Names::Medicalnet) => TargetFormat::Onnx,
            (false, false, names) if is_pth => TargetFormat::Pth(names),
            (false, false, _) => {
                let what =
                    format!("--out {}: expected a name that ends in .safetensors, .pth or .onnx", path.display());
                return Err(CliError::Usage { what: format!("{what}, found another; fix: give it one") });
            }
            _ => {
                let what = "--names: expected medicalnet unless a .pth file is written, found another; fix: write .pth";
                return Err(CliError::Usage { what: what.to_string() });
            }
        };
        Ok(Target { path, format })
    }

    fn write(&self, file: &WeightFile, network: &Network, part: Part) -> Result<(), CliError> {
        match (&self.format, part) {
            (TargetFormat::Safetensors, Part::Whole) => Ok(write_model(self.path, network, &notes(file, network)?)?),
            (TargetFormat::Safetensors, Part::Encoder) => {
                Ok(write_safetensors(self.path, &arrays(network, part), None)?)
            }
            (TargetFormat::Onnx, part) => Ok(write_onnx(self.path, network, part)?),
            (TargetFormat::Pth(Names::Medicalnet | Names::Monai), part) => {
                Ok(write_pth(self.path, &arrays(network, part), &Wrapping::None)?)
            }
            (TargetFormat::Pth(Names::DataParallel), part) => {
                let prefixed = arrays(network, part).into_iter().map(|(name, array)| (format!("module.{name}"), array));
                // Beside nothing else: how many epochs there were is not known.
                Ok(write_pth(self.path, &prefixed.collect(), &Wrapping::StateDict(BTreeMap::new()))?)
            }
        }
    }
}

/// The metadata of lacuna's own file, of any file its digest, and what nnU-Net trains with.
fn notes(file: &WeightFile, network: &Network) -> Result<BTreeMap<String, String>, CliError> {
    let said = file.notes().get("lacuna").and_then(|text| serde_json::from_str(text).ok());
    let mut notes: BTreeMap<String, String> = said.unwrap_or_default();
    if !notes.contains_key("parent") {
        notes.insert("parent".to_string(), lacuna_disk::digest_file(file.path())?);
    }
    if network.architecture().plain_unet().is_some() && !notes.contains_key("loss") {
        notes.insert("loss".to_string(), serde_json::json!(SegmentationLoss::Nnunet).to_string());
    }
    Ok(notes)
}
