//! Rows for tests.

use crate::{
    Cost, Goal, ORIGINAL, Outcome, ProbeRow, RETRAIN, Rebound, ReboundStatus, Relearn, RelearnStatus, ResultRow, Role,
    Roles, Run, ScoreGrid, Scored,
};
use lacuna_metrics::{ClassScore, Empty, MEAN};

/// A run; only `original` and `retrain` get the goal `Reference`.
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
    let score = ClassScore { name: class.into(), dice, empty, mae: 0.125, mae_probability: 0.25, surface: None };
    let scored =
        Scored { grid: ScoreGrid::Output, role, subject: subject.into(), score, collapsed: false, cross_entropy: None };
    ResultRow { run: run.clone(), cost: Cost::default(), outcome: Outcome::Scored(scored) }
}

/// The single row of a run that diverged.
pub(crate) fn diverged(run: &Run) -> ResultRow {
    ResultRow { run: run.clone(), cost: Cost::default(), outcome: Outcome::Diverged }
}

/// The rows of one subject: one foreground class and the mean, with equal scores.
fn subject(rows: &mut Vec<ResultRow>, run: &Run, role: Role, name: &str, dice: f64) {
    for class in ["brain", MEAN] {
        let mut row = scored(run, role, name, class, Some(dice));
        let Outcome::Scored(score) = &mut row.outcome else { unreachable!() };
        score.score.mae = (1.0 - dice) / 4.0;
        score.score.empty = if dice == 0.0 { Empty::Prediction } else { Empty::None };
        rows.push(row);
    }
}

/// The rows of a run with these retain, forget and held-out Dice; two subjects are retained, one is held out.
pub(crate) fn finished(rows: &mut Vec<ResultRow>, run: &Run, dice: [f64; 3]) {
    let [retain, forget, held_out] = dice;
    subject(rows, run, Role::Retain, "kept-1", retain + 0.02);
    subject(rows, run, Role::Retain, "kept-2", retain - 0.02);
    subject(rows, run, Role::Forget, &run.forgotten, forget);
    subject(rows, run, Role::HeldOut, "unseen", held_out);
}

/// Marks a run as collapsed: it predicts one class everywhere.
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

/// A number of retrained models of sub-01, with forget Dice 0.48, 0.49, 0.50, …, and an original with seed 0.
pub(crate) fn references(retrained: u64, original: f64) -> Vec<ResultRow> {
    let mut rows = Vec::new();
    for seed in 0..retrained {
        finished(&mut rows, &run(RETRAIN, 100, "sub-01", seed), [0.9, 0.48 + 0.01 * seed as f64, 0.6]);
    }
    finished(&mut rows, &run(ORIGINAL, 100, "sub-01", 0), [0.9, original, 0.6]);
    rows
}

/// A run of goal `match-retrain` on sub-01 with seed 0 that cost this fraction of a retraining.
pub(crate) fn matching(rows: &mut Vec<ResultRow>, dice: [f64; 3], retraining_fraction: f64) {
    let from = rows.len();
    finished(rows, &Run { goal: Goal::MatchRetrain, ..run("atlas", 10, "sub-01", 0) }, dice);
    for row in &mut rows[from..] {
        row.cost.retraining_fraction = Some(retraining_fraction);
    }
}

/// A probe of a model: forget Dice after the rebound, and passes to relearn, at most 60.
pub(crate) fn probe(run: &Run, rebound: f64, relearn: Option<u64>) -> ProbeRow {
    let output = Roles { retain: Some(0.9), forget: Some(rebound), held_out: Some(0.6) };
    let status = if relearn.is_some() { RelearnStatus::Within } else { RelearnStatus::NotWithin };
    ProbeRow {
        run: run.clone(),
        rebound: Some(Rebound {
            status: ReboundStatus::Ok,
            passes: 20,
            output,
            volume: output,
            forget_cross_entropy: None,
        }),
        relearn: Some(Relearn { status, passes: relearn, passes_max: 60, cross_entropy_max: 0.1 }),
    }
}

/// Runs for the gates. `match-retrain`: a bank of five, a run that passes, one whose subject comes back, one without
/// probes. `suppress`: one that passes, one that lowers the other subjects' Dice too, one without an original, one that
/// diverged.
pub(crate) fn gated() -> (Vec<ResultRow>, Vec<ProbeRow>) {
    let mut rows = references(5, 0.98);
    let mut probes: Vec<ProbeRow> = (0..5)
        .map(|seed| probe(&run(RETRAIN, 100, "sub-01", seed), 0.48 + 0.01 * seed as f64, Some(8 + seed)))
        .collect();
    matching(&mut rows, [0.9, 0.51, 0.602], 0.03);
    probes.push(probe(&rows[rows.len() - 1].run, 0.515, Some(8)));
    for (variant, dice) in [("jitter=0", [0.9, 0.505, 0.6]), ("jitter=1", [0.85, 0.53, 0.6])] {
        let from = rows.len();
        matching(&mut rows, dice, 0.12);
        rows[from..].iter_mut().for_each(|row| row.run.variant = variant.into());
    }
    probes.push(probe(&Run { variant: "jitter=0".into(), ..rows[rows.len() - 1].run.clone() }, 0.61, None));
    finished(&mut rows, &run("noisy-label", 50, "sub-01", 0), [0.9, 0.004, 0.598]);
    finished(&mut rows, &run("noisy-label", 50, "sub-02", 0), [0.9, 0.0, 0.6]);
    finished(&mut rows, &run("max-loss", 50, "sub-01", 0), [0.7, 0.0, 0.4]);
    rows.push(diverged(&run("max-loss", 50, "sub-02", 0)));
    (rows, probes)
}

/// Compares with a file under `golden/`; with `LACUNA_BLESS=1` set, writes that file instead, which must be read before
/// it is committed.
#[track_caller]
pub(crate) fn assert_golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
    if std::env::var_os("LACUNA_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(found == expected, "not golden/{name}; found:\n{found}");
}
