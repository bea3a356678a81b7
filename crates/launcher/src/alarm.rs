//! Alarms: results that differ from the accepted result of the same task. They are kept beside the notes of attempts
//! until a user has inspected and deleted them.

use crate::{Attempt, Attempts, LauncherError};

/// A result that differs from the one that counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Alarm {
    /// The file or object that holds the differing result.
    pub kept: String,
}

impl Alarm {
    /// Keeps a result that differs from the accepted one, and returns where.
    ///
    /// # Errors
    /// If the result cannot be written.
    pub fn raise(attempt: &Attempt, result: &[u8]) -> Result<Alarm, LauncherError> {
        let (alarms, name) = (attempt.alarms(), format!("{:06}.{}.json", attempt.index, attempt.number));
        alarms.create(&name, result)?;
        Ok(Alarm { kept: alarms.at(&name) })
    }
}

/// The alarms of a plan that have not been deleted.
///
/// # Errors
/// If they cannot be listed.
pub fn alarms(attempts: &Attempts) -> Result<Vec<Alarm>, LauncherError> {
    let location = attempts.alarms();
    let names = location.names()?;
    Ok(names.iter().filter(|name| name.ends_with(".json")).map(|name| Alarm { kept: location.at(name) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::tests::begun;

    #[test]
    fn an_alarm_stays_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let attempts = Attempts::of(folder.path());
        assert_eq!(alarms(&attempts).unwrap(), []);
        let attempt = attempts.begin(7, &begun()).unwrap();
        let alarm = Alarm::raise(&attempt, b"another result").unwrap();
        assert_eq!(std::fs::read(&alarm.kept).unwrap(), b"another result");
        assert_eq!(alarms(&attempts).unwrap(), std::slice::from_ref(&alarm));
        std::fs::remove_file(alarm.kept).unwrap();
        assert_eq!(alarms(&attempts).unwrap(), []);
    }
}
