//! Results that should have been another's and are not, kept beside the notes of attempts until somebody has looked.

use crate::{Attempt, Attempts, EngineError};

/// A result that differs from the one that counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Alarm {
    /// Where it is kept.
    pub kept: String,
}

impl Alarm {
    /// Keep a result that differs.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn raise(attempt: &Attempt, result: &[u8]) -> Result<Alarm, EngineError> {
        let (alarms, name) = (attempt.alarms(), format!("{:06}.{}.json", attempt.index, attempt.number));
        alarms.create(&name, result)?;
        Ok(Alarm { kept: alarms.at(&name) })
    }
}

/// The alarms of a plan that nobody has taken away.
///
/// # Errors
/// If they cannot be listed.
pub fn alarms(attempts: &Attempts) -> Result<Vec<Alarm>, EngineError> {
    let place = attempts.alarms();
    let names = place.names()?;
    Ok(names.iter().filter(|name| name.ends_with(".json")).map(|name| Alarm { kept: place.at(name) }).collect())
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
