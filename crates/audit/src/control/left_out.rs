//! Each retrained model against the others of its pool: flagged no more often than the level says, but for what chance
//! allows at `control_alpha`.

use super::{ControlName, Definition, Judge, Judged, Observed};
use crate::delivered::beside;
use crate::law::binomial_at_least;
use crate::{Arm, Pool};

pub(super) const CONTROL: Definition = Definition {
    name: ControlName::LeftOut,
    expected: "flagged at most as often as the level says",
    judged: Judged::Retrained(judge),
};

fn judge(judge: &Judge, retrained: &[Arm]) -> Observed {
    let protocol = judge.protocol;
    let pools: Vec<Pool> = retrained.iter().filter_map(|arm| arm.feature(protocol.primary).ok()).collect();
    of_pools(&pools, protocol.alpha, protocol.control_alpha)
}

pub(super) fn of_pools(pools: &[Pool], alpha: f64, control_alpha: f64) -> Observed {
    let flags: Vec<bool> = pools.iter().flat_map(|pool| flagged(pool, alpha)).collect();
    if flags.is_empty() {
        return Observed::not_tried("fewer than three retrained models of any subject");
    }
    let count = flags.iter().filter(|flag| **flag).count();
    let p = binomial_at_least(count as u64, flags.len() as u64, alpha);
    Observed::new(format!("{count} of {} flagged", flags.len()), p > control_alpha)
}

fn flagged(pool: &Pool, alpha: f64) -> Vec<bool> {
    let against_others = |index: usize| {
        let others = pool.without(index)?;
        Some(beside(pool.values()[index], &others, 1.0 - alpha).ok()?.p <= alpha)
    };
    (0..pool.len()).filter_map(against_others).collect()
}
