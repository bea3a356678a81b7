//! Tests of the guarantees of a set of files, in a bucket with every known fault of stores and in a folder.

use super::*;
use crate::bucket::laws::{Fault, bucket, location_of, some_faults};
use object_store::memory::InMemory;
use proptest::prelude::*;
use std::sync::Arc;

const FILES: [(&str, &str); 4] =
    [("images/a.nii", "the first"), ("images/b.nii", "the second"), ("labels/a b#.nii", "odd name"), ("list.txt", "")];

/// Returns a folder that contains a data set.
fn data_set() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        write_bytes(&folder.path().join(name), text.as_bytes()).unwrap();
    }
    folder
}

fn send(folder: &Path, location: &Location) -> Result<FileSet, ObjectError> {
    FileSet::send(folder, location, &mut |_, _| {})
}

fn fetch(location: &Location, folder: &Path) -> Result<usize, ObjectError> {
    FileSet::find(location)?.fetch(folder, &mut |_, _| {})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_sent_is_fetched_on_another_machine_whatever_the_store_does(faults in some_faults(), later in some_faults()) {
        let memory = Arc::new(InMemory::new());
        let (here, there) = (data_set(), tempfile::tempdir().unwrap());
        let sent = send(here.path(), &location_of(bucket(&memory, &faults))).unwrap();
        let location = location_of(bucket(&memory, &later));
        let set = FileSet::find(&location).unwrap();
        prop_assert_eq!(set.digest(), sent.digest());
        prop_assert_eq!(set.names().collect::<Vec<_>>(), FILES.map(|(name, _)| name));
        prop_assert_eq!(set.fetch(there.path(), &mut |_, _| {}).unwrap(), FILES.len());
        prop_assert_eq!(digests(there.path()).unwrap(), digests(here.path()).unwrap());
    }
}

#[test]
fn what_is_there_is_neither_sent_nor_fetched_again_and_what_was_changed_is_put_right() {
    let location = location_of(bucket(&Arc::new(InMemory::new()), &[]));
    let (here, there) = (data_set(), tempfile::tempdir().unwrap());
    let first = send(here.path(), &location).unwrap();
    assert_eq!(send(here.path(), &location).unwrap().digest(), first.digest());
    assert_eq!(fetch(&location, there.path()).unwrap(), FILES.len());
    assert_eq!(fetch(&location, there.path()).unwrap(), 0);
    write_bytes(&there.path().join("images/a.nii"), b"damaged").unwrap();
    assert_eq!(fetch(&location, there.path()).unwrap(), 1);
    assert_eq!(read_bytes(&there.path().join("images/a.nii"), 99).unwrap(), b"the first");
}

#[test]
fn a_set_is_made_once_and_another_is_refused_before_it_is_sent() {
    let location = location_of(bucket(&Arc::new(InMemory::new()), &[]));
    let here = data_set();
    send(here.path(), &location).unwrap();
    write_bytes(&here.path().join("images/c.nii"), b"one more").unwrap();
    let words = send(here.path(), &location).unwrap_err().to_string();
    assert!(words.contains("s3://bucket/study/MANIFEST") && words.contains("another prefix"), "{words}");
    assert!(!location.has("images/c.nii").unwrap());
}

#[test]
fn a_set_that_was_not_sent_to_its_end_is_none() {
    let location = location_of(bucket(&Arc::new(InMemory::new()), &[]));
    location.create("images/a.nii", b"the first").unwrap();
    let words = fetch(&location, tempfile::tempdir().unwrap().path()).unwrap_err().to_string();
    assert!(words.contains("s3://bucket/study/MANIFEST") && words.contains("lacuna data send"), "{words}");
    let (here, there) = (data_set(), tempfile::tempdir().unwrap());
    send(here.path(), &location).unwrap();
    assert_eq!(fetch(&location, there.path()).unwrap(), FILES.len(), "it goes on from what was there");
}

#[test]
fn a_file_that_was_replaced_or_is_gone_is_refused_with_both_digests() {
    let location = location_of(bucket(&Arc::new(InMemory::new()), &[Fault::None]));
    let there = tempfile::tempdir().unwrap();
    send(data_set().path(), &location).unwrap();
    location.replace("images/b.nii", b"somebody else").unwrap();
    let words = fetch(&location, there.path()).unwrap_err().to_string();
    assert!(words.contains("images/b.nii") && words.contains(&digest(b"the second")), "{words}");
    assert!(words.contains(&digest(b"somebody else")) && !there.path().join("images/b.nii").exists(), "{words}");
}

#[test]
fn a_manifest_that_names_a_file_outside_is_refused() {
    for name in ["../evil", "/etc/evil", "a/../../evil", ""] {
        let location = Location::folder_at(tempfile::tempdir().unwrap().keep());
        location.create("MANIFEST", format!("{}  {name}\n", digest(b"")).as_bytes()).unwrap();
        assert!(matches!(FileSet::find(&location), Err(ObjectError::Disk(DiskError::Manifest { .. }))), "{name}");
    }
}

#[test]
fn a_folder_that_others_see_takes_a_set_as_a_bucket_does() {
    let (here, shared, there) = (data_set(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let location = Location::folder_at(shared.path().to_path_buf());
    send(here.path(), &location).unwrap();
    assert_eq!(fetch(&location, there.path()).unwrap(), FILES.len());
    let listed: Vec<String> = location.names_below().unwrap().into_iter().collect();
    assert_eq!(listed, ["MANIFEST", "images/a.nii", "images/b.nii", "labels/a b#.nii", "list.txt"]);
}
