//! Removing subjects from a trained network: recipes, mechanics, strategies.
//!
//! A strategy is data. A [`Recipe`] says what the forget subjects are pulled to, what holds the
//! retain subjects, how both are weighted and interleaved, which part of the network moves and how
//! BatchNorm behaves; [`STRATEGIES`] names the paper's. Running a recipe is
//! [`lacuna_train::fit`] with another objective, so the loop is the one that made the original.
//!
//! One loss for all, after Li et al., "Machine Unlearning for Image-to-Image Generative Models",
//! ICLR 2024, from whose four switches the strategies of "To forget is to preserve" (arXiv
//! 2606.16180) take their names (our reading): `L = w L_retain + a (1 - 2 max_loss) L_forget`.
//!
//! What each strategy is *for* is its [`Goal`]; the two goals are never mixed in one figure.

mod adapters;
mod conflict;
mod constraint;
mod edit;
mod effect;
mod error;
mod factors;
mod gradients;
#[cfg(test)]
mod key_laws;
#[cfg(test)]
mod laws;
mod level;
mod limits;
pub mod mechanic;
mod objective;
mod order;
mod outward;
mod rank;
mod rates;
mod recipe;
#[cfg(test)]
mod request_laws;
mod rewind;
mod run;
mod sham;
pub mod strategy;
mod tally;
mod target;
mod teacher;
#[cfg(test)]
mod tests_support;
#[cfg(all(test, feature = "vulkan"))]
mod vulkan;

pub use adapters::Adapters;
pub use conflict::{Conflict, Conflicts};
pub use constraint::Constraint;
pub use edit::{Edit, Selection};
pub use effect::{Effect, effect};
pub use error::UnlearnError;
pub use factors::SaliencyScope;
pub use gradients::Importance;
pub use level::{LossLevel, Reference};
pub use mechanic::{NoiseLaw, Redraw, Sharpness};
pub use order::Interleave;
pub use rates::{Losses, RateTrial, RateTrials, try_rates};
pub use recipe::{Goal, Recipe};
pub use rewind::Rewind;
pub use run::{EpochCost, ForgetRetain, Unlearned, epoch_cost, preparation_passes, training_passes, unlearn};
pub use strategy::{STRATEGIES, Strategy};
pub use target::ForgetTarget;
