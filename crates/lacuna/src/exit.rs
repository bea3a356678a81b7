//! How a process of lacuna can end. Scripts rely on these numbers.

use std::process::ExitCode;

/// Every way to end, with its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The work is done.
    Done = 0,
    /// A fault of lacuna's own.
    Internal = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// The request cannot be carried out as stated.
    Config = 3,
    /// A file is missing, broken or contradicts another.
    Data = 4,
    /// The device is not there, or memory is not enough.
    Device = 5,
    /// A measurement came out as "no".
    Gate = 6,
    /// The ledger has been tampered with.
    Ledger = 7,
    /// Something outside failed that may work later.
    TryAgain = 75,
    /// Stopped by the user.
    Interrupted = 130,
}

/// Every exit code with its meaning, in the order of help texts.
pub static EXITS: &[(Exit, &str)] = &[
    (Exit::Done, "done"),
    (Exit::Internal, "internal error: a fault of lacuna's own, please report it"),
    (Exit::Usage, "usage: the command line cannot be understood"),
    (Exit::Config, "config: the request cannot be carried out as stated"),
    (Exit::Data, "data: a file is missing, broken or contradicts another"),
    (Exit::Device, "device: the device is not there, or memory is not enough"),
    (Exit::Gate, "gate: an audit or a gate failed, a measured \"no\""),
    (Exit::Ledger, "ledger: its integrity is broken"),
    (Exit::TryAgain, "try again: the disk is full or busy, or the like"),
    (Exit::Interrupted, "interrupted: what was done is kept"),
];

impl Exit {
    /// The number the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// The way to end that has this number, if one has.
pub fn of_code(code: i32) -> Option<Exit> {
    EXITS.iter().map(|(exit, _)| *exit).find(|exit| i32::from(exit.code()) == code)
}

/// The list of exit codes as text.
pub fn list() -> String {
    EXITS.iter().map(|(exit, about)| format!("{:>5}  {about}\n", exit.code())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_listed_once() {
        let codes: Vec<u8> = EXITS.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 75, 130]);
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
    }
}
