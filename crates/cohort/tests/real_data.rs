//! The real cohorts at hand, from the folder to the case.

use lacuna_cohort::{AS_IS, Cohort, LabelTable, LayoutOptions, Preparation, ReadOptions, check, prepare};
use lacuna_seed::Seed;
use lacuna_volume::{Canonical, Crop, Foreground, IGNORED, Preprocessing};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The folder of one cohort; without data the test says that it was skipped, or fails if it must not be.
fn cohort_folder(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("LACUNA_TEST_DATA").map_or(beside, PathBuf::from).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("LACUNA_REQUIRE_DATA").is_none_or(|value| value != "1"), "real data is required");
    // Written past the test harness, which hides a passing test's `println!`.
    let line = format!("skipped: no {name}; set LACUNA_TEST_DATA to a folder that holds it\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    None
}

fn canonical(size: [usize; 3]) -> Preprocessing {
    let (crop, foreground) = (Crop::AboveZero, Foreground::AboveZero);
    Preprocessing::Canonical(Canonical { size: Some(size), spacing_mm: None, crop, foreground })
}

fn quartered(shape: [usize; 3]) -> [usize; 3] {
    shape.map(|n| n.div_ceil(4))
}

#[test]
fn the_seven_adults_are_a_plain_cohort_without_errors() {
    let Some(folder) = cohort_folder("ixi7") else { return };
    let cohort = Cohort::open(&folder, &LayoutOptions::default()).unwrap();
    assert_eq!((cohort.layout, cohort.subjects().len(), cohort.scans().len()), ("plain", 7, 7));
    let table = LabelTable::built_in("tissue", None).unwrap();
    let report = check(&cohort, Some(&table), &ReadOptions::default());
    assert_eq!(report.problems, []);
    for scan in &report.scans {
        let image = scan.image.as_ref().unwrap();
        assert_eq!(
            (image.shape, image.orientation.as_str(), image.datatype.as_str()),
            ([120, 120, 90], "PSR", "uint16")
        );
        assert!(image.spacing_mm.iter().all(|edge_mm| (edge_mm - 2.0).abs() < 1e-3));
        let values: Vec<u16> = scan.label_counts.as_ref().unwrap().keys().copied().collect();
        assert_eq!(values, [0, 1, 2, 3, 5, 6, 7, 8]);
    }
}

#[test]
fn an_adult_becomes_a_case_with_all_tissues() {
    let Some(folder) = cohort_folder("ixi7") else { return };
    let pattern = LayoutOptions { subject_pattern: Some("{subject}-*".parse().unwrap()), ..LayoutOptions::default() };
    let cohort = Cohort::open(&folder, &pattern).unwrap();
    assert_eq!(cohort.subjects()[0].as_str(), "IXI012");
    let labels = LabelTable::built_in("tissue", None).unwrap();
    let preprocessing = canonical([40, 48, 40]);
    let (seed, read, cache) = (Seed(0), ReadOptions::default(), None);
    let how =
        Preparation { preprocessing: &preprocessing, labels: &labels, output_shape: &quartered, seed, read, cache };
    let case = prepare(&how, &cohort.scans()[0]).unwrap();
    assert_eq!((case.shape, case.target_shape), ([1, 40, 48, 40], [10, 12, 10]));
    for class in [0, 1, 2, 3, IGNORED] {
        assert!(case.voxels().unwrap().target.contains(&class), "class {class} at a quarter of the resolution");
    }
}

#[test]
fn sixty_hippocampi_are_a_decathlon_cohort_with_its_own_classes() {
    let Some(folder) = cohort_folder("hippocampus60") else { return };
    let cohort = Cohort::open(&folder, &LayoutOptions::default()).unwrap();
    assert_eq!((cohort.layout, cohort.scans().len()), ("msd", 60));
    assert_eq!(cohort.channels, ["MRI"]);
    let table = LabelTable::built_in(AS_IS, cohort.classes_in_file.as_ref()).unwrap();
    assert_eq!(table.classes(), ["background", "Anterior", "Posterior"]);
    let report = check(&cohort, Some(&table), &ReadOptions::default());
    // FSL wrote its version into the description, and `none` as the name of an auxiliary file.
    let others: Vec<_> = report.problems.iter().filter(|problem| problem.fault != "text-fields").collect();
    assert!(others.is_empty(), "{others:#?}");
    assert!(!report.has_errors());
    assert!(report.scans.iter().all(|scan| scan.image.as_ref().unwrap().orientation == "RAS"));
}
