//! The probability of each subject to ask to be erased.

use crate::ExactError;
use lacuna_cohort::SubjectId;
use std::collections::BTreeMap;

/// The probability of each subject to ask to be erased.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    stated: BTreeMap<SubjectId, f64>,
    others: f64,
}

impl Expectation {
    /// Takes the probabilities by subject id; `*` states the probability of all other subjects.
    ///
    /// If `*` is not stated it is 1 / the number of subjects, so that one request is expected if none is stated.
    ///
    /// # Errors
    /// If a number is not from 0 to 1, or an id is not among `subjects`.
    pub fn new(stated: &BTreeMap<String, f64>, subjects: &[SubjectId]) -> Result<Expectation, ExactError> {
        let mut others = 1.0 / subjects.len().max(1) as f64;
        let mut of_subjects = BTreeMap::new();
        for (name, &probability) in stated {
            if !(0.0..=1.0).contains(&probability) {
                let expected = "a probability from 0 to 1".to_string();
                return Err(ExactError::BadSetting {
                    key: format!("expect.{name}"),
                    expected,
                    found: probability.to_string(),
                });
            }
            match subjects.iter().find(|subject| subject.as_str() == name) {
                Some(subject) => _ = of_subjects.insert(subject.clone(), probability),
                None if name == "*" => others = probability,
                None => {
                    let names: Vec<&str> = subjects.iter().map(SubjectId::as_str).collect();
                    let expected =
                        format!("a subject that is trained on, one of {}, or * for all others", names.join(", "));
                    return Err(ExactError::BadSetting { key: "expect".to_string(), expected, found: name.clone() });
                }
            }
        }
        Ok(Expectation { stated: of_subjects, others })
    }

    /// The probability that `subject` asks to be erased.
    pub fn of(&self, subject: &SubjectId) -> f64 {
        self.stated.get(subject).copied().unwrap_or(self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::ids;

    fn expectation(stated: &[(&str, f64)]) -> Result<Expectation, ExactError> {
        let stated = stated.iter().map(|(name, probability)| (name.to_string(), *probability)).collect();
        Expectation::new(&stated, &ids(4))
    }

    #[test]
    fn nothing_said_is_one_request_in_all() {
        let total: f64 = ids(4).iter().map(|subject| expectation(&[]).unwrap().of(subject)).sum();
        assert_eq!(total, 1.0);
    }

    #[test]
    fn stated_subjects_have_their_own_and_a_star_is_everybody_else() {
        let found = expectation(&[("sub-1", 0.5), ("*", 0.125)]).unwrap();
        let of: Vec<f64> = ids(4).iter().map(|subject| found.of(subject)).collect();
        assert_eq!(of, [0.125, 0.5, 0.125, 0.125]);
    }

    #[test]
    fn strangers_and_what_is_no_probability_are_refused() {
        let message = expectation(&[("sub-9", 0.5)]).unwrap_err().to_string();
        assert!(message.contains("sub-9") && message.contains("sub-0, sub-1"), "{message}");
        for wrong in [-0.1, 1.5, f64::NAN] {
            assert!(expectation(&[("sub-1", wrong)]).unwrap_err().to_string().contains("expect.sub-1"));
        }
    }
}
