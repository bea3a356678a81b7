//! The number of this process's task, from the scheduler's environment variable.

use crate::LauncherError;

/// The environment variables that hold the number of a task, the innermost launcher first: HyperQueue may run inside a
/// job of Slurm.
pub const INDEX_VARIABLES: &[&str] = &["HQ_TASK_ID", "JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"];

/// Returns the number that the launcher gave to this process.
///
/// # Errors
/// If no variable is set, or the first that is holds no number.
pub fn index_of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<usize, LauncherError> {
    let set = INDEX_VARIABLES.iter().find_map(|name| variable(name).map(|value| (*name, value)));
    let (variable, found) = set.ok_or(LauncherError::NoIndex { variables: INDEX_VARIABLES })?;
    found.trim().parse().map_err(|_| LauncherError::BadIndex { variable, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(set: &[(&str, &str)], expected: Result<usize, &str>) {
        let variable = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| value.to_string());
        let found = index_of_environment(variable).map_err(|error| error.to_string());
        match expected {
            Ok(index) => assert_eq!(found, Ok(index)),
            Err(said) => assert!(found.clone().unwrap_err().contains(said), "{found:?}"),
        }
    }

    #[test]
    fn each_engine_is_understood_and_the_innermost_counts() {
        check(&[("SLURM_ARRAY_TASK_ID", "7")], Ok(7));
        check(&[("JOB_COMPLETION_INDEX", "0")], Ok(0));
        check(&[("SLURM_ARRAY_TASK_ID", "7"), ("HQ_TASK_ID", "3")], Ok(3));
    }

    #[test]
    fn no_number_is_an_error_that_names_where_it_was_looked_for() {
        check(&[], Err("HQ_TASK_ID, JOB_COMPLETION_INDEX, SLURM_ARRAY_TASK_ID"));
        // What Slurm sets for a job that is no array.
        check(&[("SLURM_ARRAY_TASK_ID", "undefined")], Err("expected a number, found `undefined`"));
    }
}
