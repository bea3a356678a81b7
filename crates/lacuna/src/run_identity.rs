//! Whether a run can go on here: what its `run.json` says that it was begun by, against what this process is.
//!
//! A run ends in the bytes of an undisturbed one only where program, device, instruction set and kernels are those it
//! was begun with. Each difference is refused with what to do about it.

use crate::error::CliError;
use crate::run_folder::RunRecord;
use std::path::Path;

/// Refuse to go on with a run that another program, machine or input began; `now` is what its record would be today.
///
/// # Errors
/// The first difference.
pub fn check(path: &Path, begun: &RunRecord, now: &RunRecord) -> Result<(), CliError> {
    let refuse = |what: &str, expected: &str, found: &str, fix: String| {
        let path = path.display();
        let what =
            format!("{path}: expected {what} that the run was begun with, {expected}, found {found}; fix: {fix}");
        Err(CliError::Config { what })
    };
    if begun.verb != now.verb {
        let what = format!("{}: expected a run of {}, found one of {}", path.display(), now.verb, begun.verb);
        return Err(CliError::Config { what });
    }
    if begun.lacuna != now.lacuna {
        let fix = format!("go on with lacuna {}, or start a new run", begun.lacuna);
        return refuse("the version", &begun.lacuna, &now.lacuna, fix);
    }
    if begun.device != now.device {
        return refuse("the device", &begun.device, &now.device, device_fix(&begun.device, &now.device));
    }
    if begun.kernels != now.kernels {
        let expected = if begun.kernels.is_empty() { "of a build that did not say" } else { &begun.kernels };
        let fix = "go on with the build of lacuna that began it, or start a new run".to_string();
        return refuse("the kernels", expected, &now.kernels, fix);
    }
    let other = begun.parents.iter().find(|(name, digest)| now.parents.get(*name) != Some(*digest));
    if let Some((name, digest)) = other {
        let found = now.parents.get(name).map_or("none", String::as_str);
        let path = path.display();
        let what = format!("{path}: expected the {name} it began from, {digest}, found {found}; fix: give that {name}");
        return Err(CliError::Config { what });
    }
    Ok(())
}

/// The flags that make this process compute as the run was begun, where there are any.
fn device_fix(begun: &str, now: &str) -> String {
    let class = |identity: &str| -> Option<(String, String)> {
        let (arch, isa) = identity.strip_prefix("cpu/")?.split_once('/')?;
        Some((arch.to_string(), isa.to_string()))
    };
    match (class(begun), class(now)) {
        (Some((arch, isa)), Some((here, _))) if arch == here => format!("--isa {isa}"),
        (Some((arch, _)), Some(_)) => format!("go on on a machine of {arch}"),
        (None, _) if begun == "cpu" => "start a new run: this one does not say its instruction set".to_string(),
        _ => "give --device as the run was begun with".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn record() -> RunRecord {
        RunRecord {
            schema: "lacuna.run/1".to_string(),
            verb: "train".to_string(),
            lacuna: "1".to_string(),
            burn: "1".to_string(),
            began: "2026-01-01T00:00:00Z".to_string(),
            device: "cpu/x86-64/avx2".to_string(),
            kernels: "k".to_string(),
            driver: None,
            threads: 1,
            command: Vec::new(),
            seeds: BTreeMap::new(),
            parents: BTreeMap::from([("model".to_string(), "ab12".to_string())]),
        }
    }

    #[test]
    fn a_run_goes_on_only_with_what_it_began_with_and_the_fix_is_told() {
        let change = |change: &dyn Fn(&mut RunRecord)| {
            let mut record = record();
            change(&mut record);
            record
        };
        let device = |name: &'static str| change(&move |record| record.device = name.to_string());
        assert!(check(Path::new("run"), &record(), &record()).is_ok());
        let threads = change(&|record| record.threads = 7);
        assert!(check(Path::new("run"), &record(), &threads).is_ok(), "the number of threads changes no byte");
        let cases = [
            (change(&|record| record.verb = "eval".to_string()), record(), "found one of eval"),
            (change(&|record| record.lacuna = "2".to_string()), record(), "fix: go on with lacuna 2"),
            (record(), device("cpu/x86-64/portable"), "found cpu/x86-64/portable; fix: --isa avx2"),
            (device("cpu/x86-64/portable"), record(), "fix: --isa portable"),
            (device("cpu/aarch64/portable"), record(), "fix: go on on a machine of aarch64"),
            (device("Some GPU, 1"), record(), "fix: give --device"),
            (device("cpu"), record(), "does not say its instruction set"),
            (
                change(&|record| record.kernels = "l".to_string()),
                record(),
                "the kernels that the run was begun with, l",
            ),
            (change(&|record| record.kernels = String::new()), record(), "fix: go on with the build"),
            (record(), change(&|record| record.parents.clear()), "the model it began from, ab12, found none"),
        ];
        for (begun, now, said) in cases {
            let message = check(Path::new("run"), &begun, &now).unwrap_err().to_string();
            assert!(message.contains(said) && message.contains("run: expected"), "`{said}` is not in {message}");
        }
    }
}
