//! The controls, from models to what came out.

use super::arms::{Models, One, arm};
use super::tasks::Tasks;
use lacuna_audit::control::{self, Control};
use lacuna_audit::{AuditError, Influence, Memory, Pool, Protocol, influence, memory};
use lacuna_seed::Stream;

/// All of the controls on one subject, but for the planted one.
pub fn of_subject(tasks: &Tasks, subject: &str, models: &Models, protocol: &Protocol, stream: &Stream) -> Vec<Control> {
    let mut found = Vec::new();
    // What must not be found is judged at the level of controls, of which an audit has several; what must be found, at
    // that of the audit.
    let judge = |of: &[One], name: &str, alpha: f64| judged(models, of, name, alpha, protocol, stream);
    for (sham, of_sham) in tasks.shams().iter().zip(&models.shams) {
        let expected = "not flagged";
        let control = match (&sham.variant, judge(of_sham, control::SHAM, protocol.control_alpha)) {
            (None, _) => Control::not_tried(control::SHAM, expected, "nothing is left of it without its forget term"),
            (_, Err(error)) => Control::not_tried(control::SHAM, expected, error.to_string()),
            (_, Ok(influence)) => control::sham(&influence),
        };
        found.push(Control { observed: format!("{}: {}", sham.strategy, control.observed), ..control });
    }
    let expected = "not called equivalent";
    found.push(match (judge(&models.fine_tuned, control::FINE_TUNED, protocol.alpha), remembered(models, protocol)) {
        (Ok(influence), Ok(memory)) => control::fine_tuned(&influence, &memory),
        (Err(error), _) | (_, Err(error)) => Control::not_tried(control::FINE_TUNED, expected, error.to_string()),
    });
    let mut found: Vec<Control> = found.into_iter().map(|control| control.of_subject(subject)).collect();
    found.push(destroyed(subject, models, protocol, stream));
    found
}

/// The originals with a decoder drawn anew.
pub fn destroyed(subject: &str, models: &Models, protocol: &Protocol, stream: &Stream) -> Control {
    let control = match judged(models, &models.destroyed, control::DESTROYED, protocol.alpha, protocol, stream) {
        Ok(influence) => control::destroyed(&influence),
        Err(error) => Control::not_tried(control::DESTROYED, "over-forgotten", error.to_string()),
    };
    control.of_subject(subject)
}

/// Those that the recipes would make, with the reason why they could not.
pub fn without_recipes(subject: &str, why: &str) -> Vec<Control> {
    [(control::SHAM, "not flagged"), (control::FINE_TUNED, "not called equivalent")]
        .map(|(name, expected)| Control::not_tried(name, expected, why).of_subject(subject))
        .to_vec()
}

/// How a control's models differ from the retrained ones.
fn judged(
    models: &Models,
    of: &[One],
    name: &str,
    alpha: f64,
    protocol: &Protocol,
    stream: &Stream,
) -> Result<Influence, AuditError> {
    let arms = (&arm("control", of), &arm("original", &models.original), &arm("retrained", &models.retrained));
    influence(protocol.primary, arms, protocol, alpha, &stream.part(name))
}

/// Whether a subject is remembered by its originals.
pub fn remembered(models: &Models, protocol: &Protocol) -> Result<Memory, AuditError> {
    let of = |what, models: &[One]| arm(what, models).feature(protocol.primary);
    let (original, retrained) = (of("original", &models.original)?, of("retrained", &models.retrained)?);
    memory(&original, &retrained, protocol.memory_deviations_min, protocol.alpha)
}

/// The planted subject's control.
pub fn planted(subject: &str, models: &Models, protocol: &Protocol) -> Control {
    let control = match remembered(models, protocol) {
        Ok(memory) => control::planted(&memory),
        Err(error) => Control::not_tried(control::PLANTED, "flagged in its originals", error.to_string()),
    };
    control.of_subject(subject)
}

/// The retrained models of everybody, each against the others of its subject.
pub fn left_out(models: &[&Models], protocol: &Protocol) -> Control {
    let pools: Vec<Pool> =
        models.iter().filter_map(|models| arm("retrained", &models.retrained).feature(protocol.primary).ok()).collect();
    control::left_out_retrains(&pools, protocol.alpha, protocol.control_alpha)
}
