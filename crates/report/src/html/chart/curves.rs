//! Dice over epochs: one small chart per strategy, the paper's horizons marked.

use super::{Drawing, Frame, QUIET};
use crate::Roles;
use crate::axis::Axis;
use crate::figure::fixed;
use crate::html::scene::{Curve, Scene};
use crate::html::svg::{Px, Svg};

const WIDTH: f64 = 270.0;
const HEIGHT: f64 = 216.0;

/// The numbers of epochs that the paper reports.
pub(in crate::html) const PAPER_EPOCHS: [usize; 2] = [20, 50];

/// The appearance of a role's line: class, colour, width, dashes, name, and the role's value.
type Look = (&'static str, &'static str, f64, &'static str, fn(&Roles<Option<f64>>) -> Option<f64>);
const LOOKS: [Look; 3] = [
    ("held-out", "#0072B2", 1.4, "5 3", |roles| roles.held_out),
    ("retain", "#8a8a8a", 1.8, "none", |roles| roles.retain),
    ("forget", "#D55E00", 2.2, "none", |roles| roles.forget),
];

/// One chart for each strategy that has at least two points, with the number of its series.
pub(in crate::html) fn curves(scene: &Scene) -> Vec<(usize, Drawing)> {
    let drawn = scene.curves.iter().filter(|curve| curve.points.len() > 1);
    drawn.map(|curve| (curve.series, draw(scene, curve))).collect()
}

fn draw(scene: &Scene, curve: &Curve) -> Drawing {
    let last = curve.points.iter().map(|(epochs, _)| *epochs).max().unwrap_or(1).max(1) as f64;
    let mut across = Axis::plain("epochs", [0.0, last]);
    across.ticks.retain(|(value, _)| value.fract() == 0.0);
    across.ticks.iter_mut().for_each(|(value, label)| *label = fixed(*value, 0));
    let up = Axis::plain("Dice", [0.0, 1.0]);
    let frame = Frame { left: 34.0, top: 22.0, width: WIDTH - 34.0 - 14.0, height: HEIGHT - 22.0 - 28.0, across, up };
    let mut svg = Svg::default();
    frame.draw(&mut svg);
    marks(&mut svg, &frame, last);
    for (class, colour, width, dash, of) in LOOKS {
        let pixels: Vec<(Px, Px)> = curve
            .points
            .iter()
            .filter_map(|(epochs, roles)| Some((Px(frame.x(*epochs as f64)), Px(frame.y(of(roles)?)))))
            .collect();
        let path: Vec<String> = pixels.iter().map(|(x, y)| format!("{x},{y}")).collect();
        svg.open("g", &[("class", &class), ("stroke", &colour), ("fill", &colour)]);
        svg.empty(
            "polyline",
            &[("points", &path.join(" ")), ("fill", &"none"), ("stroke-width", &width), ("stroke-dasharray", &dash)],
        );
        if !scene.is_curve_measured {
            for (x, y) in &pixels {
                svg.empty("circle", &[("cx", x), ("cy", y), ("r", &2.6), ("stroke", &"none")]);
            }
        }
        svg.close("g");
    }
    Drawing {
        title: scene.name(curve.series),
        description: description(curve),
        width: WIDTH,
        height: HEIGHT,
        body: svg,
    }
}

/// Marks the paper's horizons.
fn marks(svg: &mut Svg, frame: &Frame, last: f64) {
    svg.open("g", &[("class", &"horizon"), ("fill", &QUIET), ("stroke", &QUIET)]);
    for epochs in PAPER_EPOCHS.into_iter().filter(|&epochs| epochs as f64 <= last) {
        let x = Px(frame.x(epochs as f64));
        let path = format!("M{x} {}V{}", Px(frame.top), Px(frame.bottom()));
        svg.empty("path", &[("d", &path), ("stroke-dasharray", &"3 3"), ("fill", &"none")]);
        let anchor = if epochs as f64 == last { "end" } else { "middle" };
        let attributes: [(&str, &dyn std::fmt::Display); 4] =
            [("x", &x), ("y", &Px(frame.top - 8.0)), ("text-anchor", &anchor), ("stroke", &"none")];
        svg.text("text", &attributes, &format!("{epochs} epochs"));
    }
    svg.close("g");
}

fn description(curve: &Curve) -> String {
    let number = |dice: Option<f64>| dice.map_or("no figure".to_string(), |dice| fixed(dice, 4));
    let point = |(epochs, roles): &(usize, Roles<Option<f64>>)| {
        format!("after {epochs} epochs forget {}, retain {}", number(roles.forget), number(roles.retain))
    };
    // The description for screen readers gives the ends; the table has every point.
    let ends = [curve.points.first(), curve.points.last()];
    format!("Dice over epochs: {}.", ends.into_iter().flatten().map(point).collect::<Vec<_>>().join("; "))
}
