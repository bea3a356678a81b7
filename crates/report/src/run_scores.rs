//! The scores of one run, gathered from its rows.

use crate::estimate::mean;
use crate::{Role, Roles, Scored};
use lacuna_metrics::{EmptyCounts, MEAN, RetainForget};

/// The scores of one run, by role.
#[derive(Default)]
pub(crate) struct RunScores {
    pub(crate) diverged: bool,
    pub(crate) collapsed: bool,
    pub(crate) roles: Roles<RoleScores>,
}

/// The scores of one role: one entry per subject that has the score, and the number of empty masks.
#[derive(Default)]
pub(crate) struct RoleScores {
    pub(crate) dice: Vec<f64>,
    pub(crate) mae: Vec<f64>,
    pub(crate) mae_probability: Vec<f64>,
    pub(crate) masks: usize,
    pub(crate) empty: EmptyCounts,
    pub(crate) subjects_without_dice: usize,
}

impl RunScores {
    /// Adds one scored class, or the mean over classes, of one subject.
    pub(crate) fn add(&mut self, scored: &Scored) {
        self.collapsed |= scored.collapsed;
        let role = match scored.role {
            Role::Retain => &mut self.roles.retain,
            Role::Forget => &mut self.roles.forget,
            Role::HeldOut => &mut self.roles.held_out,
            Role::ForgottenEarlier => return,
        };
        let score = &scored.score;
        if score.name != MEAN {
            role.masks += 1;
            role.empty.add(score.empty);
            return;
        }
        match score.dice {
            Some(dice) => role.dice.push(dice),
            None => role.subjects_without_dice += 1,
        }
        role.mae.push(score.mae);
        role.mae_probability.push(score.mae_probability);
    }

    /// Dice of retained and forgotten subjects, averaged over subjects.
    pub(crate) fn dice(&self) -> Option<RetainForget> {
        Some(RetainForget { retain: mean(&self.roles.retain.dice)?, forget: mean(&self.roles.forget.dice)? })
    }

    /// MAE of retained and forgotten subjects, averaged over subjects.
    pub(crate) fn mae(&self) -> Option<RetainForget> {
        Some(RetainForget { retain: mean(&self.roles.retain.mae)?, forget: mean(&self.roles.forget.mae)? })
    }

    /// Dice of one role, averaged over subjects.
    pub(crate) fn dice_of(&self, role: fn(&Roles<RoleScores>) -> &RoleScores) -> Option<f64> {
        mean(&role(&self.roles).dice)
    }
}
