//! Measures the time of reading NIfTI files, and that of nibabel if a Python with nibabel is given:
//!
//!     cargo run --release -p lacuna-volume --example decode -- --peer PYTHON FILES...
//!
//! Besides the named files, a synthetic head of 256^3 voxels, int16, plain and gzipped, is read. Figures are
//! milliseconds of CPU time, the minimum of several readings; the two readers alternate within one run, and the sums
//! over all voxels must agree. `first` is lacuna's first reading, for which the allocator may have to request memory
//! from the system. The disk affects the figures only if a file was not read before.

use lacuna_seed::Seed;
use lacuna_volume::{Grid, Image, LabelMap, ReadLimits, SpacingMm, read_volume, write_label_map};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

/// The allocator of the command, so that the figures are those of its users.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPEATS: usize = 9;
const SIDE: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from).peekable();
    let mut peer = None;
    if arguments.next_if(|first| first == Path::new("--peer")).is_some() {
        peer = Some(Peer::start(&arguments.next().ok_or("--peer needs a Python")?)?);
    }
    let folder = tempfile::tempdir()?;
    let files = arguments.chain(synthetic(folder.path())?);
    println!(
        "{:<28} {:>12} {:>9} {:>10} {:>16} {:>16} {:>7}",
        "file", "voxels", "first ms", "lacuna ms", "float32 copy ms", "stored copy ms", "ratio"
    );
    for file in files {
        report(&file, peer.as_mut())?;
    }
    Ok(())
}

fn report(file: &Path, mut peer: Option<&mut Peer>) -> Result<(), Box<dyn Error>> {
    let (mut ours, mut float32, mut stored) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
    let (mut voxels, mut first) = (0, None);
    for _ in 0..REPEATS {
        let start = cpu_seconds();
        let image = read_volume(file, &ReadLimits::default())?.image;
        let seconds = cpu_seconds() - start;
        ours = ours.min(seconds);
        first.get_or_insert(seconds);
        voxels = image.voxels().len();
        if let Some(peer) = &mut peer {
            let sum: f64 = image.voxels().iter().map(|&voxel| f64::from(voxel)).sum();
            let (seconds, peer_sum) = peer.read("float32", file)?;
            assert!((sum - peer_sum).abs() <= 1e-6 * sum.abs(), "{}: sums {sum} and {peer_sum}", file.display());
            float32 = float32.min(seconds);
            stored = stored.min(peer.read("stored", file)?.0);
        }
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let [first, ours, float32, stored] = [first.unwrap_or(ours), ours, float32, stored].map(|seconds| 1e3 * seconds);
    match peer {
        None => println!("{name:<28} {voxels:>12} {first:>9.3} {ours:>10.3}"),
        Some(_) => {
            let ratio = ours / float32;
            println!("{name:<28} {voxels:>12} {first:>9.3} {ours:>10.3} {float32:>16.3} {stored:>16.3} {ratio:>7.2}")
        }
    }
    Ok(())
}

/// Returns the CPU time of this thread, which is independent of other load; wall-clock time where the system has no
/// such figure.
fn cpu_seconds() -> f64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    // Linux updates a thread's CPU time when it yields.
    std::thread::yield_now();
    let in_ns = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let in_ns = in_ns.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    in_ns.map_or_else(|| START.elapsed().as_secs_f64(), |ns| ns * 1e-9)
}

/// Writes a sphere in noise with bright and dark bands, 12 bits deep, whose gzip ratio is about that of heads.
fn synthetic(folder: &Path) -> Result<[PathBuf; 2], Box<dyn Error>> {
    let grid = Grid::axis_aligned([SIDE; 3], SpacingMm([1.0; 3]));
    let mut draws = Seed(0).stream("decode").draws();
    let mut head: LabelMap = Image::new(grid, vec![0; grid.len()]);
    for (offset, voxel) in head.voxels_mut().iter_mut().enumerate() {
        let from_centre = [offset % SIDE, offset / SIDE % SIDE, offset / SIDE / SIDE].map(|at| at as f64 - 127.5);
        let radius = from_centre.iter().map(|mm| mm * mm).sum::<f64>().sqrt();
        let tissue = if radius < 100.0 { 800.0 + 300.0 * (radius / 9.0).cos() } else { 0.0 };
        *voxel = (tissue + 15.0 * draws.uniform()) as u16;
    }
    let paths = ["int16-256.nii", "int16-256.nii.gz"].map(|name| folder.join(name));
    write_label_map(&paths[0], &head, None)?;
    let mut bytes = std::fs::read(&paths[0])?;
    // The field datatype, from uint16 to int16; both represent these values.
    bytes[70..72].copy_from_slice(&4i16.to_le_bytes());
    std::fs::write(&paths[0], &bytes)?;
    let mut gzip = flate2::write::GzEncoder::new(std::fs::File::create(&paths[1])?, flate2::Compression::default());
    gzip.write_all(&bytes)?;
    gzip.finish()?;
    Ok(paths)
}

/// A Python process that reads files on request and reports the time taken.
struct Peer {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &Path) -> Result<Peer, Box<dyn Error>> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/peers/nibabel_decode.py");
        let mut process = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let requests = process.stdin.take().ok_or("a pipe was asked for")?;
        let answers = BufReader::new(process.stdout.take().ok_or("a pipe was asked for")?);
        let mut peer = Peer { process, requests, answers };
        println!("{}", peer.answer()?);
        Ok(peer)
    }

    /// Returns the seconds taken, and the sum over all voxels.
    fn read(&mut self, kind: &str, file: &Path) -> Result<(f64, f64), Box<dyn Error>> {
        writeln!(self.requests, "{kind} {}", std::path::absolute(file)?.display())?;
        let answer = self.answer()?;
        let (seconds, sum) = answer.split_once(' ').ok_or("the peer failed")?;
        Ok((seconds.parse()?, sum.parse()?))
    }

    fn answer(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_string())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The process has no state to lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
