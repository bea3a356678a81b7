//! Results that should have been another's and are not, kept beside the plan until somebody has looked.

use crate::{Attempt, EngineError};
use std::path::{Path, PathBuf};

/// A result that differs from the one that counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Alarm {
    /// Where it is kept.
    pub kept: PathBuf,
}

fn folder_of(plan: &Path) -> PathBuf {
    plan.join("alarms")
}

impl Alarm {
    /// Keep a result that differs.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn raise(plan: &Path, attempt: &Attempt, result: &[u8]) -> Result<Alarm, EngineError> {
        let kept = folder_of(plan).join(format!("{:06}.{}.json", attempt.index, attempt.number));
        lacuna_disk::write_new(&kept, result)?;
        Ok(Alarm { kept })
    }
}

/// The alarms of a plan that nobody has taken away.
///
/// # Errors
/// If the folder cannot be listed.
pub fn alarms(plan: &Path) -> Result<Vec<Alarm>, EngineError> {
    let folder = folder_of(plan);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let refused = |source| lacuna_disk::DiskError::Io { path: folder.clone(), action: "list", source };
    let entries = std::fs::read_dir(&folder).map_err(refused)?;
    let paths = entries.map(|entry| Ok(entry.map_err(refused)?.path()));
    let mut alarms = paths.collect::<Result<Vec<_>, EngineError>>()?;
    alarms.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    alarms.sort();
    Ok(alarms.into_iter().map(|kept| Alarm { kept }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attempts;
    use crate::attempt::tests::begun;

    #[test]
    fn an_alarm_stays_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(alarms(folder.path()).unwrap(), []);
        let attempt = Attempts::of(folder.path()).begin(7, &begun()).unwrap();
        let alarm = Alarm::raise(folder.path(), &attempt, b"another result").unwrap();
        assert_eq!(std::fs::read(&alarm.kept).unwrap(), b"another result");
        assert_eq!(alarms(folder.path()).unwrap(), std::slice::from_ref(&alarm));
        std::fs::remove_file(alarm.kept).unwrap();
        assert_eq!(alarms(folder.path()).unwrap(), []);
    }
}
