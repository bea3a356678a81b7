//! Rows for tests.

use crate::{Cost, Goal, ORIGINAL, Outcome, RETRAIN, ResultRow, Role, Run, ScoreGrid, Scored};
use lacuna_metrics::{ClassScore, Empty, MEAN};

/// A run; only the references have that goal.
pub(crate) fn run(strategy: &str, epochs: usize, forgotten: &str, seed: u64) -> Run {
    let goal = if [ORIGINAL, RETRAIN].contains(&strategy) { Goal::Reference } else { Goal::Suppress };
    Run {
        network: "resnet10".into(),
        labels: "tissue".into(),
        goal,
        strategy: strategy.into(),
        variant: String::new(),
        epochs,
        forgotten: forgotten.into(),
        seed,
    }
}

/// A score on the output grid; without a Dice both masks are empty.
pub(crate) fn scored(run: &Run, role: Role, subject: &str, class: &str, dice: Option<f64>) -> ResultRow {
    let empty = if dice.is_some() { Empty::None } else { Empty::Both };
    let score = ClassScore { name: class.into(), dice, empty, mae: 0.125, mae_probability: 0.25 };
    let scored =
        Scored { grid: ScoreGrid::Output, role, subject: subject.into(), score, collapsed: false, cross_entropy: None };
    ResultRow { run: run.clone(), cost: Cost::default(), outcome: Outcome::Scored(scored) }
}

/// The one row of a run that left the finite numbers.
pub(crate) fn diverged(run: &Run) -> ResultRow {
    ResultRow { run: run.clone(), cost: Cost::default(), outcome: Outcome::Diverged }
}

/// One subject's rows: the foreground class and the mean, which are the same.
fn subject(rows: &mut Vec<ResultRow>, run: &Run, role: Role, name: &str, dice: f64) {
    for class in ["brain", MEAN] {
        let mut row = scored(run, role, name, class, Some(dice));
        let Outcome::Scored(score) = &mut row.outcome else { unreachable!() };
        score.score.mae = (1.0 - dice) / 4.0;
        score.score.empty = if dice == 0.0 { Empty::Prediction } else { Empty::None };
        rows.push(row);
    }
}

/// Retain, forget and held-out Dice of a run; two subjects to keep, one never seen.
pub(crate) fn finished(rows: &mut Vec<ResultRow>, run: &Run, dice: [f64; 3]) {
    let [retain, forget, held_out] = dice;
    subject(rows, run, Role::Retain, "kept-1", retain + 0.02);
    subject(rows, run, Role::Retain, "kept-2", retain - 0.02);
    subject(rows, run, Role::Forget, &run.forgotten, forget);
    subject(rows, run, Role::HeldOut, "unseen", held_out);
}

/// Mark a run as one that says one class everywhere.
fn collapse(rows: &mut [ResultRow], run: &Run) {
    for row in rows.iter_mut().filter(|row| row.run == *run) {
        let Outcome::Scored(scored) = &mut row.outcome else { unreachable!() };
        scored.collapsed = true;
    }
}

/// A small study: three forgotten subjects, two of three Max Loss runs diverged, a Fix Decoder run
/// collapsed, one variant with one subject and two seeds, one missed brain.
pub(crate) fn study() -> Vec<ResultRow> {
    let mut rows = Vec::new();
    for (index, forgotten) in ["sub-01", "sub-02", "sub-03"].into_iter().enumerate() {
        let shift = 0.01 * index as f64;
        finished(&mut rows, &run(ORIGINAL, 100, forgotten, 0), [0.9, 0.92 - shift, 0.6]);
        finished(&mut rows, &run(RETRAIN, 100, forgotten, 0), [0.9, 0.58 + shift, 0.61]);
        finished(&mut rows, &run("noisy-label", 20, forgotten, 0), [0.85, 0.4 + shift, 0.59]);
        finished(&mut rows, &run("noisy-label", 50, forgotten, 0), [0.76, 0.06 + shift, 0.55]);
    }
    finished(&mut rows, &run("max-loss", 20, "sub-01", 0), [0.5, 0.0, 0.4]);
    finished(&mut rows, &run("fix-decoder", 50, "sub-02", 0), [0.02, 0.0, 0.0]);
    collapse(&mut rows, &run("fix-decoder", 50, "sub-02", 0));
    rows.push(diverged(&run("max-loss", 50, "sub-01", 0)));
    rows.push(diverged(&run("max-loss", 20, "sub-02", 0)));
    let matching = |seed| Run {
        goal: Goal::MatchRetrain,
        variant: "forget_weight=0.5".into(),
        ..run("distil", 20, "sub-01", seed)
    };
    finished(&mut rows, &matching(0), [0.88, 0.57, 0.6]);
    finished(&mut rows, &matching(1), [0.86, 0.61, 0.62]);
    rows
}

/// Compare with a file under `golden/`; with `LACUNA_BLESS=1` set, make that file instead, to be
/// read before it is committed.
#[track_caller]
pub(crate) fn assert_golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("LACUNA_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(found == expected, "not golden/{name}; found:\n{found}");
}
