//! Edits of the weights before the first step. One edit per file; the enum lists them.
//!
//! An edit is a function of the original, the sets and a seed; a recipe names a list of them, applied in order. What an
//! edit costs is stated beside it, in passes, and counts as preparation. Weights that the recipe keeps in place
//! (`stages`, `fix_decoder`) are kept by edits too, but for `Reset`, which names its own.

mod dampen;
mod fisher_noise;
mod jitter;
mod newton;
mod renew;
mod reset;
mod turn;

pub use dampen::Selection;

use crate::gradients::{self, Importance, PerWeight, host};
use crate::{ForgetRetain, UnlearnError, Unlearned};
use lacuna_nn::{Network, Stage, Tensor};
use lacuna_train::Passes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One change of the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Edit {
    /// Draw the weights of some stages anew, as a fresh network has them.
    Reset {
        /// The stages.
        stages: Vec<Stage>,
    },
    /// Add Gaussian noise to every convolution.
    Jitter {
        /// Its deviation, as a share of the deviation of the tensor's own values.
        deviation: f64,
    },
    /// Dampen what matters to the forget subjects more than to everybody (SSD).
    Dampen {
        /// What importance is taken of.
        importance: Importance,
        /// Which weights are dampened.
        selection: Selection,
        /// How strongly: a dampened weight keeps the share `lambda I_D / I_F` of itself, all of it at most.
        lambda: f64,
        /// Blocks of the output grid along each axis that are samples of their own.
        blocks_per_axis: usize,
    },
    /// Add Gaussian noise where the retain subjects' loss is flat.
    FisherNoise {
        /// Its variance times their mean squared gradient.
        strength: f64,
        /// Its largest deviation.
        deviation_max: f64,
        /// Blocks of the output grid along each axis that are samples of their own.
        blocks_per_axis: usize,
    },
    /// Take back the forget subjects' influence by one damped Newton step.
    Newton {
        /// Factor on the step.
        scale: f64,
        /// What is added to every eigenvalue of the retain subjects' curvature.
        damping: f64,
        /// Blocks of the output grid along each axis that are samples of their own.
        blocks_per_axis: usize,
    },
    /// Draw the weights of each convolution anew at which retain and forget subjects pull least (MSG).
    Renew {
        /// The share of its weights.
        share: f64,
    },
    /// Exchange the spatial axes of every convolution (CT).
    Turn {
        /// Which of the axes D, H, W (0, 1, 2) stands in the place of each.
        axes: [usize; 3],
    },
}

impl Edit {
    /// Whether the edit can be applied.
    ///
    /// # Errors
    /// A setting outside its range.
    pub(crate) fn check(&self) -> Result<(), UnlearnError> {
        match self {
            Edit::Reset { stages } => expect("edits.stages", "none".to_string(), "at least one", !stages.is_empty()),
            Edit::Jitter { deviation } => above_zero("edits.deviation", *deviation, TENFOLD),
            Edit::Dampen { selection, lambda, blocks_per_axis, .. } => {
                if let Selection::Threshold(alpha) = selection {
                    above_zero("edits.selection.threshold", *alpha, MILLION)?;
                }
                above_zero("edits.lambda", *lambda, MILLION)?;
                check_blocks(*blocks_per_axis)
            }
            Edit::FisherNoise { strength, deviation_max, blocks_per_axis } => {
                above_zero("edits.strength", *strength, MILLION)?;
                above_zero("edits.deviation_max", *deviation_max, MILLION)?;
                check_blocks(*blocks_per_axis)
            }
            Edit::Newton { scale, damping, blocks_per_axis } => {
                above_zero("edits.scale", *scale, MILLION)?;
                above_zero("edits.damping", *damping, MILLION)?;
                check_blocks(*blocks_per_axis)
            }
            Edit::Renew { share } => above_zero("edits.share", *share, SHARE),
            Edit::Turn { axes } => {
                expect("edits.axes", format!("{axes:?}"), "0, 1 and 2 in another order", turn::is_turn(*axes))
            }
        }
    }

    /// The edited network.
    pub(crate) fn apply(&self, network: Network, run: &Unlearned) -> Result<Network, UnlearnError> {
        let is_editable = |name: &str| run.recipe.is_editable(run.original, name);
        let edited = match *self {
            Edit::Reset { ref stages } => reset::reset(network, stages, run.seed),
            Edit::Jitter { deviation } => jitter::jitter(network, deviation, run.seed, &is_editable),
            Edit::Dampen { importance, selection, lambda, blocks_per_axis } => {
                dampen::dampen(network, run, dampen::Dampening { importance, selection, lambda, blocks_per_axis })?
            }
            Edit::FisherNoise { strength, deviation_max, blocks_per_axis } => {
                let how = fisher_noise::FisherNoise { strength, deviation_max, blocks_per_axis };
                fisher_noise::fisher_noise(network, run, how)?
            }
            Edit::Newton { scale, damping, blocks_per_axis } => {
                newton::newton(network, run, newton::NewtonStep { scale, damping, blocks_per_axis })?
            }
            Edit::Renew { share } => renew::renew(network, run, share)?,
            Edit::Turn { axes } => turn::turn(network, axes, &is_editable),
        };
        Ok(edited)
    }

    /// What the edit takes.
    pub(crate) fn passes(&self, sets: &ForgetRetain) -> Passes {
        match *self {
            Edit::Reset { .. } | Edit::Jitter { .. } | Edit::Turn { .. } => Passes::default(),
            Edit::Dampen { blocks_per_axis, .. } => dampen::cost(sets, blocks_per_axis),
            Edit::FisherNoise { blocks_per_axis, .. } => gradients::passes(&sets.retain, blocks_per_axis),
            Edit::Newton { blocks_per_axis, .. } => newton::cost(sets, blocks_per_axis),
            Edit::Renew { .. } => renew::cost(sets),
        }
    }

    /// Whether it can do anything to these sets.
    ///
    /// # Errors
    /// A threshold that nothing can exceed.
    pub(crate) fn check_sets(&self, sets: &ForgetRetain) -> Result<(), UnlearnError> {
        let Edit::Dampen { selection: Selection::Threshold(alpha), blocks_per_axis, .. } = *self else { return Ok(()) };
        let most = dampen::largest_ratio(sets, blocks_per_axis);
        let expected = "below |D| / |F|, which no ratio of importances exceeds";
        expect("edits.selection.threshold", alpha.to_string(), expected, alpha < most)
    }

    /// Whether there must be retain subjects for it.
    pub(crate) fn needs_retain(&self) -> bool {
        !matches!(self, Edit::Reset { .. } | Edit::Jitter { .. } | Edit::Turn { .. })
    }
}

fn expect(key: &'static str, found: String, expected: &'static str, holds: bool) -> Result<(), UnlearnError> {
    if holds { Ok(()) } else { Err(UnlearnError::BadSetting { key, found, expected }) }
}

/// How large a setting may be, and how that is said.
struct Most(f64, &'static str);

const SHARE: Most = Most(1.0, "above 0, 1 at most");
const TENFOLD: Most = Most(10.0, "above 0, 10 at most");
const MILLION: Most = Most(1e6, "above 0, 1000000 at most");

fn above_zero(key: &'static str, found: f64, Most(most, expected): Most) -> Result<(), UnlearnError> {
    expect(key, found.to_string(), expected, found > 0.0 && found <= most)
}

fn check_blocks(found: usize) -> Result<(), UnlearnError> {
    expect("edits.blocks_per_axis", found.to_string(), "1 to 16", (1..=16).contains(&found))
}

/// Every element that has a value beside it becomes a function of both.
fn change(network: &mut Network, beside: &PerWeight, changed: impl Fn(f32, f32) -> f32) {
    for (name, values) in beside {
        let before = network.parameters.get(name).values.clone();
        let device = before.device();
        let after: Vec<f32> = host(before).iter().zip(values).map(|(&value, &beside)| changed(value, beside)).collect();
        network.parameters.set(name, Tensor::from_floats(after.as_slice(), &device));
    }
}
