//! Scores of subjects, as a table for people and as `subjects.csv`.

use crate::text_table::aligned;
use lacuna_inference::CaseScores;
use lacuna_metrics::{ClassScore, Empty, METRICS, Metric, Needs, SubjectScores, Summary};
use serde::{Deserialize, Serialize};

/// What the scored model knows of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It was trained on the subject.
    Train,
    /// It was trained on the subject once, and has been made to forget it.
    Forget,
    /// It never saw the subject.
    HeldOut,
    Scored,
}

impl Side {
    /// As files and tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Side::Train => "train",
            Side::Forget => "forget",
            Side::HeldOut => "held_out",
            Side::Scored => "scored",
        }
    }
}

/// One subject's scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scored {
    /// The cohort's id.
    pub subject: String,
    /// What the model knows of the subject.
    pub role: Side,
    /// On the volume's own grid.
    pub volume: SubjectScores,
    /// On the network's output grid.
    pub output: SubjectScores,
}

impl Scored {
    /// The scores of a subject in its role.
    pub fn new(subject: String, role: Side, scores: CaseScores) -> Scored {
        Scored { subject, role, volume: scores.volume, output: scores.output }
    }

    fn grids(&self) -> [(&'static str, &SubjectScores); 2] {
        [("volume", &self.volume), ("output", &self.output)]
    }
}

/// Metrics of surfaces that came after the column of the tolerance.
const NEWER: &[&str] = &["surface_dice_area"];

/// One row per subject, grid and class; `dice` is blank where both masks are empty, what needs surfaces where they were
/// not compared: by other verbs than `eval`, of the background, and on the network's grid.
///
/// New columns stand behind the existing ones, which readers may count.
pub fn csv(scored: &[Scored]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let (surfaces, behind): (Vec<&Metric>, Vec<&Metric>) =
        of_need(Needs::Surfaces).partition(|metric| !NEWER.contains(&metric.name));
    let names = |metrics: &[&'static Metric]| metrics.iter().map(|metric| metric.name).collect::<Vec<_>>();
    let voxels: Vec<&Metric> = of_need(Needs::Voxels).collect();
    let first = ["subject", "role", "grid", "class"].into_iter().chain(names(&voxels)).chain(["empty"]);
    let head: Vec<&str> = first.chain(names(&surfaces)).chain(["tolerance_mm"]).chain(names(&behind)).collect();
    writer.write_record(head).expect("memory takes all bytes");
    for subject in scored {
        for (grid, scores) in subject.grids() {
            for class in scores.classes.iter().chain([&scores.mean]) {
                let mut row =
                    vec![subject.subject.clone(), subject.role.name().into(), grid.into(), class.name.clone()];
                let value = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
                row.extend(voxels.iter().map(|metric| value((metric.value)(class))));
                row.push(empty(class.empty).to_string());
                row.extend(surfaces.iter().map(|metric| value((metric.value)(class))));
                row.push(value(class.surface.as_ref().map(|surface| surface.tolerance_mm)));
                row.extend(behind.iter().map(|metric| value((metric.value)(class))));
                writer.write_record(row).expect("memory takes all bytes");
            }
        }
    }
    writer.into_inner().expect("memory takes all bytes")
}

/// The metrics of a kind, in the order of tables.
fn of_need(needs: Needs) -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(move |metric| metric.needs == needs)
}

/// Dice per class and the mean's figures, per grid; subjects first, then the mean of each role.
///
/// Subjects of one role must stand together.
pub fn text(scored: &[Scored]) -> String {
    let mut text = String::new();
    for (grid, about) in [(0, "on the volume's own grid"), (1, "on the network's output grid")] {
        let of_grid: Vec<(&Scored, &SubjectScores)> =
            scored.iter().map(|subject| (subject, subject.grids()[grid].1)).collect();
        text.push_str(&format!("Dice {about}, MAE of label maps and of probabilities\n"));
        text.push_str(&table(&of_grid));
        text.push('\n');
    }
    text.push_str("*: one mask is empty, Dice 0;  -: both are, no Dice and not in the mean\n");
    text.push_str(&surfaces(scored));
    text
}

/// Per metric of surfaces and class, the mean over the subjects of each role, and of how many; nothing where none was
/// computed.
fn surfaces(scored: &[Scored]) -> String {
    let Some(surface) = scored.iter().find_map(|subject| subject.volume.mean.surface.as_ref()) else {
        return String::new();
    };
    let mut head = vec!["on the volume's grid".to_string(), "role".to_string()];
    head.extend(columns(&scored[0].volume).map(|class| class.name.clone()));
    let mut rows = vec![head];
    for of_role in scored.chunk_by(|a, b| a.role == b.role) {
        let classes = columns(&of_role[0].volume).count();
        let row = |metric: &Metric| {
            let mean = |column| of_column(of_role, column, metric);
            let cells = (0..classes).map(mean);
            [metric.name.to_string(), of_role[0].role.name().to_string()].into_iter().chain(cells).collect()
        };
        rows.extend(of_need(Needs::Surfaces).map(row));
        let empty = |column| {
            let summary = summary(of_role, column, &METRICS[0]);
            format!("{}/{}/{}", summary.empty.prediction, summary.empty.truth, summary.empty.both)
        };
        let named = ["missed/invented/absent".to_string(), of_role[0].role.name().to_string()];
        rows.push(named.into_iter().chain((0..classes).map(empty)).collect());
    }
    let definitions: String =
        of_need(Needs::Surfaces).map(|metric| format!("{}: {}\n", metric.name, metric.about)).collect();
    format!("\n{}{definitions}surface_dice and surface_dice_area at {} mm\n", aligned(&rows), surface.tolerance_mm)
}

fn summary(scored: &[Scored], column: usize, metric: &Metric) -> Summary {
    let classes = |subject| columns(subject).nth(column).expect("subjects share classes");
    Summary::over(scored.iter().map(|subject| classes(&subject.volume)), metric)
}

fn of_column(scored: &[Scored], column: usize, metric: &Metric) -> String {
    let Summary { mean, n, .. } = summary(scored, column, metric);
    let missing = if n < scored.len() { format!(" (n={n})") } else { String::new() };
    mean.map_or("-".to_string(), |mean| format!("{mean:.4}{missing}"))
}

fn table(scored: &[(&Scored, &SubjectScores)]) -> String {
    let Some((_, first)) = scored.first() else { return "no subject is scored\n".to_string() };
    let mut head = vec!["subject".to_string(), "role".to_string()];
    head.extend(columns(first).map(|class| class.name.clone()));
    head.extend(["mae".to_string(), "mae prob".to_string()]);
    let mut rows = vec![head];
    for (subject, scores) in scored {
        let mut row = vec![subject.subject.clone(), subject.role.name().to_string()];
        row.extend(columns(scores).map(cell));
        row.extend([scores.mean.mae, scores.mean.mae_probability].map(|value| format!("{value:.4}")));
        rows.push(row);
    }
    // Who was trained on and who was not are never averaged together.
    rows.extend(scored.chunk_by(|(a, _), (b, _)| a.role == b.role).map(means));
    aligned(&rows)
}

/// A last row: means over the subjects of one role, with how many entered.
fn means(scored: &[(&Scored, &SubjectScores)]) -> Vec<String> {
    let mut row = vec![format!("mean of {}", scored.len()), scored[0].0.role.name().to_string()];
    let [dice, mae, mae_probability, ..] = METRICS else { panic!("the table has a column for each of three metrics") };
    let classes = columns(scored[0].1).count();
    for column in 0..classes {
        let of_class = scored.iter().map(|(_, scores)| columns(scores).nth(column).expect("subjects share classes"));
        let Summary { mean, n, .. } = Summary::over(of_class, dice);
        let missing = if n < scored.len() { format!(" (n={n})") } else { String::new() };
        row.push(mean.map_or("-".to_string(), |mean| format!("{mean:.4}{missing}")));
    }
    for metric in [mae, mae_probability] {
        let mean = Summary::over(scored.iter().map(|(_, scores)| &scores.mean), metric).mean;
        row.push(mean.map_or("-".to_string(), |mean| format!("{mean:.4}")));
    }
    row
}

/// The classes that have a column: all but the background, then their mean.
fn columns(scores: &SubjectScores) -> impl Iterator<Item = &ClassScore> {
    scores.classes[1..].iter().chain([&scores.mean])
}

fn cell(class: &ClassScore) -> String {
    let mark = if class.empty == Empty::None { "" } else { "*" };
    class.dice.map_or("-".to_string(), |dice| format!("{dice:.4}{mark}"))
}

fn empty(empty: Empty) -> &'static str {
    match empty {
        Empty::None => "none",
        Empty::Truth => "truth",
        Empty::Prediction => "prediction",
        Empty::Both => "both",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_metrics::Scorer;

    fn scores(predicted: &[u8], truth: &[u8]) -> SubjectScores {
        let mut scorer = Scorer::new(&["background".to_string(), "brain".to_string()]).unwrap();
        for (&predicted, &truth) in predicted.iter().zip(truth) {
            let probabilities = if predicted == 1 { [0.0, 1.0] } else { [1.0, 0.0] };
            scorer.add(&probabilities, predicted, truth).unwrap();
        }
        scorer.finish().unwrap()
    }

    fn two() -> Vec<Scored> {
        let half = scores(&[0, 1, 1, 0], &[0, 0, 1, 1]);
        let both_empty = scores(&[0, 0], &[0, 0]);
        vec![
            Scored { subject: "a".into(), role: Side::Train, volume: half.clone(), output: half },
            Scored { subject: "b".into(), role: Side::Train, volume: both_empty.clone(), output: both_empty },
        ]
    }

    #[test]
    fn the_file_has_a_row_per_subject_grid_and_class() {
        let text = String::from_utf8(csv(&two())).unwrap();
        assert_eq!(
            text.lines().next().unwrap(),
            "subject,role,grid,class,dice,mae,mae_probability,empty,hd95_mm,hd95_mrbrains_mm,volume_similarity,surface_dice,\
             tolerance_mm,surface_dice_area"
        );
        assert_eq!(text.lines().count(), 1 + 2 * 2 * 3);
        assert!(text.contains("a,train,volume,brain,0.5,0.5,0.5,none,,,,,,\n"), "{text}");
        assert!(text.contains("b,train,output,brain,,0,0,both,,,,,,\n"), "{text}");
    }

    #[test]
    fn a_subject_without_dice_is_counted_and_left_out_of_the_mean() {
        let text = text(&two());
        let mean = text.lines().find(|line| line.starts_with("mean of 2")).unwrap();
        assert!(mean.contains("0.5000 (n=1)"), "{text}");
    }

    #[test]
    fn roles_are_averaged_apart() {
        let mut scored = two();
        scored[1].role = Side::HeldOut;
        assert_eq!(text(&scored).matches("mean of 1").count(), 4, "two roles on two grids");
    }
}
