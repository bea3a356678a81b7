//! The machine and program of an attempt: everything that its result may depend on, and what helps to find the machine.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The machine and program of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The version of lacuna.
    pub version: String,
    /// The digest of the program's executable file.
    pub binary: String,
    /// The instruction set that the kernels use.
    pub isa: String,
    /// `cpu`, or the make and driver of a graphics processor.
    pub device: String,
    /// The number of threads; results do not depend on it.
    pub threads: usize,
    /// The machine's host name, where the system gives one.
    pub node: Option<String>,
    /// The launcher's environment variables that identify the job, with their values.
    pub job: BTreeMap<String, String>,
}

impl Setting {
    /// Whether two attempts in these settings must give the same result to the last bit.
    pub fn computes_like(&self, other: &Setting) -> bool {
        let decides = |setting: &Setting| {
            let Setting { version, binary, isa, device, .. } = setting;
            [version, binary, isa, device].map(String::clone)
        };
        decides(self) == decides(other)
    }

    /// The names of the fields that differ and may change a result.
    pub fn differences(&self, other: &Setting) -> Vec<&'static str> {
        let pairs = [
            ("version", &self.version, &other.version),
            ("binary", &self.binary, &other.binary),
            ("instruction set", &self.isa, &other.isa),
            ("device", &self.device, &other.device),
        ];
        pairs.into_iter().filter(|(_, one, other)| one != other).map(|(name, ..)| name).collect()
    }
}

#[cfg(test)]
pub(crate) fn here() -> Setting {
    Setting {
        version: "0".to_string(),
        binary: "ab".to_string(),
        isa: "avx2".to_string(),
        device: "cpu".to_string(),
        threads: 1,
        node: None,
        job: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_names_decide_nothing_and_all_else_does() {
        let elsewhere = Setting { threads: 64, node: Some("n2".to_string()), ..here() };
        assert!(here().computes_like(&elsewhere) && here().differences(&elsewhere).is_empty());
        let others = [
            Setting { version: "1".to_string(), ..here() },
            Setting { binary: "cd".to_string(), ..here() },
            Setting { isa: "portable".to_string(), ..here() },
            Setting { device: "a card".to_string(), ..here() },
        ];
        for other in others {
            assert!(!here().computes_like(&other) && here().differences(&other).len() == 1, "{other:?}");
        }
    }
}
