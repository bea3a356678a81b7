//! One model without reference models, beside people that it never saw.
//!
//! They differ from the subject as people do, so this is a hint and never a verdict.

use crate::delivered::{Prediction, beside};
use crate::{Assessment, AuditError, Pool, Protocol};

impl Assessment {
    /// Not assessable for this reason, with a hint: where the model's score of the subject lies among its scores of
    /// held-out subjects.
    ///
    /// # Errors
    /// [`AuditError::NotFinite`].
    pub fn hinted(
        reason: String,
        own: Option<f64>,
        held_out: Vec<f64>,
        protocol: &Protocol,
    ) -> Result<Assessment, AuditError> {
        let mut found = Assessment::without_bank(reason);
        found.statistics.reasons.push(hint(own, held_out, protocol)?);
        Ok(found)
    }
}

fn hint(own: Option<f64>, held_out: Vec<f64>, protocol: &Protocol) -> Result<String, AuditError> {
    let Some(own) = own else { return Ok("the primary statistic cannot be measured of this subject".to_string()) };
    let statistic = protocol.primary.name();
    let Some(pool) = Pool::new("held-out subjects", held_out).ok().filter(|pool| pool.deviation() > 0.0) else {
        return Ok(format!(
            "{statistic} is {own:.4}; fewer than two held-out subjects, so there is nothing to set it beside"
        ));
    };
    let Prediction { interval, rank_p, .. } = beside(own, &pool, protocol.level)?;
    let side = if interval.holds(own) { "within" } else { "outside" };
    Ok(format!(
        "{statistic} is {own:.4}, {side} what {} held-out subjects predict, {:.4} to {:.4} (rank p = {rank_p:.3}): a hint only, \
         since people differ from each other",
        pool.len(),
        interval.low,
        interval.high,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn a_hint_says_where_the_score_lies_and_is_no_verdict() {
        let of = |own, held_out| {
            let found = Assessment::hinted("no bank".to_string(), own, held_out, &Protocol::default()).unwrap();
            assert_eq!(found.verdict, Verdict::NotAssessable);
            found.statistics.reasons[1].clone()
        };
        // As in `delivered`: 1 to 5 predict 3 +- 4.808944.
        let people = vec![1.0, 2.0, 3.0, 4.0, 5.0];
        assert!(of(Some(6.0), people.clone()).contains("within what 5 held-out subjects predict, -1.8089 to 7.8089"));
        assert!(of(Some(8.0), people).contains("outside what"));
        assert!(of(Some(1.0), vec![1.0]).contains("nothing to set it beside"));
        assert!(of(None, vec![1.0, 2.0]).contains("cannot be measured"));
    }
}
