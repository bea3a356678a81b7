//! A strategy as data.

use crate::{
    Adapters, Constraint, Edit, ForgetTarget, Interleave, LossLevel, NoiseLaw, Redraw, Rewind, SaliencyScope,
    UnlearnError,
};
use lacuna_nn::{BatchNormMode, Network, Stage};
use lacuna_train::{OptimiserConfig, Schedule, TrainConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a strategy is for; the two are judged by different gates and never mixed in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The paper's protocol: the forget Dice low, the retain Dice kept.
    Suppress,
    /// Indistinguishable from the model retrained without the subject.
    MatchRetrain,
}

/// Everything that decides how a network forgets, up to the subjects, the epochs and the seed.
///
/// With f the network, f_0 the frozen original, x_r, y_r a retain and x_f a forget subject, and t its target, a run
/// minimises over the weights that may move
///
/// ```text
/// w L(f(x_r), y_r) + d KL(f_0(x_r) | f(x_r)) + m |z(x_r) - z_0(x_r)|^2   the retain side (z: logits)
///   + a (1 - 2 max_loss) L(f(x_f), t)                                      the forget side
///   + s KL(f_0(x') | f(x'))                                                mirrored subjects of both sides
///   + u L(f(x_r'), y_r')                                                   mirrored retain subjects, labels too
///   + g |theta|_1                                                          the penalty
/// ```
///
/// from the original after its [`Edit`]s. A recipe whose weights are all 0 is its edits and no step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// What the recipe is for.
    pub goal: Goal,
    /// Mechanic 1: only the encoder moves, and its features are what is pulled.
    pub fix_decoder: bool,
    /// Mechanic 2: the forget term's sign is flipped; gradient ascent.
    pub max_loss: bool,
    /// Mechanic 3: the forget subject is pulled to noise.
    pub learn_noise: bool,
    /// Mechanic 4: the forget subject is pulled to what the original says of retain subjects.
    pub learn_others: bool,
    /// What the forget subjects are pulled to where the switches cannot say it; at most one of both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forget_target: Option<ForgetTarget>,
    /// Edits of the weights before the first step, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
    /// The parts of the network that move; all of them if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<Stage>>,
    /// The share of weights that move: those at which the forget subjects' loss pulls most in the original; all of them
    /// if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saliency: Option<f64>,
    /// Among which weights that share is sought.
    pub saliency_scope: SaliencyScope,
    /// Factor on the gradients of weights that the edits left as they were.
    pub unedited_factor: f64,
    /// `a`, the weight of the forget term. At 0 the recipe is its own sham.
    pub forget_weight: f64,
    /// `w`, the weight of the retain term. At 0 an epoch passes over the forget subjects only.
    pub retain_weight: f64,
    /// `d`, the weight of holding the network's outputs on retain subjects to the frozen original's.
    pub distil_weight: f64,
    /// `m`, the weight of holding its logits there to the original's, mean squared.
    pub logit_weight: f64,
    /// `s`, the weight of holding its outputs on mirrored subjects of both sides to the original's. To a network that was
    /// trained without mirrors these are strangers, so it holds what the network does on people it never saw; each volume
    /// of a step is then passed a second time, mirrored.
    #[serde(skip_serializing_if = "is_zero")]
    pub stranger_weight: f64,
    /// `u`, the weight of the cross-entropy of augmented retain subjects with their labels: bent smoothly and with another
    /// contrast, drawn anew each epoch. What the network learns of them serves people it never saw; each retain volume of
    /// a step is then passed a second time, augmented in place of mirrored.
    #[serde(skip_serializing_if = "is_zero")]
    pub augment_weight: f64,
    /// By what logits are divided where outputs are held to those of a network, teacher's and student's alike; the
    /// loss is multiplied by its square (Hinton, Vinyals and Dean, 2015).
    pub temperature: f64,
    /// `g`, the weight of the sum of the weights' absolute values, falling linearly to 0 over the run.
    pub l1_weight: f64,
    /// In how many epochs from the first the forget subjects are passed; in all if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forget_epochs: Option<usize>,
    /// The forget loss above which an ascending forget term stops pulling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forget_loss_max: Option<LossLevel>,
    /// How far into forgetting the retain gradient is taken, at the beginning; it falls as half a cosine over the run.
    /// The forget subjects then have no steps of their own: see `outward.rs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forget_radius: Option<f64>,
    /// Holds the retain loss under a bound by a multiplier in place of its weight, which is what that begins as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<Constraint>,
    /// Which epoch's network is returned; the last one's if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewind: Option<Rewind>,
    /// The mean retain loss of an epoch above which the run counts as diverged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence_guard: Option<LossLevel>,
    /// Low-rank additions that move instead of the kernels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapters: Option<Adapters>,
    /// What noise labels are drawn from.
    pub noise: NoiseLaw,
    /// How often noise is drawn.
    pub redraw: Redraw,
    /// In which order an epoch passes over retain and forget subjects.
    pub interleave: Interleave,
    /// With the order `alternate`: retain passes after each forget pass.
    pub retain_per_forget: usize,
    /// What BatchNorm normalises with.
    pub batch_norm: BatchNormMode,
    /// The encoder's learning rate.
    pub learning_rate: f64,
    /// Factor on the learning rate for the head.
    pub head_multiplier: f64,
    /// The update rule.
    pub optimiser: OptimiserConfig,
    /// How the learning rate changes over the epochs of the longest horizon.
    pub schedule: Schedule,
    /// The largest L2 norm of the whole gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_norm_max: Option<f64>,
}

impl Default for Recipe {
    /// No mechanic is on. The optimiser is MedicalNet's, at the rate its pre-trained part has;
    /// the head has no rate of its own, being new no more. *Our reading: the paper's are not known.*
    fn default() -> Recipe {
        Recipe {
            goal: Goal::Suppress,
            fix_decoder: false,
            max_loss: false,
            learn_noise: false,
            learn_others: false,
            forget_target: None,
            edits: Vec::new(),
            stages: None,
            saliency: None,
            saliency_scope: SaliencyScope::Network,
            unedited_factor: 1.0,
            forget_weight: 1.0,
            retain_weight: 1.0,
            distil_weight: 0.0,
            logit_weight: 0.0,
            stranger_weight: 0.0,
            augment_weight: 0.0,
            temperature: 1.0,
            l1_weight: 0.0,
            forget_epochs: None,
            forget_loss_max: None,
            forget_radius: None,
            constraint: None,
            rewind: None,
            divergence_guard: None,
            adapters: None,
            noise: NoiseLaw::Gaussian,
            redraw: Redraw::EveryEpoch,
            interleave: Interleave::Shuffled,
            retain_per_forget: 1,
            batch_norm: BatchNormMode::Batch,
            learning_rate: 1e-3,
            head_multiplier: 1.0,
            optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-3 },
            schedule: Schedule::Constant,
            gradient_norm_max: None,
        }
    }
}

impl Recipe {
    /// A recipe from TOML, checked.
    ///
    /// # Errors
    /// Unknown keys, values out of range, switches that contradict each other.
    pub fn from_toml(text: &str) -> Result<Recipe, UnlearnError> {
        let recipe: Recipe = toml::from_str(text).map_err(|error| UnlearnError::Parse { reason: error.to_string() })?;
        recipe.checked()
    }

    /// The recipe itself if it can be run.
    ///
    /// # Errors
    /// As [`Recipe::check`].
    pub fn checked(self) -> Result<Recipe, UnlearnError> {
        self.check()?;
        Ok(self)
    }

    /// Whether the recipe can be run. [`unlearn`](crate::unlearn) asks too, since a recipe need not have come from a file.
    ///
    /// # Errors
    /// Values out of range, switches that contradict each other.
    pub fn check(&self) -> Result<(), UnlearnError> {
        let target = self.forget_target()?;
        target.check()?;
        self.edits.iter().try_for_each(Edit::check)?;
        let bad = |key, found: String, expected| Err(UnlearnError::BadSetting { key, found, expected });
        for (key, weight) in self.weights() {
            if !(0.0..=1e6).contains(&weight) {
                return bad(key, weight.to_string(), "0 to 1000000");
            }
        }
        if self.forget_weight == 0.0 && !self.has_retain_side() && self.edits.is_empty() {
            return bad("forget_weight", "0, as is retain_weight".to_string(), "one of the two above 0");
        }
        self.check_limits()?;
        self.check_factors()?;
        if !(self.temperature > 0.0 && self.temperature <= 100.0) {
            return bad("temperature", self.temperature.to_string(), "above 0, 100 at most");
        }
        if !(1..=1000).contains(&self.retain_per_forget) {
            return bad("retain_per_forget", self.retain_per_forget.to_string(), "1 to 1000");
        }
        if self.stages.as_ref().is_some_and(Vec::is_empty) {
            return bad("stages", "none".to_string(), "at least one, or leave the key out");
        }
        let of_outputs = [self.distil_weight, self.logit_weight, self.stranger_weight, self.augment_weight];
        if target.is_in_feature_space() && of_outputs.iter().any(|weight| *weight > 0.0) {
            let expected = "0, as logit_weight, stranger_weight and augment_weight";
            return bad("distil_weight", "above 0 with features as targets".to_string(), expected);
        }
        if self.forget_epochs.is_some() && !self.has_retain_side() {
            return bad("forget_epochs", "set without a retain side".to_string(), "a retain_weight above 0");
        }
        self.train_config(1).checked()?;
        Ok(())
    }

    fn weights(&self) -> [(&'static str, f64); 7] {
        [
            ("forget_weight", self.forget_weight),
            ("retain_weight", self.retain_weight),
            ("distil_weight", self.distil_weight),
            ("logit_weight", self.logit_weight),
            ("stranger_weight", self.stranger_weight),
            ("augment_weight", self.augment_weight),
            ("l1_weight", self.l1_weight),
        ]
    }

    /// Whether retain subjects are passed at all.
    pub fn has_retain_side(&self) -> bool {
        [self.retain_weight, self.distil_weight, self.logit_weight, self.augment_weight]
            .iter()
            .any(|weight| *weight > 0.0)
    }

    /// Whether an epoch counted from 0 forgets at all.
    pub(crate) fn forgets_in(&self, epoch: usize) -> bool {
        self.forget_weight > 0.0 && self.forget_epochs.is_none_or(|epochs| epoch < epochs)
    }

    /// Whether the forget subjects have steps of their own in an epoch counted from 0.
    pub(crate) fn has_forget_side(&self, epoch: usize) -> bool {
        self.forgets_in(epoch) && self.forget_radius.is_none()
    }

    /// Volumes that go forward and backward when a forget case is passed.
    pub(crate) fn forget_volumes(&self) -> usize {
        self.forget_target.as_ref().map_or(1, ForgetTarget::volumes) + usize::from(self.stranger_weight > 0.0)
    }

    /// Whether forget subjects are passed mirrored as well: not where they are not passed at all.
    pub(crate) fn forgets_mirrored(&self) -> bool {
        self.stranger_weight > 0.0 && self.forget_weight > 0.0
    }

    /// Whether retain subjects are passed mirrored as well: augmented ones stand in for them.
    pub(crate) fn retains_mirrored(&self) -> bool {
        self.stranger_weight > 0.0 && self.augment_weight == 0.0
    }

    /// Volumes that go forward and backward when a retain case is passed.
    pub(crate) fn retain_volumes(&self) -> usize {
        1 + usize::from(self.retains_mirrored() || self.augment_weight > 0.0)
    }

    /// Whether the optimiser may move a tensor.
    pub(crate) fn is_trainable(&self, network: &Network, name: &str) -> bool {
        let is_open = match self.adapters {
            Some(adapters) => Network::is_adapter(name) || (adapters.head && network.stage(name) == Stage::Decoder),
            None => true,
        };
        is_open && self.is_editable(network, name)
    }

    /// Whether edits may change a tensor: it is of a part of the network that the recipe does not keep in place.
    pub(crate) fn is_editable(&self, network: &Network, name: &str) -> bool {
        let stage = network.stage(name);
        !(self.fix_decoder && stage == Stage::Decoder)
            && self.stages.as_ref().is_none_or(|stages| stages.contains(&stage))
    }

    /// What the forget subjects are pulled to, as `forget_target` or the four switches say it.
    ///
    /// # Errors
    /// Switches that contradict each other, or none at all.
    pub fn forget_target(&self) -> Result<ForgetTarget, UnlearnError> {
        let refuse = |problem| Err(UnlearnError::Mechanics { switches: self.switches(), problem });
        if let Some(target) = &self.forget_target {
            return match (self.learn_noise, self.learn_others) {
                (false, false) => Ok(target.clone()),
                _ => refuse("contradict forget_target: a forget subject has one target"),
            };
        }
        match (self.fix_decoder, self.learn_noise, self.learn_others) {
            (_, true, true) => refuse("contradict each other: a forget subject has one target"),
            (false, true, false) => Ok(ForgetTarget::NoiseLabels),
            (false, false, true) => Ok(ForgetTarget::OthersOutputs),
            (true, true, false) => Ok(ForgetTarget::NoiseFeatures),
            (true, false, false) => Ok(ForgetTarget::FeaturesOfNoise),
            (true, false, true) => Ok(ForgetTarget::OthersFeatures),
            (false, false, false) if self.max_loss => Ok(ForgetTarget::TrueLabels),
            (false, false, false) if self.forget_weight == 0.0 => Ok(ForgetTarget::Nothing),
            (false, false, false) => refuse(
                "pull the forget subjects nowhere: switch on one of fix_decoder, max_loss, learn_noise, learn_others, \
                 name a forget_target, or set forget_weight to 0",
            ),
        }
    }

    /// The recipe's part in the training loop.
    pub(crate) fn train_config(&self, epochs: usize) -> TrainConfig {
        TrainConfig {
            epochs,
            learning_rate: self.learning_rate,
            head_multiplier: self.head_multiplier,
            optimiser: self.optimiser,
            schedule: self.schedule,
            gradient_norm_max: self.gradient_norm_max,
            batch_norm: self.batch_norm,
            ..TrainConfig::default()
        }
    }

    fn switches(&self) -> String {
        let on: Vec<&str> = [
            ("fix_decoder", self.fix_decoder),
            ("max_loss", self.max_loss),
            ("learn_noise", self.learn_noise),
            ("learn_others", self.learn_others),
        ]
        .into_iter()
        .filter_map(|(name, on)| on.then_some(name))
        .collect();
        if on.is_empty() { "no switch: they".to_string() } else { on.join(" and ") }
    }
}

/// A key that is off stays out of files, so that recipes of before it keep their digests.
fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_of_the_users_own() {
        let recipe = Recipe::from_toml("learn_noise = true\nnoise = 'background'\nforget_weight = 0.1").unwrap();
        assert_eq!(recipe.forget_target().unwrap(), ForgetTarget::NoiseLabels);
        assert_eq!((recipe.noise, recipe.forget_weight), (NoiseLaw::Background, 0.1));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let message = Recipe::from_toml("learn_noise = true\nforget_wieght = 1").unwrap_err().to_string();
        assert!(message.contains("forget_wieght") && message.contains("forget_weight"), "{message}");
    }

    #[test]
    fn contradicting_or_absent_switches_are_refused() {
        let both = Recipe::from_toml("learn_noise = true\nlearn_others = true").unwrap_err().to_string();
        assert!(both.contains("learn_noise and learn_others contradict"), "{both}");
        assert!(Recipe::from_toml("").unwrap_err().to_string().contains("switch on one of"));
    }

    #[test]
    fn a_recipe_without_any_term_is_refused() {
        assert!(Recipe::from_toml("max_loss = true\nforget_weight = 0\nretain_weight = 0").is_err());
    }

    #[test]
    fn a_recipe_of_edits_alone_is_one() {
        let edits = "[[edits]]\nkind = 'dampen'\nimportance = 'outputs'\nselection = 'adaptive'\nlambda = 1\n\
                     blocks_per_axis = 2\n[[edits]]\nkind = 'turn'\naxes = [0, 2, 1]";
        let recipe = Recipe::from_toml(&format!("forget_weight = 0\nretain_weight = 0\n{edits}")).unwrap();
        assert_eq!(recipe.forget_target().unwrap(), ForgetTarget::Nothing);
        assert_eq!(recipe.edits.len(), 2);
    }

    #[test]
    fn what_no_edit_and_no_mask_can_be_is_refused_by_its_key() {
        let dampen = |selection, lambda, blocks_per_axis| Edit::Dampen {
            importance: crate::Importance::Labels,
            selection,
            lambda,
            blocks_per_axis,
        };
        let threshold = crate::Selection::Threshold;
        let of = |edit| Recipe { edits: vec![edit], ..Recipe::fine_tuning() };
        for (key, recipe) in [
            ("edits.selection.threshold", of(dampen(threshold(0.0), 1.0, 1))),
            ("edits.lambda", of(dampen(threshold(1.0), f64::NAN, 1))),
            ("edits.blocks_per_axis", of(dampen(threshold(1.0), 1.0, 0))),
            ("edits.strength", of(Edit::FisherNoise { strength: -1.0, deviation_max: 1.0, blocks_per_axis: 1 })),
            ("edits.damping", of(Edit::Newton { scale: 1.0, damping: 0.0, blocks_per_axis: 1 })),
            ("edits.share", of(Edit::Renew { share: 1.5 })),
            ("edits.axes", of(Edit::Turn { axes: [0, 1, 2] })),
            ("saliency", Recipe { saliency: Some(0.0), ..Recipe::fine_tuning() }),
            ("unedited_factor", Recipe { unedited_factor: 2.0, ..Recipe::fine_tuning() }),
            ("unedited_factor", Recipe { unedited_factor: 0.0, ..Recipe::fine_tuning() }),
            (
                "forget_target.draws",
                Recipe {
                    forget_target: Some(ForgetTarget::OwnOutputsInNoise { deviation: 0.1, draws: 0 }),
                    ..Recipe::default()
                },
            ),
        ] {
            let message = recipe.checked().unwrap_err().to_string();
            assert!(message.contains(key), "`{key}` is not in: {message}");
        }
    }

    #[test]
    fn recipes_survive_toml() {
        for strategy in crate::STRATEGIES {
            let recipe = (strategy.recipe)();
            let text = toml::to_string(&recipe).unwrap();
            assert_eq!(Recipe::from_toml(&text).unwrap(), recipe, "{}", strategy.name);
        }
    }
}
