//! Measures and draws how step time and memory grow with volume, depth, batch and threads.

use crate::Failure;
use crate::machine::Setting;
use crate::program::{self, Case, Timing};
use clap::Args;
use serde::Serialize;
use std::fmt::Write;

/// Measure how time and memory of a training step grow; write benches/runs and docs/scaling.svg
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask scaling")]
pub struct Arguments {
    /// Steps timed for each point
    #[arg(long, default_value_t = 5)]
    repeats: usize,
}

#[derive(Serialize)]
struct Point {
    /// The value on the horizontal axis.
    at: f64,
    case: Case,
    timing: Timing,
}

#[derive(Serialize)]
struct Curve {
    what: &'static str,
    unit: &'static str,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Run {
    setting: Setting,
    curves: Vec<Curve>,
}

/// Measures the curves and draws them.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let setting = Setting::here()?;
    let lacuna = program::build()?;
    let mut curves = Vec::new();
    for (what, unit, cases) in plan(setting.cores) {
        let mut points = Vec::new();
        for (at, case) in cases {
            let timing = program::ours(&lacuna, &case, arguments.repeats)?;
            println!("{what:12} {at:6} {case:34} {:8.3} s {:6.0} MiB", timing.seconds_median, timing.peak_mib);
            points.push(Point { at, case, timing });
        }
        curves.push(Curve { what, unit, points });
    }
    std::fs::write("docs/scaling.svg", drawing(&curves))?;
    let file = setting.file("scaling.json");
    std::fs::write(&file, serde_json::to_string_pretty(&Run { setting, curves })? + "\n")?;
    println!("drawn in docs/scaling.svg, raw numbers in {}", file.display());
    Ok(())
}

type Planned = (&'static str, &'static str, Vec<(f64, Case)>);

fn plan(cores: usize) -> Vec<Planned> {
    let case = |depth, side, batch, threads| Case { mode: "train", depth, size: [side; 3], batch, threads };
    let sides = [32, 48, 64, 96, 128];
    let threads = std::iter::successors(Some(1), |threads| Some(threads * 2)).take_while(|&threads| threads <= cores);
    vec![
        ("volume", "voxels per side, ResNet-10", sides.map(|side| (side as f64, case(10, side, 1, cores))).into()),
        (
            "depth",
            "layers, 48 voxels per side",
            [10, 18, 34, 50, 101].map(|d| (d as f64, case(d, 48, 1, cores))).into(),
        ),
        ("batch", "volumes of 48 per side, ResNet-10", [1, 2, 4, 8].map(|b| (b as f64, case(10, 48, b, cores))).into()),
        ("threads", "threads, ResNet-50, 64 per side", threads.map(|t| (t as f64, case(50, 64, 1, t))).collect()),
    ]
}

const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 150.0;
const MARGIN: f64 = 46.0;
/// The space between the frame and the first or last point.
const INSET: f64 = 20.0;

/// One panel per curve, both axes logarithmic: seconds as a line, memory as a dashed one.
fn drawing(curves: &[Curve]) -> String {
    let (panel_width, panel_height) = (WIDTH + 2.0 * MARGIN, HEIGHT + 2.0 * MARGIN);
    let (width, height) = (2.0 * panel_width, curves.len().div_ceil(2) as f64 * panel_height);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (index, curve) in curves.iter().enumerate() {
        let (x, y) = ((index % 2) as f64 * panel_width + MARGIN, (index / 2) as f64 * panel_height + MARGIN);
        writeln!(svg, "<g transform=\"translate({x} {y})\">\n{}</g>", panel(curve)).expect("text grows");
    }
    svg + "</svg>\n"
}

fn panel(curve: &Curve) -> String {
    let across = Scale::of(curve.points.iter().map(|point| point.at), WIDTH - 2.0 * INSET);
    let across = |point: &Point| INSET + across.at(point.at);
    let mut panel = format!(
        "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#999\"/>\n\
         <text x=\"0\" y=\"-22\" font-weight=\"bold\">{}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
        curve.what,
        WIDTH / 2.0,
        HEIGHT + 32.0,
        curve.unit
    );
    for point in &curve.points {
        let x = across(point);
        writeln!(panel, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", HEIGHT + 15.0, point.at)
            .expect("text grows");
    }
    let series: [Series; 2] = [
        ("seconds", "#0b5394", "", |point| point.timing.seconds_median),
        ("MiB", "#b45f06", "5 4", |point| point.timing.peak_mib),
    ];
    for (index, (name, colour, dashes, value)) in series.into_iter().enumerate() {
        let up = Scale::of(curve.points.iter().map(value), HEIGHT - 24.0);
        let to_pixel = |point: &Point| (across(point), HEIGHT - 12.0 - up.at(value(point)));
        let line: Vec<String> = curve.points.iter().map(to_pixel).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let line = line.join(" ");
        writeln!(
            panel,
            "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\" stroke-dasharray=\"{dashes}\"/>\n\
             <text x=\"{}\" y=\"-7\" fill=\"{colour}\">{name}</text>",
            index * 60
        )
        .expect("text grows");
        for point in &curve.points {
            let ((x, y), value) = (to_pixel(point), value(point));
            let digits = if value < 10.0 { 2 } else { 0 };
            let below = if index == 0 { -5.0 } else { 12.0 };
            writeln!(
                panel,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"9\" fill=\"{colour}\">{value:.digits$}</text>",
                y + below
            )
            .expect("text grows");
        }
    }
    panel
}

/// The name, colour, dashes and value of one line.
type Series = (&'static str, &'static str, &'static str, fn(&Point) -> f64);

/// A logarithmic axis.
struct Scale {
    low: f64,
    high: f64,
    length: f64,
}

/// The smallest ratio that an axis spans, so that small changes look small.
const SPAN: f64 = 4.0;

impl Scale {
    fn of(values: impl Iterator<Item = f64>, length: f64) -> Scale {
        let (low, high) = values
            .map(f64::ln)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let missing = (SPAN.ln() - (high - low)).max(0.0);
        Scale { low: low - 0.5 * missing, high: high + 0.5 * missing, length }
    }

    /// The distance of a value from the beginning of the axis.
    fn at(&self, value: f64) -> f64 {
        self.length * (value.ln() - self.low) / (self.high - self.low)
    }
}
