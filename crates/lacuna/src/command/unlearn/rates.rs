//! `lacuna unlearn … --find-learning-rate`: short runs over a grid of rates.

use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::text_table::aligned;
use lacuna_train::{Control, Monitor, State, TrainError};
use lacuna_unlearn::{Losses, RateTrials, UnlearnError, Unlearned, try_rates};

/// Try every rate and say what came of it; nothing is written.
pub fn find(run: &Unlearned, epochs: usize, context: &Context) -> Result<Outcome, CliError> {
    let total = RateTrials::RATES;
    let progress = Progress::begin(context, "unlearn", "rate", total, 0);
    let mut watch = Watch { progress, epochs, tried: 0 };
    let found = try_rates(run, epochs, &mut watch).map_err(|error| match error {
        UnlearnError::Train(TrainError::Interrupted { .. }) => {
            CliError::Interrupted { kept: "nothing of the search for a rate".to_string() }
        }
        UnlearnError::Train(error) => CliError::Train(error),
        error => error.into(),
    })?;
    drop(watch);
    let text = text(&found);
    Ok(Outcome::new("unlearn", &found, text))
}

struct Watch {
    progress: Progress,
    epochs: usize,
    tried: usize,
}

impl Monitor for Watch {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        if (epoch, step) == (0, 0) {
            self.tried += 1;
        }
        let share = (epoch as f64 + (step + 1) as f64 / steps as f64) / self.epochs as f64;
        self.progress.within(self.tried, share, &format!("loss={loss:.4}"));
        if interrupt::requested() { Control::Stop } else { Control::Continue }
    }

    fn epoch(&mut self, _state: &State) -> Result<Control, TrainError> {
        Ok(if interrupt::requested() { Control::Stop } else { Control::Continue })
    }
}

fn text(found: &RateTrials) -> String {
    let mut rows = vec![["learning rate", "retain loss", "forget loss", ""].map(str::to_string).to_vec()];
    let row = |name: String, losses: Option<Losses>, remark: &str| match losses {
        Some(Losses { retain, forget }) => {
            let retain = retain.map_or("-".to_string(), |retain| format!("{retain:.4}"));
            vec![name, retain, format!("{forget:.4}"), remark.to_string()]
        }
        None => vec![name, "diverged".to_string(), "-".to_string(), remark.to_string()],
    };
    rows.push(row("original".to_string(), Some(found.original), ""));
    for trial in &found.trials {
        let remark = if Some(trial.learning_rate) == found.suggested { "<- suggested" } else { "" };
        rows.push(row(format!("{:.2e}", trial.learning_rate), trial.losses, remark));
    }
    let advice = match found.suggested {
        Some(rate) => format!("suggested: --set learning_rate={rate:.2e}"),
        None => "suggested: none; no rate leaves the retain loss within 0.05 of the original's".to_string(),
    };
    format!(
        "{}{advice}\nthe rule: of the rates that leave the mean retain loss within 0.05 of the original's after {} epochs, \
         the one with the highest forget loss; to match a retrained model, a lower rate whose forget loss is that of a \
         stranger is nearer\ncost     {} passes of one volume forward and backward, {} forward; \
         preparation apart\n",
        aligned(&rows),
        found.epochs,
        found.passes.training,
        found.passes.teacher
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_train::Passes;
    use lacuna_unlearn::RateTrial;

    #[test]
    fn the_suggested_rate_is_marked_and_a_divergence_named() {
        let losses = |retain, forget| Some(Losses { retain: Some(retain), forget });
        let found = RateTrials {
            epochs: 2,
            original: losses(0.1, 0.1).unwrap(),
            trials: vec![
                RateTrial { learning_rate: 1e-3, losses: losses(0.1, 0.5) },
                RateTrial { learning_rate: 1e-1, losses: None },
            ],
            suggested: Some(1e-3),
            passes: Passes { training: 6, teacher: 9 },
        };
        let text = text(&found);
        assert!(text.contains("1.00e-3        0.1000       0.5000       <- suggested"), "{text}");
        assert!(text.contains("1.00e-1        diverged"), "{text}");
        assert!(text.contains("--set learning_rate=1.00e-3"), "{text}");
    }
}
