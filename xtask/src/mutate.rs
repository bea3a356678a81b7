//! Mutation tests of everything that reads files from outside: many damaged and hostile files.
//!
//! Files of the fixtures are changed at random, from a seed and so reproducibly, and read. A refused file must give an
//! error; an accepted file must have been read correctly, which each parser checks in its own way; nothing may panic,
//! take long, or take much memory. A sealed file must be refused whatever byte is changed.

mod parser;
mod sealed;

use crate::Failure;
use clap::Args;
use lacuna_seed::{Draws, Seed};
use parser::{Answer, PARSERS, Parser};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Change files at random and read them: NIfTI, weights, tables, settings, evidence
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask mutate --count 100000 --out docs/results/mutations.json")]
pub struct Arguments {
    /// Changed files for each parser
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    count: u64,
    /// Another seed gives other files
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only this parser
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Keep the changed files, in verdicts.csv who was accepted, and in `read` what was read of those, for
    /// `xtask/peers/accepts.py`
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The results of one parser.
#[derive(Debug, Default, Serialize)]
struct Counts {
    parser: String,
    tried: u64,
    refused: u64,
    /// Files that were read, and read correctly.
    accepted: u64,
    /// Files that were read wrongly, and seals that held over a changed byte.
    accepted_wrongly: u64,
    panics: u64,
    slowest_ms: f64,
    /// The rise of the process's peak memory, in MiB.
    peak_mib: f64,
}

/// Runs the tests, and fails if a file was accepted wrongly or a parser panicked.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    // Panics are counted below, so their messages are suppressed.
    std::panic::set_hook(Box::new(|_| {}));
    let scratch = std::env::temp_dir().join(format!("lacuna-mutate-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let outcome = try_all(arguments, &scratch);
    std::fs::remove_dir_all(&scratch)?;
    let tallies = outcome?;
    if let Some(out) = &arguments.out {
        std::fs::write(out, serde_json::to_string_pretty(&tallies)? + "\n")?;
    }
    match tallies.iter().find(|counts| counts.accepted_wrongly + counts.panics > 0) {
        Some(counts) => Err(format!("{}: accepted wrongly or panicked", counts.parser).into()),
        None => Ok(()),
    }
}

fn try_all(arguments: &Arguments, scratch: &Path) -> Result<Vec<Counts>, Failure> {
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| only == name);
    if let Some(folder) = &arguments.keep {
        if arguments.only.is_none() {
            return Err("--keep: name the parser with --only, since each has a folder of its own".into());
        }
        std::fs::create_dir_all(folder.join(READ))?;
    }
    let mut tallies = Vec::new();
    for parser in PARSERS.iter().filter(|parser| wanted(parser.name)) {
        tallies.push(shown(mutated(parser, arguments, scratch)?));
    }
    for sealed in sealed::SEALED.iter().filter(|sealed| wanted(sealed.name)) {
        tallies.push(shown(sealed::flipped(sealed, scratch)?));
    }
    Ok(tallies)
}

fn shown(counts: Counts) -> Counts {
    let Counts { parser, tried, refused, accepted, accepted_wrongly, panics, slowest_ms, peak_mib } = &counts;
    println!(
        "{parser:15} {tried:7} tried, {refused:7} refused, {accepted:6} accepted rightly, {accepted_wrongly} wrongly, \
         {panics} panics; slowest {slowest_ms:.0} ms, memory +{peak_mib:.0} MiB"
    );
    counts
}

fn mutated(parser: &Parser, arguments: &Arguments, scratch: &Path) -> Result<Counts, Failure> {
    let inputs = parser.inputs()?;
    let stream = Seed(arguments.seed).stream("mutations").part(parser.name);
    let mut counts = Counts { parser: parser.name.to_string(), ..Counts::default() };
    let mut verdicts = "file,parser,accepted\n".to_string();
    let before = peak_mib()?;
    for number in 0..arguments.count {
        let mut draws = stream.part(&number.to_string()).draws();
        let (name, whole) = &inputs[draws.below(inputs.len())];
        let bytes = changed(whole, &inputs, &mut draws);
        let kept = arguments.keep.as_ref().map(|_| bytes.clone());
        let before = counts.accepted;
        counts.add(|| (parser.read)(&scratch.join(name), bytes, scratch));
        if let (Some(folder), Some(bytes)) = (&arguments.keep, kept) {
            let file = format!("{}-{number}-{name}", parser.name);
            std::fs::write(folder.join(&file), bytes)?;
            if counts.accepted > before {
                keep_what_was_read(parser, scratch, &folder.join(READ).join(&file))?;
            }
            verdicts.push_str(&format!("{file},{},{}\n", parser.name, counts.accepted > before));
        }
    }
    if let Some(folder) = &arguments.keep {
        std::fs::write(folder.join("verdicts.csv"), verdicts)?;
    }
    counts.peak_mib = peak_mib()? - before;
    Ok(counts)
}

/// The folder for what was read of accepted files, under the files' own names with an ending.
const READ: &str = "read";

/// Keeps the copy that a parser writes to check what it read; parsers without a copy have nothing to compare.
fn keep_what_was_read(parser: &Parser, scratch: &Path, as_file: &Path) -> Result<(), Failure> {
    let copy = scratch.join(parser.copy);
    if copy.exists() {
        std::fs::rename(&copy, format!("{}.{}", as_file.display(), parser.copy))?;
    }
    Ok(())
}

impl Counts {
    /// Counts the result of one read.
    fn add(&mut self, read: impl FnOnce() -> Answer) {
        let began = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(read));
        let took: Duration = began.elapsed();
        self.slowest_ms = self.slowest_ms.max(took.as_secs_f64() * 1e3);
        self.tried += 1;
        match answer {
            Ok(Answer::Refused) => self.refused += 1,
            Ok(Answer::Accepted) => self.accepted += 1,
            Ok(Answer::Wrong(what)) => {
                println!("{}: {what}", self.parser);
                self.accepted_wrongly += 1;
            }
            Err(_) => self.panics += 1,
        }
    }
}

/// Makes one to four changes, of the kinds that damage and attackers cause.
fn changed(whole: &[u8], inputs: &[(String, Vec<u8>)], draws: &mut Draws) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=draws.below(4) {
        if bytes.is_empty() {
            break;
        }
        // Headers stand in front and matter most, so half of all changes are made there.
        let reach = if draws.below(2) == 0 { bytes.len().min(600) } else { bytes.len() };
        let at = draws.below(reach);
        let length = (1 + draws.below(64)).min(bytes.len() - at);
        match draws.below(8) {
            0 => bytes[at] ^= 1 << draws.below(8),
            1 => bytes[at] = draws.below(256) as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let again = bytes[at..at + length].to_vec();
                bytes.splice(at..at, again);
            }
            5 => {
                let (_, other) = &inputs[draws.below(inputs.len())];
                let from = draws.below(other.len());
                let piece = other[from..(from + length).min(other.len())].to_vec();
                bytes.splice(at..at + length, piece);
            }
            6 => write_number(&mut bytes, at, draws),
            _ => bytes[at..at + length].fill([0, 0xff][draws.below(2)]),
        }
    }
    bytes
}

/// Overwrites a place where a size or an offset may stand with numbers that overflow, underflow, or are huge.
fn write_number(bytes: &mut [u8], at: usize, draws: &mut Draws) {
    const NUMBERS: [u64; 8] =
        [0, 1, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff];
    let number = NUMBERS[draws.below(NUMBERS.len())];
    let width = [2, 4, 8][draws.below(3)];
    let (little, big) = (number.to_le_bytes(), number.to_be_bytes());
    let written = if draws.below(2) == 0 { &little[..width] } else { &big[8 - width..] };
    for (to, from) in bytes[at..].iter_mut().zip(written) {
        *to = *from;
    }
}

/// The peak memory of this process in MiB, as the system counts it.
fn peak_mib() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
