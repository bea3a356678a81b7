//! Draws the panels of the leaderboard as SVG.

use super::{Ground, Panel, Point, Series};
use crate::axis::Axis;
use std::fmt::Write;

const WIDTH: f64 = 1040.0;
/// The position and size of the plot within a panel.
const LEFT: f64 = 84.0;
const TOP: f64 = 48.0;
const ACROSS: f64 = 560.0;
const UP: f64 = 340.0;
/// The position of the list of strategies, right of the plot.
const LIST: f64 = LEFT + ACROSS + 26.0;
const ROW: f64 = 21.0;
/// The space below the plot, down to the first note.
const BELOW: f64 = 66.0;
const NOTE: f64 = 16.0;
/// The most characters of a name in the list; a tooltip shows the whole name.
const NAME: usize = 36;

/// Okabe and Ito's colours, without yellow, which has too little contrast on white.
const COLOURS: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
const SHAPES: usize = 5;

pub(super) fn svg(panels: &[Panel]) -> String {
    let heights: Vec<f64> = panels.iter().map(height).collect();
    let height: f64 = heights.iter().sum();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\" fill=\"#222\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut from = 0.0;
    for (panel, height) in panels.iter().zip(heights) {
        push(&mut svg, format_args!("<g transform=\"translate(0 {from})\">\n{}</g>", drawn(panel)));
        from += height;
    }
    svg + "</svg>\n"
}

fn height(panel: &Panel) -> f64 {
    let list = ROW * (panel.series.len() + 1) as f64;
    TOP + UP.max(list) + BELOW + NOTE * panel.notes.len() as f64 + 10.0
}

fn drawn(panel: &Panel) -> String {
    let mut svg = String::new();
    push(
        &mut svg,
        format_args!(
            "<text x=\"{LEFT}\" y=\"28\" font-size=\"16\" font-weight=\"bold\">{}</text>",
            escape(&panel.title)
        ),
    );
    panel
        .ground
        .iter()
        .filter(|ground| !matches!(ground, Ground::Target { .. }))
        .for_each(|ground| beneath(&mut svg, panel, ground));
    panel
        .ground
        .iter()
        .filter(|ground| matches!(ground, Ground::Target { .. }))
        .for_each(|ground| beneath(&mut svg, panel, ground));
    frame(&mut svg, panel);
    let mut taken = taken(panel);
    for (index, series) in panel.series.iter().enumerate() {
        lines(&mut svg, panel, series, colour(index));
    }
    for (index, series) in panel.series.iter().enumerate() {
        for point in &series.points {
            let (x, y) = to_pixel(panel, point.across, point.up);
            shape(&mut svg, index, x, y, colour(index));
            label(&mut svg, &mut taken, (x, y), point.epochs, colour(index));
        }
    }
    list(&mut svg, panel);
    let bottom = height(panel) - NOTE * panel.notes.len() as f64;
    for (index, note) in panel.notes.iter().enumerate() {
        let y = bottom + NOTE * index as f64;
        push(
            &mut svg,
            format_args!("<text x=\"{LEFT}\" y=\"{y:.0}\" font-size=\"12\" fill=\"#555\">{}</text>", escape(note)),
        );
    }
    svg
}

fn to_pixel(panel: &Panel, across: f64, up: f64) -> (f64, f64) {
    (LEFT + ACROSS * panel.across.at(across), TOP + UP * (1.0 - panel.up.at(up)))
}

fn beneath(svg: &mut String, panel: &Panel, ground: &Ground) {
    match ground {
        Ground::Target { across, up } => {
            let ((left, bottom), (right, top)) = (to_pixel(panel, across[0], up[0]), to_pixel(panel, across[1], up[1]));
            let (width, height) = (right - left, bottom - top);
            push(
                svg,
                format_args!(
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"#009E73\" \
                 fill-opacity=\"0.16\" stroke=\"#009E73\" stroke-dasharray=\"4 3\"/>"
                ),
            );
        }
        Ground::Band { up, name } => {
            let ((_, bottom), (_, top)) =
                (to_pixel(panel, panel.across.low, up[0]), to_pixel(panel, panel.across.low, up[1]));
            let height = bottom - top;
            push(
                svg,
                format_args!(
                    "<rect x=\"{LEFT}\" y=\"{top:.1}\" width=\"{ACROSS}\" height=\"{height:.1}\" fill=\"#888\" \
                 fill-opacity=\"0.14\"/>"
                ),
            );
            at_the_edge(svg, top - 5.0, name);
        }
        Ground::Line { up, name } => {
            let (_, y) = to_pixel(panel, panel.across.low, *up);
            let right = LEFT + ACROSS;
            push(
                svg,
                format_args!(
                    "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#666\" stroke-dasharray=\"6 4\" fill=\"none\"/>"
                ),
            );
            at_the_edge(svg, y - 5.0, name);
        }
    }
}

fn at_the_edge(svg: &mut String, y: f64, name: &str) {
    let x = LEFT + ACROSS - 6.0;
    push(
        svg,
        format_args!(
            "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\" font-size=\"11\" fill=\"#555\">{}</text>",
            escape(name)
        ),
    );
}

fn frame(svg: &mut String, panel: &Panel) {
    let (right, bottom) = (LEFT + ACROSS, TOP + UP);
    for (value, label) in &panel.across.ticks {
        let x = LEFT + ACROSS * panel.across.at(*value);
        push(svg, format_args!("<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#e4e4e4\"/>"));
        push(svg, format_args!("<text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>", bottom + 19.0));
    }
    for (value, label) in &panel.up.ticks {
        let y = TOP + UP * (1.0 - panel.up.at(*value));
        push(svg, format_args!("<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#e4e4e4\"/>"));
        push(
            svg,
            format_args!("<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>", LEFT - 8.0, y + 4.5),
        );
    }
    push(
        svg,
        format_args!(
            "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{ACROSS}\" height=\"{UP}\" fill=\"none\" stroke=\"#999\"/>"
        ),
    );
    let Axis { title, .. } = panel.across;
    let middle = LEFT + ACROSS / 2.0;
    push(svg, format_args!("<text x=\"{middle}\" y=\"{:.0}\" text-anchor=\"middle\">{title}</text>", bottom + 42.0));
    let (x, y) = (22.0, TOP + UP / 2.0);
    push(
        svg,
        format_args!(
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" transform=\"rotate(-90 {x} {y})\">{}</text>",
            panel.up.title
        ),
    );
}

/// Draws the ranges of a strategy's runs, the line through its horizons, and the marks after the rebound.
fn lines(svg: &mut String, panel: &Panel, series: &Series, colour: &str) {
    let positions: Vec<String> = series
        .points
        .iter()
        .map(|point| to_pixel(panel, point.across, point.up))
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    push(
        svg,
        format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-opacity=\"0.55\"/>",
            positions.join(" ")
        ),
    );
    for Point { across, up, range, rebound, .. } in &series.points {
        let (x, low) = to_pixel(panel, *across, range[0]);
        let (_, high) = to_pixel(panel, *across, range[1]);
        if low > high {
            push(
                svg,
                format_args!("<path d=\"M{x:.1} {low:.1}V{high:.1}\" stroke=\"{colour}\" stroke-width=\"1.6\"/>"),
            );
        }
        if let Some(rebound) = rebound {
            let ((_, from), (_, to)) = (to_pixel(panel, *across, *up), to_pixel(panel, *across, *rebound));
            push(
                svg,
                format_args!("<path d=\"M{x:.1} {from:.1}V{to:.1}\" stroke=\"{colour}\" stroke-dasharray=\"2 3\"/>"),
            );
            push(
                svg,
                format_args!(
                    "<circle cx=\"{x:.1}\" cy=\"{to:.1}\" r=\"4.5\" fill=\"white\" stroke=\"{colour}\" stroke-width=\"1.6\"/>"
                ),
            );
        }
    }
}

fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// Draws a mark. The numbers of colours and shapes have no common divisor, so that the first 35 strategies differ in
/// one.
fn shape(svg: &mut String, index: usize, x: f64, y: f64, colour: &str) {
    let polygon = |corners: &[(f64, f64)]| {
        let corners: Vec<String> = corners.iter().map(|(dx, dy)| format!("{:.1},{:.1}", x + dx, y + dy)).collect();
        format!("<polygon points=\"{}\" fill=\"{colour}\" stroke=\"white\"/>", corners.join(" "))
    };
    let element = match index % SHAPES {
        0 => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\" fill=\"{colour}\" stroke=\"white\"/>"),
        1 => polygon(&[(-5.0, -5.0), (5.0, -5.0), (5.0, 5.0), (-5.0, 5.0)]),
        2 => polygon(&[(0.0, -6.5), (6.0, 4.5), (-6.0, 4.5)]),
        3 => polygon(&[(0.0, -7.0), (7.0, 0.0), (0.0, 7.0), (-7.0, 0.0)]),
        _ => polygon(&[(0.0, 6.5), (6.0, -4.5), (-6.0, -4.5)]),
    };
    push(svg, format_args!("{element}"));
}

/// Left, top, right, bottom.
type Rectangle = [f64; 4];

/// The rectangles of the marks, which labels avoid.
fn taken(panel: &Panel) -> Vec<Rectangle> {
    let positions =
        panel.series.iter().flat_map(|series| &series.points).map(|point| to_pixel(panel, point.across, point.up));
    positions.map(|(x, y)| [x - 6.0, y - 6.0, x + 6.0, y + 6.0]).collect()
}

/// Draws the number of epochs beside a point, where it overlaps least with marks and labels.
fn label(svg: &mut String, taken: &mut Vec<Rectangle>, (x, y): (f64, f64), epochs: usize, colour: &str) {
    let text = epochs.to_string();
    let (width, height) = (7.0 * text.len() as f64, 11.0);
    let boxes = [(8.0, -height / 2.0), (-8.0 - width, -height / 2.0), (-width / 2.0, -19.0), (-width / 2.0, 8.0)]
        .into_iter()
        .chain([(7.0, -17.0), (7.0, 6.0), (-7.0 - width, -17.0), (-7.0 - width, 6.0)])
        .map(|(dx, dy)| [x + dx, y + dy, x + dx + width, y + dy + height]);
    let covered = |one: &Rectangle| -> f64 {
        let inside = one[0] >= LEFT && one[1] >= TOP && one[2] <= LEFT + ACROSS && one[3] <= TOP + UP;
        taken.iter().map(|other| overlap(one, other)).sum::<f64>() + if inside { 0.0 } else { 1e4 }
    };
    let best = boxes.min_by(|one, two| covered(one).total_cmp(&covered(two))).expect("there are eight");
    taken.push(best);
    let baseline = best[3] - 1.0;
    push(
        svg,
        format_args!("<text x=\"{:.1}\" y=\"{baseline:.1}\" font-size=\"11\" fill=\"{colour}\">{text}</text>", best[0]),
    );
}

fn overlap(one: &Rectangle, two: &Rectangle) -> f64 {
    let width = (one[2].min(two[2]) - one[0].max(two[0])).max(0.0);
    let height = (one[3].min(two[3]) - one[1].max(two[1])).max(0.0);
    width * height
}

fn list(svg: &mut String, panel: &Panel) {
    let right = WIDTH - 14.0;
    let head = TOP + 10.0;
    push(
        svg,
        format_args!("<text x=\"{:.0}\" y=\"{head}\" font-size=\"12\" fill=\"#555\">strategy</text>", LIST + 16.0),
    );
    push(
        svg,
        format_args!(
            "<text x=\"{right}\" y=\"{head}\" text-anchor=\"end\" font-size=\"12\" fill=\"#555\">passed</text>"
        ),
    );
    for (index, series) in panel.series.iter().enumerate() {
        let y = head + ROW * (index + 1) as f64;
        shape(svg, index, LIST + 5.0, y - 4.5, colour(index));
        push(
            svg,
            format_args!(
                "<text x=\"{:.0}\" y=\"{y:.1}\"><title>{}</title>{}</text>",
                LIST + 16.0,
                escape(&series.name),
                escape(&shortened(&series.name))
            ),
        );
        push(svg, format_args!("<text x=\"{right}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>", series.passed));
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME { name.to_string() } else { name.chars().take(NAME - 1).chain(['…']).collect() }
}

/// Escapes a text; names come from users and must not leave their element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn push(svg: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(svg, "{line}").expect("text grows");
}
