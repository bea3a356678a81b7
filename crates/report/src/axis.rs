//! Axes of charts: from values to positions, with round numbers as labels.

/// One axis of a panel.
pub(crate) struct Axis {
    pub(crate) title: &'static str,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Positions with their labels.
    pub(crate) ticks: Vec<(f64, String)>,
    is_logarithmic: bool,
}

impl Axis {
    /// A logarithmic axis of shares in percent; all values are above 0.
    pub(crate) fn share(title: &'static str, values: impl Iterator<Item = f64>) -> Axis {
        let [low, high] = range(values);
        let (low, high) = (low / 1.3, high * 1.3);
        let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
        let round = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)));
        let ticks = round.filter(|tick| (low..=high).contains(tick)).map(|tick| (tick, percent(tick))).collect();
        Axis { title, low, high, ticks, is_logarithmic: true }
    }

    /// A linear axis of shares in percent.
    pub(crate) fn percent(title: &'static str, values: impl Iterator<Item = f64>) -> Axis {
        let [low, high] = range(values);
        let margin = 0.06 * (high - low).max(0.02);
        let (low, high) = (low - margin, high + margin);
        let ticks = round(low, high).into_iter().map(|tick| (tick, percent(tick))).collect();
        Axis { title, low, high, ticks, is_logarithmic: false }
    }

    /// A linear axis of signed differences.
    pub(crate) fn difference(title: &'static str, [low, high]: [f64; 2]) -> Axis {
        let digits = if high - low < 0.1 { 3 } else { 2 };
        let label = |tick: f64| if tick == 0.0 { "0".to_string() } else { format!("{tick:+.digits$}") };
        let ticks = round(low, high).into_iter().map(|tick| (tick, label(tick))).collect();
        Axis { title, low, high, ticks, is_logarithmic: false }
    }

    /// A linear axis of plain numbers.
    pub(crate) fn plain(title: &'static str, [low, high]: [f64; 2]) -> Axis {
        let digits = if high - low < 2.0 { 1 } else { 0 };
        let label = |tick: f64| crate::figure::fixed(tick, digits);
        let ticks = round(low, high).into_iter().map(|tick| (tick, label(tick))).collect();
        Axis { title, low, high, ticks, is_logarithmic: false }
    }

    /// A linear axis of counts on both sides of 0, all labelled without a sign.
    pub(crate) fn mirrored(title: &'static str, most: f64) -> Axis {
        let whole = round(-most, most).into_iter().filter(|tick| tick.fract() == 0.0);
        let ticks = whole.map(|tick| (tick, crate::figure::fixed(tick.abs(), 0))).collect();
        Axis { title, low: -most, high: most, ticks, is_logarithmic: false }
    }

    /// The position of a value: 0 at the beginning of the axis, 1 at its end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let transformed = |value: f64| if self.is_logarithmic { value.ln() } else { value };
        (transformed(value) - transformed(self.low)) / (transformed(self.high) - transformed(self.low))
    }
}

fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)])
}

/// Three to seven multiples of a round step.
fn round(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 6.0;
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade).into_iter().find(|&step| step >= rough);
    let step = step.expect("ten times a decade is above anything in it");
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|multiple| multiple as f64 * step).collect()
}

/// A share in percent, with as many digits as a round number needs.
fn percent(part: f64) -> String {
    let percent = 100.0 * part;
    let digits = if (percent - percent.round()).abs() < 1e-9 { 0 } else { 1 };
    format!("{} %", crate::figure::fixed(percent, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(labels(&Axis::difference("d", [-0.11, 0.11])), ["-0.10", "-0.05", "0", "+0.05", "+0.10"]);
        assert_eq!(labels(&Axis::percent("p", [0.42, 1.0].into_iter())), ["40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(labels(&Axis::share("s", [0.02, 1.0].into_iter())), ["2 %", "5 %", "10 %", "20 %", "50 %", "100 %"]);
    }

    #[test]
    fn a_logarithmic_axis_gives_each_decade_the_same_room() {
        let axis = Axis::share("s", [0.01, 1.0].into_iter());
        assert!((axis.at(0.1) - axis.at(0.01) - (axis.at(1.0) - axis.at(0.1))).abs() < 1e-12);
        assert_eq!((axis.at(axis.low), axis.at(axis.high)), (0.0, 1.0));
    }
}
