//! One training loop for the original, the retrained reference and every strategy.
//!
//! [`fit`] takes a [`State`] and an [`Objective`] and continues until the last epoch. The objective decides which loss
//! a step minimises and on which cases, so this crate does not depend on unlearning: the retrained reference is `fit`
//! with one subject fewer.
//!
//! Every random choice comes from a keyed stream, so a [`State`] is the network, the optimiser's moments and the number
//! of epochs, and a run resumed from its checkpoint ends with the same bytes.

mod case_tensor;
mod checkpoint;
mod config;
mod cross_entropy;
mod error;
mod evaluate;
mod fit;
mod optimiser;
#[cfg(test)]
mod parity;
mod schedule;
mod state;
mod supervised;
#[cfg(any(test, feature = "test-support"))]
pub mod test_cases;
#[cfg(test)]
mod unet;

pub use case_tensor::{input_tensor, targets, volume_tensor};
pub use checkpoint::{CHECKPOINT_RUN, read_checkpoint, write_checkpoint};
pub use config::{OptimiserConfig, TrainConfig};
pub use error::TrainError;
pub use evaluate::{
    CaseScores, ModelOutput, OutputScores, Prediction, is_collapsed, mean_loss, predict, predict_with_logits,
    score_on_output_grid, score_outputs, score_outputs_with_surfaces, score_subject,
};
pub use fit::{Control, EpochEnd, GradientPoint, Monitor, NoMonitor, Objective, StepLoss, fit};
pub use optimiser::Optimiser;
pub use schedule::Schedule;
pub use state::{Best, EpochRecord, EpochSums, Passes, State, TermMeans, TermSums};
pub use supervised::Supervised;
