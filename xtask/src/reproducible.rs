//! Checks that the same commit gives the same program, byte for byte, wherever it is built.
//!
//! Two clones of the commit, in folders of different names and depths, are built from nothing, one after the other. The
//! paths of source files in panic messages get the same prefix by `--remap-path-prefix`; no other option of the
//! compiler is set. The toolchain, the registry's folder and the machine are the same for both, so this finds
//! differences that come from the folder or from chance, and not those that come from these.

use crate::Failure;
use crate::machine::printed;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Build the command twice, in two folders, and compare every byte
#[derive(Args)]
#[command(after_help = "Example:\n  CARGO_BUILD_JOBS=2 cargo xtask reproducible --folder /var/tmp/twice")]
pub struct Arguments {
    /// Where to clone and build; some 8 GB. What is there already is gone on with
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
}

/// The two clones below the folder, with names as different as possible.
const PLACES: [&str; 2] = ["one", "another/and-deeper"];

/// Builds both, compares them, and fails if they differ.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let commit = printed(Command::new("git").args(["rev-parse", "HEAD"]))?;
    std::fs::create_dir_all(&arguments.folder)?;
    let folder = arguments.folder.canonicalize()?;
    let mut programs = Vec::new();
    for location in PLACES {
        let clone = folder.join(location);
        check_out(&clone, &commit)?;
        build(&clone)?;
        programs.push(std::fs::read(clone.join("target/release/lacuna"))?);
    }
    let [one, another] = [&programs[0], &programs[1]];
    for (location, program) in PLACES.iter().zip(&programs) {
        println!("{}  {} bytes  {location}", digest(&folder.join(location))?, program.len());
    }
    let differing =
        one.iter().zip(another).filter(|(one, another)| one != another).count() + one.len().abs_diff(another.len());
    if differing > 0 {
        return Err(format!("{differing} bytes differ between two builds of {commit}").into());
    }
    println!("the same program, built of {commit} in two folders");
    Ok(())
}

/// A clone of this checkout's repository at the commit.
fn check_out(clone: &Path, commit: &str) -> Result<(), Failure> {
    if clone.join(".git").exists() {
        printed(Command::new("git").arg("-C").arg(clone).args(["fetch", "--quiet"]))?;
    } else {
        printed(Command::new("git").args(["clone", "--quiet", "--no-checkout", "."]).arg(clone))?;
    }
    printed(Command::new("git").arg("-C").arg(clone).args(["checkout", "--quiet", "--force", commit]))?;
    Ok(())
}

fn build(clone: &Path) -> Result<(), Failure> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let home = home.ok_or("no home folder; fix: set CARGO_HOME")?;
    let flags =
        format!("--remap-path-prefix={}=/lacuna --remap-path-prefix={}=/cargo", clone.display(), home.display());
    let words = ["build", "--release", "--locked", "--quiet", "--package", "lacuna", "--bin", "lacuna"];
    printed(
        Command::new("cargo").current_dir(clone).args(words).env("RUSTFLAGS", flags).env_remove("CARGO_TARGET_DIR"),
    )?;
    Ok(())
}

/// The SHA-256 digest from `sha256sum`, with which users check it too.
fn digest(clone: &Path) -> Result<String, Failure> {
    let said = printed(Command::new("sha256sum").arg(clone.join("target/release/lacuna")))?;
    Ok(said.split_whitespace().next().unwrap_or_default().to_string())
}
