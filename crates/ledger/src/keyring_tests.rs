//! Laws of the keys of a ledger.

use super::*;

fn keyring() -> (tempfile::TempDir, Keyring) {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::make(&folder.path().join("l.db")).unwrap();
    (folder, keyring)
}

#[test]
fn a_subject_keeps_its_pseudonym_until_its_key_is_destroyed() {
    let (_folder, keyring) = keyring();
    assert_eq!(keyring.find("sub-1").unwrap(), None);
    let (pseudonym, commitment) = keyring.subject("sub-1").unwrap();
    assert_eq!(keyring.subject("sub-1").unwrap(), (pseudonym.clone(), commitment));
    assert_eq!(keyring.find("sub-1").unwrap(), Some(pseudonym.clone()));
    assert_ne!(keyring.subject("sub-2").unwrap().0, pseudonym);
    assert!(keyring.destroy(&pseudonym).unwrap() && !keyring.destroy(&pseudonym).unwrap());
    assert!(keyring.find("sub-2").unwrap().is_some(), "another's link stays");
    assert_eq!(keyring.find("sub-1").unwrap(), None);
    let again = keyring.subject("sub-1").unwrap();
    assert!(again.0 != pseudonym && again.1 != commitment, "nothing of the old link can be found again");
}

#[test]
fn no_file_of_the_keyring_holds_an_id() {
    let (_folder, keyring) = keyring();
    keyring.subject("marker-0815").unwrap();
    let entries = std::fs::read_dir(keyring.folder.join("subjects")).unwrap();
    for path in entries.map(|entry| entry.unwrap().path()) {
        assert!(!path.to_string_lossy().contains("0815"));
        assert!(!std::fs::read_to_string(path).unwrap().contains("0815"));
    }
}

/// The files below the folder of keys that contain a text.
fn that_hold(keyring: &Keyring, text: &str) -> Vec<PathBuf> {
    let files = files_below(&keyring.folder).unwrap();
    files.into_iter().filter(|path| holds(path, text.as_bytes()).unwrap()).collect()
}

#[test]
fn every_copy_of_a_link_is_destroyed_wherever_below_the_keys_it_lies() {
    let (_folder, keyring) = keyring();
    let (pseudonym, _) = keyring.subject("sub-1").unwrap();
    let (other, _) = keyring.subject("sub-2").unwrap();
    let link = keyring.subject_file("sub-1");
    let name = link.file_name().unwrap().to_str().unwrap().to_string();
    // Leftovers of a kill between two steps, a backup's copy beside the link, and a copy within another file.
    std::fs::hard_link(&link, link.with_file_name(format!("{name}.77-0-0123456789abcdef.tmp"))).unwrap();
    std::fs::copy(&link, link.with_file_name(format!("{name}.bak"))).unwrap();
    std::fs::create_dir_all(keyring.folder.join("old/subjects")).unwrap();
    std::fs::copy(&link, keyring.folder.join("old/subjects").join(&name)).unwrap();
    let among = format!("{}{}", "x".repeat((1 << 20) - 16), std::fs::read_to_string(&link).unwrap());
    std::fs::write(keyring.folder.join("among"), among).unwrap();
    assert_eq!(that_hold(&keyring, pseudonym.as_str()).len(), 5);
    assert!(keyring.destroy(&pseudonym).unwrap());
    assert_eq!(that_hold(&keyring, pseudonym.as_str()), Vec::<PathBuf>::new());
    assert_eq!(that_hold(&keyring, other.as_str()).len(), 1, "another's link stays");
    assert_ne!(keyring.subject("sub-1").unwrap().0, pseudonym);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_copy_elsewhere_is_named_since_it_cannot_be_destroyed() {
    let (folder, keyring) = keyring();
    let (pseudonym, _) = keyring.subject("sub-1").unwrap();
    let elsewhere = folder.path().join("elsewhere");
    std::fs::copy(keyring.subject_file("sub-1"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, keyring.folder.join("shortcut")).unwrap();
    let message = keyring.destroy(&pseudonym).unwrap_err().to_string();
    assert!(message.contains("shortcut") && message.contains("fix: "), "{message}");
    assert_eq!(keyring.find("sub-1").unwrap(), None, "what could be destroyed is");
}

#[test]
fn what_killed_processes_left_is_swept_when_the_keys_are_opened_and_not_while_another_holds_the_lock() {
    let (folder, keyring) = keyring();
    let ledger = folder.path().join("l.db");
    keyring.subject("sub-1").unwrap();
    let left = ["", SUBJECTS].map(|name| keyring.folder.join(name).join("x.77-0-0123456789abcdef.tmp"));
    for path in &left {
        std::fs::write(path, "half a key").unwrap();
    }
    let writing = Locked::wait(&keyring.folder).unwrap();
    Keyring::open(&ledger).unwrap();
    assert!(left.iter().all(|path| path.exists()), "it may be another's, who is writing");
    drop(writing);
    Keyring::open(&ledger).unwrap();
    assert!(!left.iter().any(|path| path.exists()));
    assert!(keyring.find("sub-1").unwrap().is_some());
}

#[test]
fn keys_that_are_missing_are_named_with_what_is_lost_and_how_it_comes_back() {
    let (folder, keyring) = keyring();
    let ledger = folder.path().join("l.db");
    for name in SECRETS {
        let key = std::fs::read(keyring.folder.join(name)).unwrap();
        std::fs::remove_file(keyring.folder.join(name)).unwrap();
        let message = Keyring::open(&ledger).err().unwrap().to_string();
        assert!(message.contains(name) && message.contains("backup"), "{message}");
        std::fs::write(keyring.folder.join(name), key).unwrap();
    }
    std::fs::remove_dir_all(&keyring.folder).unwrap();
    let message = Keyring::open(&ledger).err().unwrap().to_string();
    assert!(message.contains("all of them") && message.contains("no id leads to its pseudonym"), "{message}");
}

#[test]
fn a_public_key_that_is_not_the_ledgers_is_refused() {
    let (folder, keyring) = keyring();
    let other = SigningKey::from_bytes(&[7; 32]).verifying_key();
    std::fs::write(keyring.folder.join(PUBLIC), format!("{}\n", to_hex(other.as_bytes()))).unwrap();
    let message = Keyring::open(&folder.path().join("l.db")).err().unwrap().to_string();
    assert!(message.contains(PUBLIC) && message.contains("public half"), "{message}");
}

#[cfg(unix)]
#[test]
fn folders_of_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, keyring) = keyring();
    keyring.subject("a").unwrap();
    for folder in [keyring.folder.clone(), keyring.folder.join(SUBJECTS)] {
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "{}", folder.display());
    }
}

#[cfg(unix)]
#[test]
fn secret_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, keyring) = keyring();
    let subject = keyring.subject("a").map(|_| keyring.subject_file("a")).unwrap();
    for path in
        ["ledger.key", "guard.key", "signing.key"].map(|name| keyring.folder.join(name)).iter().chain([&subject])
    {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn a_damaged_key_is_refused_and_not_shown() {
    let (folder, keyring) = keyring();
    std::fs::write(keyring.folder.join("ledger.key"), "SECRETsecret").unwrap();
    let message = Keyring::open(&folder.path().join("l.db")).err().unwrap().to_string();
    assert!(message.contains("ledger.key") && !message.contains("SECRET"), "{message}");
}
