use super::*;
use crate::layout::Plain;
use crate::phantom::{self, PhantomConfig};
use crate::{Cohort, CohortFacts, LabelTable, LayoutOptions, ReadOptions, ScanData, prepare, write_cohort};
use lacuna_seed::Seed;
use lacuna_volume::{Canonical, Crop, Foreground, Medicalnet, Preprocessing, ReadLimits};
use proptest::prelude::*;
use tempfile::TempDir;

/// Two small heads on disk, what is done to them, and an empty cache.
struct Place {
    folder: TempDir,
    cohort: Cohort,
    preprocessing: Preprocessing,
    labels: LabelTable,
    seed: Seed,
    read: ReadOptions,
    output_shape: fn([usize; 3]) -> [usize; 3],
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let config = PhantomConfig { subjects: 2, ..PhantomConfig::with_dims([16, 18, 12]) };
        let mut heads = phantom::subjects(&config).map(|head| Ok(ScanData::from(head)));
        let facts = CohortFacts { channels: vec!["T1".into()], classes: None };
        write_cohort(&Plain, &folder.path().join("heads"), &facts, &mut heads).unwrap();
        Place {
            cohort: Cohort::open(&folder.path().join("heads"), &LayoutOptions::default()).unwrap(),
            folder,
            preprocessing: Preprocessing::Medicalnet(Medicalnet { size: [8, 10, 12] }),
            labels: LabelTable::built_in("tissue", None).unwrap(),
            seed: Seed(1),
            read: ReadOptions::default(),
            output_shape: |shape| shape.map(|n| n.div_ceil(2)),
        }
    }

    fn scan(&self) -> &Scan {
        &self.cohort.scans()[0]
    }

    fn cache(&self) -> CaseCache {
        CaseCache::at(self.folder.path().join("cache"))
    }

    fn prepare(&self, scan: &Scan, cache: Option<&CaseCache>) -> Case {
        let Place { preprocessing, labels, output_shape, seed, read, .. } = self;
        let (seed, read) = (*seed, *read);
        prepare(&Preparation { preprocessing, labels, output_shape, seed, read, cache }, scan).unwrap()
    }

    fn cached(&self) -> Case {
        self.prepare(self.scan(), Some(&self.cache()))
    }

    /// The only entry.
    fn entry(&self) -> PathBuf {
        let sources = listed(self.cache().folder()).unwrap();
        let entries = listed(&sources[0]).unwrap();
        assert_eq!((sources.len(), entries.len()), (1, 1));
        entries[0].clone()
    }
}

#[track_caller]
fn assert_same(found: &Case, expected: &Case, what: &str) {
    assert_eq!(found.voxels().unwrap(), expected.voxels().unwrap(), "{what}");
    assert_eq!((&found.subject, &found.scan, &found.notices), (&expected.subject, &expected.scan, &expected.notices));
    assert_eq!((found.shape, found.target_shape), (expected.shape, expected.target_shape), "{what}");
    assert_eq!(found.placement, expected.placement, "{what}");
}

#[test]
fn a_kept_case_is_the_case_that_would_be_made() {
    for preprocessing in [
        Preprocessing::None,
        Preprocessing::Medicalnet(Medicalnet { size: [8, 10, 12] }),
        Preprocessing::Canonical(Canonical {
            size: Some([9, 11, 7]),
            spacing_mm: None,
            crop: Crop::AboveZero,
            foreground: Foreground::AboveZero,
        }),
    ] {
        let place = Place { preprocessing, ..Place::new() };
        let made = place.prepare(place.scan(), None);
        assert_same(&place.cached(), &made, "made and kept");
        let written = std::fs::metadata(place.entry()).unwrap().modified().unwrap();
        assert_same(&place.cached(), &made, "found");
        assert_eq!(std::fs::metadata(place.entry()).unwrap().modified().unwrap(), written, "and not made again");
    }
}

#[test]
fn whatever_decides_a_case_has_an_entry_of_its_own() {
    let mut place = Place::new();
    let mut entries = 0;
    let mut expect_one_more = |place: &Place, what: &str| {
        let made = place.prepare(place.scan(), None);
        assert_same(&place.cached(), &made, what);
        entries += 1;
        assert_eq!(place.cache().usage().unwrap().entries, entries, "{what}");
    };
    expect_one_more(&place, "the first");
    place.seed = Seed(2);
    expect_one_more(&place, "another seed");
    place.preprocessing = Preprocessing::Medicalnet(Medicalnet { size: [8, 10, 13] });
    expect_one_more(&place, "another size");
    place.labels = LabelTable::built_in("brain", None).unwrap();
    expect_one_more(&place, "another label table");
    place.read.tolerance_mm = Some(0.5);
    expect_one_more(&place, "another tolerance");
    place.read.limits = ReadLimits { voxels_max: 1 << 20, ..place.read.limits };
    expect_one_more(&place, "other limits");
    let scan = place.scan().clone();
    std::fs::copy(&place.cohort.scans()[1].images[0], &scan.images[0]).unwrap();
    expect_one_more(&place, "another image under the same name");
    std::fs::copy(place.cohort.scans()[1].label.as_ref().unwrap(), scan.label.as_ref().unwrap()).unwrap();
    expect_one_more(&place, "another label map under the same name");
}

#[test]
fn another_network_s_output_grid_replaces_the_entry() {
    let mut place = Place::new();
    place.cached();
    place.output_shape = |shape| shape.map(|n| n.div_ceil(4));
    assert_same(&place.cached(), &place.prepare(place.scan(), None), "made again");
    assert_eq!(place.cache().usage().unwrap().entries, 1);
}

#[test]
fn what_was_made_of_an_image_lies_under_its_digest_and_names_nobody() {
    let place = Place::new();
    place.cached();
    let entry = place.entry();
    let source = entry.parent().unwrap().file_name().unwrap().to_str().unwrap();
    assert_eq!(source, digest_file(&place.scan().images[0]).unwrap());
    let bytes = std::fs::read(&entry).unwrap();
    let name = place.scan().subject.as_str().as_bytes();
    assert!(!bytes.windows(name.len()).any(|window| window == name));
    assert_eq!(place.cache().usage().unwrap(), CacheUsage { entries: 1, bytes: bytes.len() as u64 });
}

#[test]
fn a_cut_entry_is_made_again() {
    let place = Place::new();
    let made = place.cached();
    let whole = std::fs::read(place.entry()).unwrap();
    for length in [0, 1, 15, 16, 79, 84, 100, whole.len() / 2, whole.len() - 33, whole.len() - 1] {
        std::fs::write(place.entry(), &whole[..length]).unwrap();
        assert_same(&place.cached(), &made, "made again");
        assert_eq!(std::fs::read(place.entry()).unwrap(), whole, "{length} bytes");
    }
}

#[test]
fn an_entry_of_another_key_is_not_believed() {
    let place = Place::new();
    let made = place.cached();
    place.prepare(&place.cohort.scans()[1], Some(&place.cache()));
    let sources = listed(place.cache().folder()).unwrap();
    let [one, other] = [0, 1].map(|at| listed(&sources[at]).unwrap().remove(0));
    std::fs::copy(&one, &other).unwrap();
    let other = &place.cohort.scans()[1];
    assert_same(&place.prepare(other, Some(&place.cache())), &place.prepare(other, None), "not the copied one");
    assert_same(&place.cached(), &made, "the one that was copied");
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let place = Place::new();
    std::fs::write(place.cache().folder(), b"a file, not a folder").unwrap();
    let Place { preprocessing, labels, output_shape, seed, read, .. } = &place;
    let (cache, seed, read) = (place.cache(), *seed, *read);
    let how = Preparation { preprocessing, labels, output_shape, seed, read, cache: Some(&cache) };
    let message = prepare(&how, place.scan()).unwrap_err().to_string();
    assert!(message.contains("cannot create"), "{message}");
    assert_eq!(place.cache().usage().unwrap(), CacheUsage::default());
}

/// Bytes whose digest is right, as somebody who means harm would write them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let digest = blake3::hash(&bytes);
    bytes.extend(digest.as_bytes());
    bytes
}

#[test]
fn sealed_lies_are_no_case() {
    let place = Place::new();
    place.cached();
    let bytes = std::fs::read(place.entry()).unwrap();
    let key = place.entry().file_stem().unwrap().to_str().unwrap().to_string();
    let facts_at = 16 + 64 + 4;
    let length = u32::from_le_bytes(bytes[facts_at - 4..facts_at].try_into().unwrap()) as usize;
    let facts = std::str::from_utf8(&bytes[facts_at..facts_at + length]).unwrap();
    let decoded = |facts: &str, voxels: &[u8]| {
        let head: &[u8] = &bytes[..facts_at - 4];
        let parts = [head, &(facts.len() as u32).to_le_bytes(), facts.as_bytes(), voxels];
        entry::decode(&key, &sealed(parts.concat()), place.scan(), 4)
    };
    let voxels = &bytes[facts_at + length..bytes.len() - 32];
    assert!(decoded(facts, voxels).is_some(), "unchanged");
    let lies = [
        ("shape = [1, 8, 10, 12]", "shape = [1, 8, 10, 13]"),
        ("shape = [1, 8, 10, 12]", "shape = [1, 9223372036854775807, 9223372036854775807, 12]"),
        ("shape = [1, 8, 10, 12]", "shape = [2, 8, 10, 12]"),
        ("target_shape = [4, 5, 6]", "target_shape = [4, 5, 60]"),
        ("dims = [16, 18, 12]", "dims = [16, 18, 9223372036854775807]"),
        ("source = [2, 1, 0]", "source = [2, 1, 2]"),
        ("source = [2, 1, 0]", "source = [2, 1, 3]"),
        ("size = [8, 10, 12]", "size = [0, 10, 12]"),
        ("notices = []", "notices = [{ file = 9, text = \"\" }]"),
        ("convention = \"align-corners\"", "convention = \"as-i-like\""),
    ];
    for (truth, lie) in lies {
        assert!(facts.contains(truth), "{truth} is not in {facts}");
        assert!(decoded(&facts.replacen(truth, lie, 1), voxels).is_none(), "{lie}");
    }
    let with = |at: usize, changed: &[u8]| {
        let mut voxels = voxels.to_vec();
        voxels[at..at + changed.len()].copy_from_slice(changed);
        decoded(facts, &voxels)
    };
    assert!(with(0, &f32::NAN.to_le_bytes()).is_none(), "an input that is no number");
    assert!(with(8 * 10 * 12 * 4, &[4]).is_none(), "a target that is no class");
    assert!(with(voxels.len() - 1, &[200]).is_none(), "a truth that is no class");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let subject = crate::SubjectId::new("anna").unwrap();
        let scan = Scan { subject, name: "anna".to_string(), images: vec!["anna.nii".into()], label: None };
        let key = "0".repeat(64);
        prop_assert!(entry::decode(&key, &bytes, &scan, 4).is_none());
        let with_head = [b"lacuna case 0001", key.as_bytes(), &bytes].concat();
        prop_assert!(entry::decode(&key, &sealed(with_head), &scan, 4).is_none());
    }
}
