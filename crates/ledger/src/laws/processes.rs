//! Laws of several processes at once, and of killed ones.

use super::asked;
use crate::*;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

const WRITER: &str = "LACUNA_TEST_LEDGER_WRITER";

/// The body of one of the processes below; it does nothing when run as a test.
#[test]
fn a_writer_among_several() {
    let Ok(task) = std::env::var(WRITER) else { return };
    let (name, rest) = task.split_once(' ').unwrap();
    let (count, path) = rest.split_once(' ').unwrap();
    let mut ledger = Ledger::open_or_create(&PathBuf::from(path)).unwrap();
    for turn in 0..count.parse().unwrap() {
        ledger.receive(&asked(&format!("{name}-{turn}")), &Holidays::new()).unwrap();
        // The test that kills this writer relies on this line: the event is in the ledger.
        std::fs::write(format!("{path}.{name}"), format!("{}", turn + 1)).unwrap();
    }
}

fn writer(name: &str, count: usize, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "laws::processes::a_writer_among_several", "--quiet"]).stdout(std::process::Stdio::null());
    command.env(WRITER, format!("{name} {count} {}", path.display())).spawn().unwrap()
}

#[test]
fn eight_processes_on_one_ledger_lose_no_transaction() {
    // A long run is started by hand: LACUNA_LEDGER_TRANSACTIONS=500.
    let count = std::env::var("LACUNA_LEDGER_TRANSACTIONS").map_or(15, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    // All processes begin at once, before the ledger exists.
    let writers: Vec<Child> = (0..8).map(|name| writer(&format!("w{name}"), count, &path)).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let ledger = Ledger::open(&path).unwrap();
    let verified = ledger.verify(&[]).unwrap();
    assert_eq!((verified.findings, verified.events as usize), (vec![], 1 + 8 * count * 2));
    assert_eq!(ledger.requests().unwrap().len(), 8 * count);
}

#[test]
fn a_writer_that_is_killed_loses_nothing_that_was_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    for round in 0..4 {
        let name = format!("k{round}");
        let mut killed = writer(&name, 100_000, &path);
        let told = PathBuf::from(format!("{}.{name}", path.display()));
        // Each round kills the writer at another point of its work, and never before it has begun.
        while std::fs::read_to_string(&told).ok().and_then(|text| text.parse().ok()).unwrap_or(0) < 2 + round {
            assert!(killed.try_wait().unwrap().is_none(), "the writer goes on until it is killed");
            std::thread::yield_now();
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.verify(&[]).unwrap().findings, []);
        let told: usize = std::fs::read_to_string(&told).unwrap().parse().unwrap_or(0);
        let of_round = (0..told).filter(|turn| ledger.keyring().find(&format!("{name}-{turn}")).unwrap().is_some());
        assert_eq!(of_round.count(), told);
        assert!(ledger.requests().unwrap().len() >= told);
    }
}
