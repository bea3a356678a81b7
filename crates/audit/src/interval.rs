//! An interval with the level it claims.

use serde::{Deserialize, Serialize};

/// Where a quantity lies, missed with probability `1 - level`, half of it on either side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// Its level, such as 0.95.
    pub level: f64,
}

impl Interval {
    /// Whether a value lies within.
    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}
