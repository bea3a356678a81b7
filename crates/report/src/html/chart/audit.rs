//! The audit's charts: scores with a threshold, the ROC, distances beside the retrained models' band.
//!
//! The threshold and the point on the ROC are groups of their own, which the page's script moves; the attributes of
//! the drawing say where its axes lie.

use super::{Drawing, Frame, INK, QUIET, range, rule};
use crate::axis::Axis;
use crate::figure::fixed;
use crate::html::audit::{Rates, least_of, rates, roc};
use crate::html::svg::{Px, Svg};
use lacuna_audit::attack::LiraScores;
use lacuna_audit::distance::Distance;
use lacuna_audit::{Report, Row};

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 320.0;
/// Room for numbers and title of the axis up, at a phone's size of letters too.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 30.0;
const BINS: usize = 24;
const UNLEARNED: &str = "#0072B2";
const RETRAINED: &str = "#8a8a8a";

/// Between which scores the axis and the slider run.
pub(in crate::html) fn score_range(scores: &LiraScores) -> [f64; 2] {
    let [low, high] = range(scores.unlearned.iter().chain(&scores.retrained).copied());
    let margin = 0.05 * (high - low).max(1e-6);
    [low - margin, high + margin]
}

fn frame(across: Axis, up: Axis) -> Frame {
    Frame { left: LEFT, top: 18.0, width: WIDTH - LEFT - RIGHT, height: HEIGHT - 18.0 - 52.0, across, up }
}

/// Unlearned models above the line, retrained ones below it.
pub(in crate::html) fn histogram(name: &str, scores: &LiraScores, threshold: f64) -> Drawing {
    let [low, high] = score_range(scores);
    let counted = |values: &[f64]| {
        let mut bins = [0usize; BINS];
        for value in values {
            bins[(((value - low) / (high - low) * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        bins
    };
    let (above, below) = (counted(&scores.unlearned), counted(&scores.retrained));
    let most = above.iter().chain(&below).copied().max().unwrap_or(1).max(1) as f64;
    let up = Axis::mirrored("models per bin", 1.15 * most);
    let frame = frame(Axis::plain("score of U-LiRA: higher looks unlearned", [low, high]), up);
    let mut svg = Svg::default();
    frame.draw(&mut svg);
    let step = frame.width / BINS as f64;
    for (bins, side, class, fill) in
        [(&above, 1.0, "unlearned-bar", UNLEARNED), (&below, -1.0, "retrained-bar", RETRAINED)]
    {
        svg.open("g", &[("class", &class), ("fill", &fill)]);
        for (index, &count) in bins.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (from, to) = (frame.y(0.0), frame.y(side * count as f64));
            let x = frame.left + index as f64 * step + 1.0;
            svg.empty(
                "rect",
                &[
                    ("x", &Px(x)),
                    ("y", &Px(from.min(to))),
                    ("width", &Px(step - 2.0)),
                    ("height", &Px((from - to).abs())),
                ],
            );
        }
        svg.close("g");
    }
    let zero = Px(frame.y(0.0));
    let line = format!("M{} {zero}H{}", Px(frame.left), Px(frame.right()));
    svg.empty("path", &[("class", &"zero"), ("d", &line), ("stroke", &"#888888"), ("fill", &"none")]);
    svg.open("g", &[("class", &"zone-names"), ("fill", &QUIET), ("font-weight", &600)]);
    let x = Px(frame.right() - 4.0);
    for (y, name) in [(frame.top + 12.0, "unlearned ▲"), (frame.bottom() - 6.0, "retrained ▼")] {
        svg.text("text", &[("x", &x), ("y", &Px(y)), ("text-anchor", &"end")], name);
    }
    svg.close("g");
    let turn = format!("translate({} 0)", Px(frame.x(threshold)));
    let (left, span) = (Px(frame.left), Px(frame.width));
    svg.open(
        "g",
        &[
            ("class", &"threshold"),
            ("transform", &turn),
            ("data-left", &left),
            ("data-span", &span),
            ("data-low", &low),
            ("data-high", &high),
            ("stroke", &INK),
            ("fill", &INK),
        ],
    );
    let path = format!("M0 {}V{}", Px(frame.top), Px(frame.bottom()));
    svg.empty("path", &[("d", &path), ("stroke-width", &2), ("fill", &"none")]);
    let grip = format!("M-6 {0}h12v9l-6 6l-6 -6Z", Px(frame.top - 12.0));
    svg.empty("path", &[("class", &"grip"), ("d", &grip)]);
    svg.close("g");
    frame.titles(&mut svg);
    let Rates { true_positives, false_positives } = rates(scores, threshold);
    Drawing {
        title: format!("Scores, {name}"),
        description: format!(
            "Histogram of {} unlearned and {} retrained models from {} to {}. At a threshold of {}, {true_positives} and \
             {false_positives} of them lie above.",
            scores.unlearned.len(),
            scores.retrained.len(),
            fixed(low, 2),
            fixed(high, 2),
            fixed(threshold, 2)
        ),
        width: WIDTH,
        height: HEIGHT,
        body: svg,
    }
}

/// True against false positives; a logarithmic axis, since few false positives are what an adversary needs.
pub(in crate::html) fn roc_curve(name: &str, scores: &LiraScores, threshold: f64) -> Drawing {
    let least = least_of(scores.retrained.len());
    let across = Axis::share("retrained models accused (logarithmic)", [least * 1.3, 1.0 / 1.3].into_iter());
    let frame = frame(across, Axis::percent("unlearned models found", [0.0, 1.0].into_iter()));
    let mut svg = Svg::default();
    frame.draw(&mut svg);
    let to_pixel = |[accused, found]: [f64; 2]| [frame.x(accused.max(least)), frame.y(found)];
    let chance: Vec<String> = (0..=40)
        .map(|step| least.powf(1.0 - f64::from(step) / 40.0))
        .map(|share| to_pixel([share, share]))
        .map(|[x, y]| format!("{},{}", Px(x), Px(y)))
        .collect();
    svg.empty(
        "polyline",
        &[
            ("class", &"chance"),
            ("points", &chance.join(" ")),
            ("fill", &"none"),
            ("stroke", &"#888888"),
            ("stroke-dasharray", &"4 4"),
        ],
    );
    let mut path = String::new();
    for [accused, found] in roc(scores) {
        let [x, y] = to_pixel([accused, found]);
        // Steps: shares between those of two thresholds are no threshold's.
        path += &if path.is_empty() { format!("M{} {}", Px(x), Px(y)) } else { format!("H{}V{}", Px(x), Px(y)) };
    }
    svg.empty(
        "path",
        &[("class", &"roc"), ("d", &path), ("fill", &"none"), ("stroke", &UNLEARNED), ("stroke-width", &2.4)],
    );
    let Rates { true_positives, false_positives } = rates(scores, threshold);
    let share = |count: usize, of: &[f64]| count as f64 / of.len() as f64;
    let [accused, found] = [share(false_positives, &scores.retrained), share(true_positives, &scores.unlearned)];
    let [x, y] = to_pixel([accused, found]);
    let turn = format!("translate({} {})", Px(x), Px(y));
    let [left, right, low, high] = [frame.x(least), frame.x(1.0), frame.y(0.0), frame.y(1.0)].map(Px);
    svg.open(
        "g",
        &[
            ("class", &"point"),
            ("transform", &turn),
            ("data-least", &least),
            ("data-left", &left),
            ("data-right", &right),
            ("data-low", &low),
            ("data-high", &high),
        ],
    );
    svg.empty("circle", &[("r", &6), ("fill", &"#D55E00"), ("stroke", &"#ffffff"), ("stroke-width", &1.5)]);
    svg.close("g");
    frame.titles(&mut svg);
    Drawing {
        title: format!("ROC, {name}"),
        description: format!(
            "Share of unlearned models found against share of retrained models accused; dashed is chance. At the \
             threshold {} % are found and {} % accused.",
            fixed(100.0 * found, 0),
            fixed(100.0 * accused, 0)
        ),
        width: WIDTH,
        height: HEIGHT,
        body: svg,
    }
}

/// Distances from retrained models, as multiples of those among retrained models themselves; `None` without any.
pub(in crate::html) fn distances(audit: &Report) -> Option<Drawing> {
    struct Mark {
        name: String,
        value: f64,
        band: Option<[f64; 2]>,
    }
    let mark = |row: &Row, distance: &Distance| {
        let by = Some(distance.retrained_mean).filter(|mean| *mean > 0.0)?;
        let band = distance.prediction.map(|prediction| [prediction.interval.low / by, prediction.interval.high / by]);
        let strategy = row.strategy.rsplit(['/', '\\']).next().unwrap_or(&row.strategy);
        let name = format!("{strategy}, {}: {}", row.subject, distance.kind);
        Some(Mark { name, value: distance.mean / by, band })
    };
    let marks: Vec<Mark> = audit
        .results
        .iter()
        .flat_map(|row| row.distances.iter().filter_map(move |distance| mark(row, distance)))
        .collect();
    if marks.is_empty() {
        return None;
    }
    let height = 26.0 * marks.len() as f64;
    let values = marks.iter().flat_map(|mark| mark.band.into_iter().flatten().chain([mark.value, 1.0]));
    let [low, high] = range(values);
    let margin = 0.06 * (high - low).max(0.1);
    let across = Axis::plain("distance, in units of that among retrained models", [low - margin, high + margin]);
    let up = Axis::plain("", [0.0, marks.len() as f64]);
    let frame = Frame { left: 310.0, top: 10.0, width: 780.0 - 310.0 - 20.0, height, across, up };
    let mut svg = Svg::default();
    svg.open("g", &[("class", &"axes"), ("fill", &QUIET), ("aria-hidden", &"true")]);
    for (value, label) in &frame.across.ticks {
        let x = Px(frame.x(*value));
        rule(&mut svg, &format!("M{x} {}V{}", Px(frame.top), Px(frame.bottom())));
        svg.text("text", &[("x", &x), ("y", &Px(frame.bottom() + 17.0)), ("text-anchor", &"middle")], label);
    }
    svg.close("g");
    for (index, mark) in marks.iter().enumerate() {
        let y = frame.top + (index as f64 + 0.5) * 26.0;
        let label: String = mark.name.chars().take(48).collect();
        svg.text("text", &[("x", &Px(frame.left - 10.0)), ("y", &Px(y + 4.0)), ("text-anchor", &"end")], &label);
        if let Some([from, to]) = mark.band {
            let (x, width) = (Px(frame.x(from)), Px((frame.x(to) - frame.x(from)).max(2.0)));
            svg.titled(
                "rect",
                &[
                    ("class", &"band-of-retrained"),
                    ("x", &x),
                    ("y", &Px(y - 8.0)),
                    ("width", &width),
                    ("height", &16),
                    ("rx", &3),
                    ("fill", &"#777777"),
                    ("fill-opacity", &0.3),
                ],
                "95 % range of one more retrained model",
            );
        }
        let centre = format!("translate({} {})", Px(frame.x(mark.value)), Px(y));
        let title = format!("{}: {} times", mark.name, fixed(mark.value, 2));
        svg.titled(
            "path",
            &[("class", &"s1"), ("d", &"M0 -7L7 0L0 7L-7 0Z"), ("transform", &centre), ("fill", &"#D55E00")],
            &title,
        );
    }
    let middle = Px(frame.left + frame.width / 2.0);
    svg.text(
        "text",
        &[("class", &"axis-titles"), ("x", &middle), ("y", &Px(frame.bottom() + 38.0)), ("text-anchor", &"middle")],
        frame.across.title,
    );
    let said: Vec<String> = marks.iter().map(|mark| format!("{}: {} times", mark.name, fixed(mark.value, 2))).collect();
    Some(Drawing {
        title: "Distances from retrained models".to_string(),
        description: format!(
            "Rhombus: mean distance; bar: where one more retrained model would lie. {}.",
            said.join("; ")
        ),
        width: 780.0,
        height: height + 60.0,
        body: svg,
    })
}
