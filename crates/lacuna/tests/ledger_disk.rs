//! A ledger on disks that are full, and on media that cannot be written.

use crate::support::Workspace;
use std::path::Path;

/// A file system in memory of so many kilobytes, where the system lets us mount one.
pub struct Mounted(std::path::PathBuf);

impl Mounted {
    pub fn new(folder: &Path, kilobytes: u32) -> Option<Mounted> {
        std::fs::create_dir_all(folder).unwrap();
        let mounted = Mounted(folder.to_path_buf());
        mounted.mount(&format!("size={kilobytes}k"), "tmpfs").then_some(mounted)
    }

    fn mount(&self, options: &str, kind: &str) -> bool {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", kind, "-o", options, "tmpfs"]).arg(&self.0);
        mount.output().is_ok_and(|output| output.status.success())
    }

    pub fn remount(&self, options: &str) {
        assert!(self.mount(&format!("remount,{options}"), "tmpfs"));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

pub fn skipped(why: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {why}\n").as_bytes());
}

#[test]
fn a_full_disk_ends_with_75_at_any_size_and_the_same_request_is_written_once_there_is_room() {
    let workspace = Workspace::new();
    let mut starved = 0;
    // From no room for a key to room for nearly all.
    for kilobytes in [4, 8, 12, 16, 20, 24, 32, 48, 64, 80, 96] {
        let Some(disk) = Mounted::new(&workspace.path("disk"), kilobytes) else {
            return skipped("no file system can be mounted here");
        };
        let request = "ledger request --subject a --ledger disk/l.db";
        let ran = workspace.run(request);
        assert!([0, 75].contains(&ran.code), "{kilobytes} kB: {} {}", ran.code, ran.stderr);
        assert!(ran.code == 0 || ran.stderr.contains("fix: "), "{kilobytes} kB: {}", ran.stderr);
        disk.remount("size=4m");
        let verified = workspace.run("ledger verify --ledger disk/l.db");
        assert!([0, 4].contains(&verified.code), "{kilobytes} kB: {}{}", verified.stdout, verified.stderr);
        if ran.code == 75 {
            starved += 1;
            workspace.ok(request);
        }
        workspace.ok("ledger verify --ledger disk/l.db");
        // One that is there and finds no room to go on.
        std::fs::write(workspace.path("disk/filler"), vec![0; 5 << 20]).unwrap_err();
        let ran = workspace.run("ledger request --subject b --ledger disk/l.db");
        assert_eq!(ran.code, 75, "{kilobytes} kB: {}", ran.stderr);
        std::fs::remove_file(workspace.path("disk/filler")).unwrap();
        workspace.ok("ledger request --subject b --ledger disk/l.db");
        workspace.ok("ledger verify --ledger disk/l.db");
    }
    assert!(starved > 3, "{starved} disks were too small");
}

#[test]
fn a_ledger_on_read_only_media_is_listed_shown_verified_and_exported() {
    let workspace = Workspace::new();
    let Some(disk) = Mounted::new(&workspace.path("disk"), 4096) else {
        return skipped("no file system can be mounted here");
    };
    let asked = workspace.json("ledger request --subject a --ledger disk/l.db", "lacuna.ledger.request/1");
    disk.remount("ro");
    workspace.ok("ledger list --ledger disk/l.db");
    workspace.ok(&format!("ledger show {} --ledger disk/l.db", asked["request"].as_str().unwrap()));
    workspace.ok("ledger verify --ledger disk/l.db");
    workspace.ok("ledger export --ledger disk/l.db --out out");
    workspace.fails("ledger request --subject b --ledger disk/l.db", 4, &["disk", "fix: "]);
    disk.remount("rw");
    // A log that is left over, as a killed process leaves it, is not passed over: the file alone is an older state.
    std::fs::write(workspace.path("disk/l.db-wal"), "events").unwrap();
    disk.remount("ro");
    workspace.fails("ledger list --ledger disk/l.db", 4, &["l.db-wal", "copy"]);
}
