//! Times what comes before training, to say whether a cache of prepared scans pays:
//!
//!     cargo run --release -p lacuna-cohort --example prepare -- DATA TABLE DxHxW
//!
//! Figures are milliseconds of CPU time per scan, the least of several rounds over all scans: reading and preparing;
//! the same and keeping the result; finding it; and of that, hashing the files. Last the wall-clock time of preparing
//! all scans one after the other and several at once.

use lacuna_cohort::{
    CaseCache, Cohort, LabelTable, LayoutOptions, Preparation, ReadOptions, Scan, prepare, prepare_each,
};
use lacuna_seed::Seed;
use lacuna_volume::{Canonical, Crop, Foreground, Preprocessing};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, table, size] = arguments.as_slice() else { return Err("expected DATA TABLE DxHxW".into()) };
    let size: Vec<usize> = size.split('x').map(str::parse).collect::<Result<_, _>>()?;
    let size = <[usize; 3]>::try_from(size).map_err(|_| "expected DxHxW")?;
    let cohort = Cohort::open(Path::new(data), &LayoutOptions::default())?;
    let scans: Vec<&Scan> = cohort.scans().iter().collect();
    let labels = LabelTable::built_in(table, cohort.classes_in_file.as_ref())?;
    let (crop, foreground) = (Crop::AboveZero, Foreground::AboveZero);
    let preprocessing = Preprocessing::Canonical(Canonical { size: Some(size), spacing_mm: None, crop, foreground });
    let output_shape = |input: [usize; 3]| input.map(|n| n.div_ceil(4));
    let folder = tempfile::tempdir()?;
    let cache = CaseCache::at(folder.path().join("cache"));
    let (seed, read) = (Seed(0), ReadOptions::default());
    let plain = Preparation {
        preprocessing: &preprocessing,
        labels: &labels,
        output_shape: &output_shape,
        seed,
        read,
        cache: None,
    };
    let cached = Preparation { cache: Some(&cache), ..plain };

    println!("{} scans of {data}, {size:?}, {} threads", scans.len(), rayon::current_num_threads());
    let all_of = |how| scans.iter().try_for_each(|scan| prepare(how, scan).map(drop));
    let per_scan =
        |what: &str, seconds: f64| println!("{what:<28} {:>9.2} ms/scan", 1e3 * seconds / scans.len() as f64);
    per_scan("read and prepare", least(|| Ok(all_of(&plain)?))?);
    let keep = || {
        let _ = std::fs::remove_dir_all(cache.folder());
        Ok(all_of(&cached)?)
    };
    per_scan("read, prepare and keep", least(keep)?);
    per_scan("find", least(|| Ok(all_of(&cached)?))?);
    let files = || scans.iter().flat_map(|scan| scan.images.iter().chain(&scan.label));
    per_scan(
        "of which hashing the files",
        least(|| Ok(files().try_for_each(|file| lacuna_disk::digest_file(file).map(drop))?))?,
    );
    println!("{:<28} {:>9.2} MiB/scan", "kept", cache.usage()?.bytes as f64 / scans.len() as f64 / f64::from(1 << 20));
    let wall = |work: &dyn Fn() -> Result<(), Box<dyn Error>>| {
        let seconds = (0..ROUNDS).map(|_| {
            let start = Instant::now();
            work().map(|()| start.elapsed().as_secs_f64())
        });
        seconds.collect::<Result<Vec<_>, _>>().map(|seconds| seconds.into_iter().fold(f64::INFINITY, f64::min))
    };
    let one_by_one = wall(&|| Ok(all_of(&plain)?))?;
    let at_once = wall(&|| Ok(prepare_each(&plain, &scans, &mut |_| Ok(()))?))?;
    println!("wall-clock, one by one {:.1} ms, several at once {:.1} ms", 1e3 * one_by_one, 1e3 * at_once);
    Ok(())
}

fn least(work: impl Fn() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = cpu_seconds();
        work()?;
        least = least.min(cpu_seconds() - start);
    }
    Ok(least)
}

/// CPU time of this thread, which a busy machine does not lengthen; wall-clock time where there is no such figure.
fn cpu_seconds() -> f64 {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    // Linux brings a thread's account up to date when it offers to yield.
    std::thread::yield_now();
    let in_ns = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let in_ns = in_ns.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    in_ns.map_or_else(|| START.elapsed().as_secs_f64(), |ns| ns * 1e-9)
}
