//! The trade-off chart: the distance of each run from the retrained models, and its loss of retain Dice.

use super::{Drawing, Frame, INK, QUIET, class, colour, range, shape};
use crate::axis::Axis;
use crate::estimate::mean;
use crate::figure::fixed;
use crate::html::scene::{Point, Scene};
use crate::html::svg::{Px, Svg};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 440.0;

/// The chart of all runs of a goal around their retrained models; `None` if no run can be placed.
pub(in crate::html) fn scatter(scene: &Scene) -> Option<Drawing> {
    if scene.points.is_empty() {
        return None;
    }
    let frame = frame(scene);
    let mut svg = Svg::default();
    zones(&mut svg, &frame);
    frame.draw(&mut svg);
    cross(&mut svg, &frame);
    cloud(&mut svg, &frame, scene);
    originals(&mut svg, &frame, scene);
    let mut labels = Vec::new();
    for series in 0..scene.series.len() {
        draw_series(&mut svg, &frame, scene, series, &mut labels);
    }
    frame.titles(&mut svg);
    Some(Drawing {
        title: format!("Trade-off, {}: {} on {}", scene.goal(), scene.gate.network, scene.gate.labels),
        description: description(scene),
        width: WIDTH,
        height: HEIGHT,
        body: svg,
    })
}

fn description(scene: &Scene) -> String {
    let mut parts = vec![format!(
        "Scatter of {} runs. Across: forget Dice minus that of retrained models; left of 0 over-forgotten, right of 0 \
         under-forgotten. Up: retain Dice lost against retrained models. The retrained models lie about 0, 0.",
        scene.points.len()
    )];
    for series in 0..scene.series.len() {
        for (epochs, points) in scene.horizons(series) {
            let [forget, lost] = centre(&points);
            parts.push(format!("{} after {epochs} epochs: {}, {}.", scene.name(series), signed(forget), signed(lost)));
        }
    }
    parts.join(" ")
}

/// Whether the original would compress the chart: it lies further out than twice the furthest run.
fn is_far(scene: &Scene, original: &[f64; 2]) -> bool {
    let furthest = scene.points.iter().map(|point| point.forget.abs()).fold(0.0, f64::max);
    original[0].abs() > 2.0 * furthest
}

fn frame(scene: &Scene) -> Frame {
    let all = || {
        let points = scene.points.iter().map(|point| [point.forget, point.retain_lost]);
        let near = scene.originals.iter().copied().filter(|original| !is_far(scene, original));
        points.chain(scene.cloud.iter().copied()).chain(near)
    };
    let [reach_across, reach_up] = scene.spread().map_or([0.0, 0.0], |spread| spread.map(|deviation| 2.0 * deviation));
    let limits = |axis: usize, reach: f64, least: f64| {
        let [low, high] = range(all().map(|point| point[axis]).chain([-reach, reach, 0.0]));
        let margin = 0.09 * (high - low).max(least);
        [low - margin, high + margin]
    };
    Frame {
        left: 96.0,
        top: 40.0,
        width: WIDTH - 96.0 - 26.0,
        height: HEIGHT - 40.0 - 54.0,
        across: Axis::difference("forget Dice, minus retrained", limits(0, reach_across, 0.04)),
        up: Axis::difference("retain Dice lost, against retrained", limits(1, reach_up, 0.02)),
    }
}

/// Labels the areas left and right of the retrained models: forgetting more than they do identifies a person too.
fn zones(svg: &mut Svg, frame: &Frame) {
    let zero = frame.x(0.0);
    let zone = |svg: &mut Svg, from: f64, to: f64, class: &str, fill: &str| {
        svg.empty(
            "rect",
            &[
                ("class", &class),
                ("x", &Px(from)),
                ("y", &Px(frame.top)),
                ("width", &Px(to - from)),
                ("height", &Px(frame.height)),
                ("fill", &fill),
            ],
        );
    };
    zone(svg, frame.left, zero, "zone over", "#f6f1ea");
    zone(svg, zero, frame.right(), "zone under", "#eef3f7");
    svg.open("g", &[("class", &"zone-names"), ("fill", &QUIET), ("font-weight", &600)]);
    let y = Px(frame.top - 12.0);
    svg.text("text", &[("x", &Px(frame.left)), ("y", &y)], "◀ over-forgotten");
    svg.text("text", &[("x", &Px(frame.right())), ("y", &y), ("text-anchor", &"end")], "under-forgotten ▶");
    svg.close("g");
}

fn cross(svg: &mut Svg, frame: &Frame) {
    let (x, y) = (Px(frame.x(0.0)), Px(frame.y(0.0)));
    let path = format!("M{x} {}V{}M{} {y}H{}", Px(frame.top), Px(frame.bottom()), Px(frame.left), Px(frame.right()));
    svg.empty("path", &[("class", &"zero"), ("d", &path), ("stroke", &"#888888"), ("fill", &"none")]);
}

fn cloud(svg: &mut Svg, frame: &Frame, scene: &Scene) {
    svg.open("g", &[("class", &"retrained"), ("fill", &"#777777"), ("stroke", &"#777777")]);
    if let Some([across, up]) = scene.spread() {
        let (rx, ry) = (frame.x(2.0 * across) - frame.x(0.0), frame.y(0.0) - frame.y(2.0 * up));
        svg.titled(
            "ellipse",
            &[
                ("class", &"band"),
                ("cx", &Px(frame.x(0.0))),
                ("cy", &Px(frame.y(0.0))),
                ("rx", &Px(rx.max(1.0))),
                ("ry", &Px(ry.max(1.0))),
                ("fill-opacity", &0.16),
                ("stroke-dasharray", &"4 3"),
            ],
            &format!(
                "retrained models: 2 standard deviations, {} across and {} up",
                fixed(2.0 * across, 4),
                fixed(2.0 * up, 4)
            ),
        );
    }
    for [forget, lost] in &scene.cloud {
        let path = format!("M{} {}m-3.5 0h7m-3.5 -3.5v7", Px(frame.x(*forget)), Px(frame.y(*lost)));
        svg.empty("path", &[("d", &path), ("fill", &"none"), ("stroke-width", &1.2)]);
    }
    svg.close("g");
}

fn originals(svg: &mut Svg, frame: &Frame, scene: &Scene) {
    if scene.originals.is_empty() {
        return;
    }
    svg.open("g", &[("class", &"original"), ("fill", &"none"), ("stroke", &INK), ("stroke-width", &1.4)]);
    for [forget, lost] in scene.originals.iter().filter(|original| !is_far(scene, original)) {
        svg.empty("circle", &[("cx", &Px(frame.x(*forget))), ("cy", &Px(frame.y(*lost))), ("r", &4)]);
    }
    svg.close("g");
    let far: Vec<f64> =
        scene.originals.iter().filter(|original| is_far(scene, original)).map(|original| original[0]).collect();
    if let Some(mean) = mean(&far) {
        let (x, y) = (Px(frame.right() - 8.0), Px(frame.bottom() - 10.0));
        let text = format!("originals beyond, at {} ▶", crate::figure::fixed(mean, 2));
        svg.text(
            "text",
            &[("class", &"zone-names"), ("x", &x), ("y", &y), ("text-anchor", &"end"), ("fill", &QUIET)],
            &text,
        );
    }
}

fn draw_series(svg: &mut Svg, frame: &Frame, scene: &Scene, series: usize, labels: &mut Vec<[f64; 2]>) {
    let horizons = scene.horizons(series);
    if horizons.is_empty() {
        return;
    }
    let (name, colour) = (scene.name(series), colour(series));
    svg.open("g", &[("class", &class(series)), ("data-series", &series), ("fill", &colour), ("stroke", &colour)]);
    let to_pixel = |[forget, lost]: [f64; 2]| (Px(frame.x(forget)), Px(frame.y(lost)));
    let path: Vec<String> =
        horizons.values().map(|points| to_pixel(centre(points))).map(|(x, y)| format!("{x},{y}")).collect();
    svg.empty("polyline", &[("points", &path.join(" ")), ("fill", &"none"), ("stroke-opacity", &0.6)]);
    for point in horizons.values().flatten() {
        let (x, y) = to_pixel([point.forget, point.retain_lost]);
        let title = format!(
            "{name}, {} epochs, {} forgotten, seed {}: forget {}, retain lost {}",
            point.epochs,
            point.forgotten,
            point.seed,
            signed(point.forget),
            signed(point.retain_lost)
        );
        let attributes: [(&str, &dyn std::fmt::Display); 6] =
            [("class", &"run"), ("cx", &x), ("cy", &y), ("r", &3), ("fill-opacity", &0.4), ("stroke", &"none")];
        svg.titled("circle", &attributes, &title);
    }
    for (epochs, points) in &horizons {
        let (x, y) = to_pixel(centre(points));
        let turn = format!("translate({x} {y})");
        let [forget, lost] = centre(points);
        let title = format!(
            "{name}, {epochs} epochs, mean of {}: forget {}, retain lost {}",
            points.len(),
            signed(forget),
            signed(lost)
        );
        svg.titled(
            "path",
            &[("class", &"mean"), ("d", &shape(series)), ("transform", &turn), ("stroke", &"#ffffff")],
            &title,
        );
        if let Some([x, y]) = free_position(labels, frame, [x.0, y.0]) {
            let label = epochs.to_string();
            svg.text("text", &[("x", &Px(x)), ("y", &Px(y)), ("stroke", &"none")], &label);
        }
    }
    svg.close("g");
}

/// A position beside a mark for its number of epochs that covers no other label; `None` in crowded places, where only
/// the table has it.
fn free_position(labels: &mut Vec<[f64; 2]>, frame: &Frame, [x, y]: [f64; 2]) -> Option<[f64; 2]> {
    let positions =
        [[8.0, -6.0], [-24.0, -6.0], [8.0, 15.0], [-24.0, 15.0], [-7.0, -11.0]].map(|[dx, dy]| [x + dx, y + dy]);
    let is_free = |position: &[f64; 2]| {
        let apart = labels.iter().all(|[x, y]| (x - position[0]).abs() > 18.0 || (y - position[1]).abs() > 12.0);
        apart && position[0] > frame.left && position[0] + 16.0 < frame.right() && position[1] - 10.0 > frame.top
    };
    let free = positions.into_iter().find(is_free)?;
    labels.push(free);
    Some(free)
}

/// The means of both distances.
pub(in crate::html) fn centre(points: &[&Point]) -> [f64; 2] {
    let of = |value: fn(&Point) -> f64| mean(&points.iter().map(|point| value(point)).collect::<Vec<_>>());
    [of(|point| point.forget).unwrap_or(0.0), of(|point| point.retain_lost).unwrap_or(0.0)]
}

/// The number with four digits and its sign.
pub(in crate::html) fn signed(value: f64) -> String {
    let text = fixed(value, 4);
    if text.starts_with('-') || text.bytes().all(|byte| byte == b'0' || byte == b'.') {
        text
    } else {
        format!("+{text}")
    }
}
