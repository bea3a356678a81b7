//! Attacks: can an adversary detect that the subject was in the training set, or that it was erased?
//!
//! Every attack scores models, one number each; the subject itself is the same in both arms, so what makes it unlike
//! other subjects cancels.

mod auc;
mod identification;
mod lira;
mod operating;

pub use auc::{Auc, auc};
pub use identification::{Identification, identification, most_unusual};
pub use lira::{Lira, LiraScores, lira, lira_scores, pooled_variance};
pub use operating::{OperatingPoint, true_positives_at};
