//! The charts of the page. They are drawn here and not by the page's script, so that they show without it and in print.
//!
//! Lengths are in units of the view box, about one pixel on a desktop screen; the page scales them. Colours are those
//! of Okabe and Ito.

mod audit;
mod curves;
mod scatter;
mod slopes;

pub(super) use audit::{distances, histogram, roc_curve, score_range};
pub(super) use curves::curves;
pub(super) use scatter::{centre, scatter, signed};
pub(super) use slopes::{role, slopes};

use super::svg::{Px, Svg};
use crate::axis::Axis;

/// Okabe and Ito's colours, without yellow, which has too little contrast on white.
pub(super) const COLOURS: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

/// A disc, a square, a triangle, a rhombus and an inverted triangle. The numbers of colours and shapes have no common
/// divisor, so that the first 35 series differ in one of the two.
const SHAPES: [&str; 5] = [
    "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0Z",
    "M-5 -5H5V5H-5Z",
    "M0 -6.5L6 4.5H-6Z",
    "M0 -7L7 0L0 7L-7 0Z",
    "M0 6.5L6 -4.5H-6Z",
];

/// The colour of a series.
pub(super) fn colour(series: usize) -> &'static str {
    COLOURS[series % COLOURS.len()]
}

/// The CSS class of a series' colour.
pub(super) fn class(series: usize) -> String {
    format!("series s{}", series % COLOURS.len())
}

/// The outline of a series' mark, centred on the origin.
pub(super) fn shape(series: usize) -> &'static str {
    SHAPES[series % SHAPES.len()]
}

/// A finished chart.
pub(super) struct Drawing {
    /// The title, in one line.
    pub(super) title: String,
    /// A description for readers who cannot see the chart.
    pub(super) description: String,
    width: f64,
    height: f64,
    body: Svg,
}

impl Drawing {
    /// The chart as an element of a page, with this element id.
    pub(super) fn inline(self, id: &str) -> String {
        let mut svg = Svg::default();
        let (title, description) = (format!("{id}-title"), format!("{id}-about"));
        let labelled = format!("{title} {description}");
        let view = format!("0 0 {} {}", Px(self.width), Px(self.height));
        svg.open(
            "svg",
            &[
                ("class", &"chart"),
                ("viewBox", &view),
                ("role", &"img"),
                ("aria-labelledby", &labelled),
                ("fill", &INK),
            ],
        );
        svg.text("title", &[("id", &title)], &self.title);
        svg.text("desc", &[("id", &description)], &self.description);
        svg.finish() + &self.body.finish() + "</svg>"
    }

    /// The chart as a file of its own.
    pub(super) fn standalone(self) -> String {
        let mut svg = Svg::default();
        let view = format!("0 0 {} {}", Px(self.width), Px(self.height));
        svg.open(
            "svg",
            &[
                ("xmlns", &"http://www.w3.org/2000/svg"),
                ("viewBox", &view),
                ("width", &Px(self.width)),
                ("height", &Px(self.height)),
                ("font-family", &"sans-serif"),
                ("font-size", &12),
                ("fill", &INK),
            ],
        );
        svg.text("title", &[], &self.title);
        svg.text("desc", &[], &self.description);
        svg.empty("rect", &[("width", &Px(self.width)), ("height", &Px(self.height)), ("fill", &"#ffffff")]);
        svg.finish() + &self.body.finish() + "</svg>\n"
    }
}

const INK: &str = "#222222";
const QUIET: &str = "#5a5a5a";
const RULE: &str = "#dddddd";

/// The rectangle of the plot, with its axes.
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    across: Axis,
    up: Axis,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        self.left + self.width * self.across.at(value)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - self.up.at(value))
    }

    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Draws grid lines, numbers and titles of both axes.
    fn draw(&self, svg: &mut Svg) {
        svg.open("g", &[("class", &"axes"), ("fill", &QUIET), ("aria-hidden", &"true")]);
        for (value, label) in &self.across.ticks {
            let x = Px(self.x(*value));
            rule(svg, &format!("M{x} {}V{}", Px(self.top), Px(self.bottom())));
            svg.text("text", &[("x", &x), ("y", &Px(self.bottom() + 17.0)), ("text-anchor", &"middle")], label);
        }
        for (value, label) in &self.up.ticks {
            let y = self.y(*value);
            rule(svg, &format!("M{} {}H{}", Px(self.left), Px(y), Px(self.right())));
            svg.text("text", &[("x", &Px(self.left - 7.0)), ("y", &Px(y + 4.0)), ("text-anchor", &"end")], label);
        }
        svg.close("g");
    }

    fn titles(&self, svg: &mut Svg) {
        svg.open("g", &[("class", &"axis-titles"), ("fill", &INK), ("aria-hidden", &"true")]);
        let middle = Px(self.left + self.width / 2.0);
        svg.text(
            "text",
            &[("x", &middle), ("y", &Px(self.bottom() + 40.0)), ("text-anchor", &"middle")],
            self.across.title,
        );
        let (x, y) = (Px(16.0), Px(self.top + self.height / 2.0));
        let turn = format!("rotate(-90 {x} {y})");
        svg.text("text", &[("x", &x), ("y", &y), ("text-anchor", &"middle"), ("transform", &turn)], self.up.title);
        svg.close("g");
    }
}

fn rule(svg: &mut Svg, path: &str) {
    svg.empty("path", &[("class", &"rule"), ("d", &path), ("stroke", &RULE), ("fill", &"none")]);
}

/// The lowest and highest of the values.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
}
