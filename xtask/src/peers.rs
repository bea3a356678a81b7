//! lacuna's files and figures against the programs that its users have: PyTorch, MONAI, nnU-Net, TensorBoard,
//! onnxruntime, scipy, SimpleITK, nibabel, MedPy, surface-distance, seg-metrics.
//!
//! The scripts in `xtask/peers` make the comparisons and know the tolerances; this program installs their packages,
//! runs them, and keeps their figures in `benches/peers/figures.json`.

use crate::Failure;
use crate::machine::{Setting, printed, python_with};
use crate::program;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compare weights, graphs, event files, scores and predictions with PyTorch, onnxruntime, TensorBoard, scipy and nibabel
#[derive(Args)]
#[command(
    after_help = "Example:\n  cargo xtask peers\n  cargo xtask peers --lacuna target/release/lacuna --python venv/bin/python"
)]
pub struct Arguments {
    /// A Python that has xtask/peers/requirements.txt; made in target/peers if unsaid, which takes some GB
    #[arg(long, value_name = "PYTHON")]
    python: Option<PathBuf>,
    /// A built lacuna; built if unsaid
    #[arg(long, value_name = "FILE")]
    lacuna: Option<PathBuf>,
    /// The folder with ixi7 and hippocampus60; without it scores and predictions are not compared
    #[arg(long, value_name = "DIR", env = "LACUNA_TEST_DATA", default_value = "../shared/data")]
    data: PathBuf,
    /// Only files that others write or read: dcm2niix, the BIDS validator, nnU-Net's Decathlon converter
    #[arg(long)]
    files: bool,
}

const SCRIPTS: &str = "xtask/peers";
const FOLDER: &str = "target/peers";
const FIGURES: &str = "benches/peers/figures.json";
const FILES: &str = "benches/peers/files.json";

/// The figures on files that other programs write and lacuna reads, and the other way round.
#[derive(Serialize)]
struct Files {
    setting: Setting,
    dicom: Value,
    bids: Value,
    decathlon: Value,
}

#[derive(Serialize)]
struct Figures {
    setting: Setting,
    weights: Value,
    nnunet: Value,
    onnx: Value,
    schemas: Value,
    events: Value,
    predictions: Value,
    /// HD95 and surface Dice of four shapes by several libraries: the table of docs/metrics.md.
    definitions: Value,
    /// The scores' figures; `None` without real volumes.
    scores: Option<Value>,
}

/// Installs, compares, and writes the figures.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setting = Setting::here()?;
    let lacuna = program::given_or_built(arguments.lacuna.as_deref(), &[])?;
    let python = match &arguments.python {
        Some(python) => python.clone(),
        None => environment()?,
    };
    let peers = Peers { python: std::path::absolute(python)?, lacuna };
    peers.files()?;
    if arguments.files {
        return Ok(());
    }
    let weights = peers.compare("weights.py", &[])?;
    println!("weights and logits: as in PyTorch\n{weights:#}");
    let nnunet = peers.compare("nnunet.py", &[])?;
    println!("nnU-Net's checkpoints and logits: as in PyTorch\n{nnunet:#}");
    let onnx = peers.compare("onnx_graphs.py", &[])?;
    println!("ONNX graphs in onnxruntime: as in PyTorch\n{onnx:#}");
    let schemas = peers.compare("schemas.py", &[])?;
    println!("JSON Schemas: as jsonschema reads them\n{schemas:#}");
    let events = peers.compare("events.py", &[])?;
    println!("event files: as TensorBoard reads them\n{events:#}");
    let predictions = peers.compare("predict.py", &[])?;
    println!("predictions: as nibabel, numpy and scipy have them\n{predictions:#}");
    let definitions = peers.compare("definitions.py", &[])?;
    println!("HD95 as in MedPy and seg-metrics, surface Dice by area as in surface-distance\n{definitions:#}");
    let scores = if arguments.data.join("ixi7").is_dir() {
        let scores = peers.compare("scores.py", &[&std::path::absolute(&arguments.data)?])?;
        println!("scores and predictions: as scipy, SimpleITK and nibabel have them\n{scores:#}");
        Some(scores)
    } else {
        println!("skipped: scores and predictions, since {} holds no ixi7", arguments.data.display());
        None
    };
    let figures = Figures { setting, weights, nnunet, onnx, schemas, events, predictions, definitions, scores };
    std::fs::write(FIGURES, serde_json::to_string_pretty(&figures)? + "\n")?;
    println!("figures in {FIGURES}");
    Ok(())
}

/// The Python of a virtual environment with the packages that the scripts need.
fn environment() -> Result<PathBuf, Failure> {
    let requirements = Path::new(SCRIPTS).join("requirements.txt");
    python_with(
        Path::new("python3"),
        &Path::new(FOLDER).join("venv"),
        &["--requirement", &requirements.to_string_lossy()],
    )
}

struct Peers {
    python: PathBuf,
    lacuna: PathBuf,
}

impl Peers {
    /// Compares files with dcm2niix, the BIDS validator and nnU-Net's converter, and writes the figures.
    fn files(&self) -> Result<(), Failure> {
        let dicom = self.compare("dicom.py", &[])?;
        println!("what dcm2niix writes: grid and voxels as nibabel has them\n{dicom:#}");
        let bids = self.compare("bids.py", &[])?;
        println!("BIDS exports: every file looked at by the validator, no error\n{bids:#}");
        let decathlon = self.compare("decathlon.py", &[])?;
        println!("Decathlon exports: converted by nnU-Net, voxel for voxel\n{decathlon:#}");
        let files = Files { setting: Setting::here()?, dicom, bids, decathlon };
        std::fs::write(FILES, serde_json::to_string_pretty(&files)? + "\n")?;
        println!("figures in {FILES}");
        Ok(())
    }

    /// Runs a script in a fresh folder; the last line of its output holds its figures.
    fn compare(&self, script: &str, more: &[&Path]) -> Result<Value, Failure> {
        let folder = std::path::absolute(Path::new(FOLDER).join(script))?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let mut command = Command::new(&self.python);
        command.arg(Path::new(SCRIPTS).join(script)).arg(&self.lacuna).args(more).arg(&folder);
        let text = printed(&mut command)?;
        let last = text.lines().last().ok_or_else(|| format!("{script} printed nothing"))?;
        Ok(serde_json::from_str(last)?)
    }
}
