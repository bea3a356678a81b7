//! The Dice of each subject under the original, the unlearned and the retrained model: one small chart per strategy.

use super::{Drawing, Frame};
use crate::Role;
use crate::axis::Axis;
use crate::figure::fixed;
use crate::html::scene::{Person, Scene, Slope};
use crate::html::svg::{Px, Svg};

const WIDTH: f64 = 270.0;
const HEIGHT: f64 = 216.0;

/// One chart for each strategy, with the number of its series.
pub(in crate::html) fn slopes(scene: &Scene) -> Vec<(usize, Drawing)> {
    scene.slopes.iter().map(|slope| (slope.series, draw(scene, slope))).collect()
}

fn draw(scene: &Scene, slope: &Slope) -> Drawing {
    let mut up = Axis::plain("Dice", [0.0, 1.0]);
    up.ticks.retain(|(value, _)| [0.0, 0.2, 0.4, 0.6, 0.8, 1.0].iter().any(|tick| (tick - value).abs() < 1e-9));
    let mut across = Axis::plain("", [-0.15, 2.15]);
    across.ticks = vec![(0.0, "original".into()), (1.0, "unlearned".into()), (2.0, "retrained".into())];
    let frame = Frame { left: 34.0, top: 10.0, width: WIDTH - 34.0 - 12.0, height: HEIGHT - 10.0 - 28.0, across, up };
    let mut svg = Svg::default();
    frame.draw(&mut svg);
    // Forgotten subjects are drawn last, above the others.
    for role in [Role::HeldOut, Role::Retain, Role::Forget] {
        for person in slope.people.iter().filter(|person| person.role == role) {
            line(&mut svg, &frame, person);
        }
    }
    let name = scene.name(slope.series);
    Drawing {
        title: format!("{name}, {} epochs", slope.epochs),
        description: description(slope),
        width: WIDTH,
        height: HEIGHT,
        body: svg,
    }
}

fn line(svg: &mut Svg, frame: &Frame, person: &Person) {
    let pixels: Vec<(Px, Px)> = (0u8..)
        .zip(person.dice)
        .filter_map(|(index, dice)| Some((Px(frame.x(f64::from(index))), Px(frame.y(dice?)))))
        .collect();
    let path: Vec<String> = pixels.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let (class, colour, width, dash, radius) = match person.role {
        Role::Forget => ("forget", "#D55E00", 2.2, "none", 3.2),
        Role::Retain => ("retain", "#8a8a8a", 1.0, "none", 1.8),
        _ => ("held-out", "#0072B2", 1.3, "5 3", 2.0),
    };
    svg.open("g", &[("class", &class), ("stroke", &colour), ("fill", &colour)]);
    svg.text("title", &[], &in_words(person));
    svg.empty(
        "polyline",
        &[("points", &path.join(" ")), ("fill", &"none"), ("stroke-width", &width), ("stroke-dasharray", &dash)],
    );
    for (x, y) in &pixels {
        svg.empty("circle", &[("cx", x), ("cy", y), ("r", &radius), ("stroke", &"none")]);
    }
    svg.close("g");
}

/// Describes one subject in a sentence.
fn in_words(person: &Person) -> String {
    let [original, unlearned, retrained] =
        person.dice.map(|dice| dice.map_or("no figure".to_string(), |dice| fixed(dice, 4)));
    let role = role(person.role);
    format!("{} ({role}): original {original}, unlearned {unlearned}, retrained {retrained}", person.name)
}

/// The name of a role for readers.
pub(in crate::html) fn role(role: Role) -> &'static str {
    match role {
        Role::Retain => "retained",
        Role::Forget => "forgotten",
        Role::HeldOut => "held out",
        Role::ForgottenEarlier => "forgotten earlier",
    }
}

fn description(slope: &Slope) -> String {
    let forgotten = slope.people.iter().filter(|person| person.role == Role::Forget).map(in_words);
    let others = slope.people.iter().filter(|person| person.role != Role::Forget).count();
    format!("Dice of each subject. {}. {others} lines of the other subjects.", forgotten.collect::<Vec<_>>().join(". "))
}
