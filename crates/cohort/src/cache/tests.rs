use super::*;
use crate::layout::Plain;
use crate::phantom::{self, PhantomConfig};
use crate::{Cohort, CohortFacts, LabelTable, LayoutOptions, ReadOptions, ScanData, prepare, write_cohort};
use lacuna_seed::Seed;
use lacuna_volume::{Canonical, Crop, Foreground, Medicalnet, Preprocessing, ReadLimits};
use proptest::prelude::*;
use tempfile::TempDir;

/// Two small heads on disk, what is done to them, and an empty cache.
struct Fixture {
    folder: TempDir,
    cohort: Cohort,
    preprocessing: Preprocessing,
    labels: LabelTable,
    seed: Seed,
    read: ReadOptions,
    output_shape: fn([usize; 3]) -> [usize; 3],
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let config = PhantomConfig { subjects: 2, ..PhantomConfig::with_dims([16, 18, 12]) };
        let mut heads = phantom::subjects(&config).map(|head| Ok(ScanData::from(head)));
        let facts = CohortFacts { channels: vec!["T1".into()], classes: None };
        write_cohort(&Plain, &folder.path().join("heads"), &facts, &mut heads).unwrap();
        Fixture {
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
        let Fixture { preprocessing, labels, output_shape, seed, read, .. } = self;
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
    assert_eq!(found.inverse_transform, expected.inverse_transform, "{what}");
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
        let fixture = Fixture { preprocessing, ..Fixture::new() };
        let made = fixture.prepare(fixture.scan(), None);
        assert_same(&fixture.cached(), &made, "made and kept");
        let written = std::fs::metadata(fixture.entry()).unwrap().modified().unwrap();
        assert_same(&fixture.cached(), &made, "found");
        assert_eq!(std::fs::metadata(fixture.entry()).unwrap().modified().unwrap(), written, "and not made again");
    }
}

#[test]
fn whatever_decides_a_case_has_an_entry_of_its_own() {
    let mut fixture = Fixture::new();
    let mut entries = 0;
    let mut expect_one_more = |fixture: &Fixture, what: &str| {
        let made = fixture.prepare(fixture.scan(), None);
        assert_same(&fixture.cached(), &made, what);
        entries += 1;
        assert_eq!(fixture.cache().usage().unwrap().entries, entries, "{what}");
    };
    expect_one_more(&fixture, "the first");
    fixture.seed = Seed(2);
    expect_one_more(&fixture, "another seed");
    fixture.preprocessing = Preprocessing::Medicalnet(Medicalnet { size: [8, 10, 13] });
    expect_one_more(&fixture, "another size");
    fixture.labels = LabelTable::built_in("brain", None).unwrap();
    expect_one_more(&fixture, "another label table");
    fixture.read.tolerance_mm = Some(0.5);
    expect_one_more(&fixture, "another tolerance");
    fixture.read.limits = ReadLimits { voxels_max: 1 << 20, ..fixture.read.limits };
    expect_one_more(&fixture, "other limits");
    let scan = fixture.scan().clone();
    std::fs::copy(&fixture.cohort.scans()[1].images[0], &scan.images[0]).unwrap();
    expect_one_more(&fixture, "another image under the same name");
    std::fs::copy(fixture.cohort.scans()[1].label.as_ref().unwrap(), scan.label.as_ref().unwrap()).unwrap();
    expect_one_more(&fixture, "another label map under the same name");
}

#[test]
fn another_network_s_output_grid_replaces_the_entry() {
    let mut fixture = Fixture::new();
    fixture.cached();
    fixture.output_shape = |shape| shape.map(|n| n.div_ceil(4));
    assert_same(&fixture.cached(), &fixture.prepare(fixture.scan(), None), "made again");
    assert_eq!(fixture.cache().usage().unwrap().entries, 1);
}

#[test]
fn what_was_made_of_an_image_lies_under_its_digest_and_names_nobody() {
    let fixture = Fixture::new();
    fixture.cached();
    let entry = fixture.entry();
    let source = entry.parent().unwrap().file_name().unwrap().to_str().unwrap();
    assert_eq!(source, digest_file(&fixture.scan().images[0]).unwrap());
    let bytes = std::fs::read(&entry).unwrap();
    let name = fixture.scan().subject.as_str().as_bytes();
    assert!(!bytes.windows(name.len()).any(|window| window == name));
    assert_eq!(fixture.cache().usage().unwrap(), CacheUsage { entries: 1, bytes: bytes.len() as u64 });
}

#[test]
fn a_cut_entry_is_made_again() {
    let fixture = Fixture::new();
    let made = fixture.cached();
    let whole = std::fs::read(fixture.entry()).unwrap();
    for length in [0, 1, 15, 16, 79, 84, 100, whole.len() / 2, whole.len() - 33, whole.len() - 1] {
        std::fs::write(fixture.entry(), &whole[..length]).unwrap();
        assert_same(&fixture.cached(), &made, "made again");
        assert_eq!(std::fs::read(fixture.entry()).unwrap(), whole, "{length} bytes");
    }
}

#[test]
fn an_entry_of_another_key_is_not_believed() {
    let fixture = Fixture::new();
    let made = fixture.cached();
    fixture.prepare(&fixture.cohort.scans()[1], Some(&fixture.cache()));
    let sources = listed(fixture.cache().folder()).unwrap();
    let [one, other] = [0, 1].map(|at| listed(&sources[at]).unwrap().remove(0));
    std::fs::copy(&one, &other).unwrap();
    let other = &fixture.cohort.scans()[1];
    assert_same(&fixture.prepare(other, Some(&fixture.cache())), &fixture.prepare(other, None), "not the copied one");
    assert_same(&fixture.cached(), &made, "the one that was copied");
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let fixture = Fixture::new();
    std::fs::write(fixture.cache().folder(), b"a file, not a folder").unwrap();
    let Fixture { preprocessing, labels, output_shape, seed, read, .. } = &fixture;
    let (cache, seed, read) = (fixture.cache(), *seed, *read);
    let how = Preparation { preprocessing, labels, output_shape, seed, read, cache: Some(&cache) };
    let message = prepare(&how, fixture.scan()).unwrap_err().to_string();
    assert!(message.contains("cannot create"), "{message}");
    assert_eq!(fixture.cache().usage().unwrap(), CacheUsage::default());
}

/// Bytes whose digest is right, as an attacker would write them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let digest = blake3::hash(&bytes);
    bytes.extend(digest.as_bytes());
    bytes
}

#[test]
fn sealed_lies_are_no_case() {
    let fixture = Fixture::new();
    fixture.cached();
    let bytes = std::fs::read(fixture.entry()).unwrap();
    let key = fixture.entry().file_stem().unwrap().to_str().unwrap().to_string();
    let facts_at = 16 + 64 + 4;
    let length = u32::from_le_bytes(bytes[facts_at - 4..facts_at].try_into().unwrap()) as usize;
    let facts = std::str::from_utf8(&bytes[facts_at..facts_at + length]).unwrap();
    let decoded = |facts: &str, voxels: &[u8]| {
        let head: &[u8] = &bytes[..facts_at - 4];
        let parts = [head, &(facts.len() as u32).to_le_bytes(), facts.as_bytes(), voxels];
        entry::decode(&key, &sealed(parts.concat()), fixture.scan(), 4)
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
