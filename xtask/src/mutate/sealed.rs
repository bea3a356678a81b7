//! Sealed files: the evidence of an erasure and the export of a ledger, made by the command itself. Every byte of every
//! file is changed once, and each change must be found.

use super::{Answer, Counts, peak_mib};
use crate::Failure;
use crate::crashes::{OPERATIONS, Runner};
use lacuna_ledger::evidence::verify_bundle;
use lacuna_ledger::{public_key, verify_export};
use lacuna_seed::Seed;
use std::path::{Path, PathBuf};

/// A kind of sealed folder.
pub struct Sealed {
    pub name: &'static str,
    /// Makes such a folder where an erasure was carried out.
    make: fn(&Runner) -> Result<PathBuf, Failure>,
    /// Whether the folder verifies under a public key.
    holds: fn(&Path, &Path) -> bool,
}

pub const SEALED: [Sealed; 2] = [
    Sealed { name: "evidence", make: evidence, holds: evidence_holds },
    Sealed { name: "ledger-export", make: export, holds: export_holds },
];

/// Change every byte once.
pub fn flipped(sealed: &Sealed, scratch: &Path) -> Result<Counts, Failure> {
    let location = scratch.join(sealed.name);
    std::fs::create_dir_all(&location)?;
    let lacuna = crate::program::build()?.canonicalize()?;
    let runner = Runner::plain(&lacuna, location.clone());
    let erase = OPERATIONS.iter().find(|operation| operation.name == "erase").expect("it is listed");
    (erase.prepare)(&runner)?;
    (erase.go)(&runner)?;
    let folder = (sealed.make)(&runner)?;
    let key = location.join("l.db.keys/public.key");
    if !(sealed.holds)(&folder, &key) {
        return Err(format!("{}: it does not hold as it was made", sealed.name).into());
    }
    let mut counts = Counts { parser: sealed.name.to_string(), ..Counts::default() };
    let (before, mut draws) = (peak_mib()?, Seed(0).stream("flips").part(sealed.name).draws());
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, Failure>>()?;
    files.sort();
    for file in files {
        let whole = std::fs::read(&file)?;
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << draws.below(8);
            std::fs::write(&file, &bytes)?;
            counts.add(|| match (sealed.holds)(&folder, &key) {
                false => Answer::Refused,
                true => Answer::Wrong(format!("byte {at} of {} changed unseen", file.display())),
            });
        }
        std::fs::write(&file, &whole)?;
    }
    counts.peak_mib = peak_mib()? - before;
    Ok(counts)
}

fn evidence(runner: &Runner) -> Result<PathBuf, Failure> {
    let made = std::fs::read_dir(runner.folder.join("runs/evidence"))?.next().ok_or("no evidence was written")?;
    Ok(made?.path())
}

fn evidence_holds(folder: &Path, key: &Path) -> bool {
    let Ok(key) = public_key(key) else { return false };
    verify_bundle(folder, &key).is_ok_and(|checked| checked.findings.is_empty())
}

fn export(runner: &Runner) -> Result<PathBuf, Failure> {
    runner.json("ledger export --ledger l.db --out export")?;
    Ok(runner.folder.join("export"))
}

/// The key in the folder is only a convenience; a verifier uses a key from elsewhere.
fn export_holds(folder: &Path, key: &Path) -> bool {
    let (Ok(own), Ok(theirs)) = (std::fs::read(folder.join("public.key")), std::fs::read(key)) else { return false };
    let Ok(key) = public_key(key) else { return false };
    own == theirs && verify_export(folder, &key, &[]).is_ok_and(|verified| verified.findings.is_empty())
}
