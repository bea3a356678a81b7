//! The check that a ledger's file system is safe for SQLite.
//!
//! SQLite's write-ahead log shares its index through the memory of one machine. On a file system that several machines
//! mount, two of them would write without noticing each other.

use crate::LedgerError;
use std::path::Path;

/// File systems that several machines may mount, by their magic numbers in `statfs(2)`.
///
/// FUSE is not among them: its number does not distinguish local disks from remote ones.
const NETWORK: &[(u32, &str)] = &[
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFE53_4D42, "SMB 2"),
    (0xFF53_4D42, "CIFS"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "kAFS"),
    (0x7375_7245, "Coda"),
    (0x0102_1997, "9P"),
    (0x1983_0326, "BeeGFS"),
    (0x7461_636F, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x564C, "NCP"),
];

/// Refuses a ledger on a network file system.
///
/// # Errors
/// If `ledger` would lie on one, or the file system of its folder cannot be determined.
pub fn refuse_network_file_system(ledger: &Path) -> Result<(), LedgerError> {
    refuse_if_network(ledger, kind_of(ledger)?)
}

/// Refuses the ledger if `kind` is the number of a network file system.
fn refuse_if_network(ledger: &Path, kind: Option<u32>) -> Result<(), LedgerError> {
    match kind.and_then(network_name) {
        Some(name) => Err(LedgerError::NetworkFileSystem { path: ledger.to_path_buf(), found: name.to_string() }),
        None => Ok(()),
    }
}

fn network_name(kind: u32) -> Option<&'static str> {
    NETWORK.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(target_os = "linux")]
fn kind_of(ledger: &Path) -> Result<Option<u32>, LedgerError> {
    let folder = match ledger.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let refused = |error: rustix::io::Errno| lacuna_disk::DiskError::Io {
        path: folder.to_path_buf(),
        action: "ask the file system of",
        source: error.into(),
    };
    // The field has another width and sign on other processors; the numbers above fit 32 bits.
    Ok(Some(rustix::fs::statfs(folder).map_err(refused)?.f_type as u32))
}

/// On other systems the kind is not determined: their interfaces differ, and none is implemented.
#[cfg(not(target_os = "linux"))]
fn kind_of(_ledger: &Path) -> Result<Option<u32>, LedgerError> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_system_is_known_by_its_number_and_a_local_one_passes() {
        assert_eq!(network_name(0x6969), Some("NFS"));
        assert_eq!(network_name(0xFF53_4D42), Some("CIFS"));
        // ext4, XFS, Btrfs, tmpfs, overlayfs, ZFS.
        for local in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1] {
            assert_eq!(network_name(local), None, "{local:x}");
        }
    }

    #[test]
    fn where_the_system_answers_with_a_network_file_system_the_ledger_is_refused_by_name() {
        let ledger = Path::new("/mnt/hospital/requests.db");
        for (kind, name) in NETWORK {
            let message = refuse_if_network(ledger, Some(*kind)).unwrap_err().to_string();
            assert!(message.contains(&ledger.display().to_string()) && message.contains(name), "{message}");
        }
        // ext4, and a system that does not say.
        refuse_if_network(ledger, Some(0xEF53)).unwrap();
        refuse_if_network(ledger, None).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        refuse_network_file_system(&folder.path().join("l.db")).unwrap();
        if cfg!(target_os = "linux") {
            let message = refuse_network_file_system(&folder.path().join("none/l.db")).unwrap_err().to_string();
            assert!(message.contains("none"), "{message}");
        }
    }
}
