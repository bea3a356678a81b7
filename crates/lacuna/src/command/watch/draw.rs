//! A look at a run as a screen: what it is doing, curves, subjects.
//!
//! Words stand beside every colour, and bars are of characters that any terminal has.

use super::view::{View, clock};
use crate::live::Live;
use crate::run_folder::RunState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, LineGauge, Paragraph};

/// Silence longer than this is shown: the run may have been killed.
const SILENT_SECONDS: i64 = 120;
const CURVES: [Color; 5] = [Color::Cyan, Color::Yellow, Color::Magenta, Color::Green, Color::Blue];

pub fn draw(frame: &mut Frame<'_>, view: &View) {
    let [head, gauge, body, foot] =
        Layout::vertical([Constraint::Length(3), Constraint::Length(1), Constraint::Min(3), Constraint::Length(1)])
            .areas(frame.area());
    frame.render_widget(Paragraph::new(head_lines(view)), head);
    if let Some(live) = &view.progress {
        frame.render_widget(
            LineGauge::default()
                .ratio(share(live))
                .label(format!("{:3.0} %", 100.0 * share(live)))
                .filled_style(Style::new().fg(Color::Cyan)),
            gauge,
        );
        let bars = if live.subjects.is_empty() { 0 } else { 40 };
        let [left, right] = Layout::horizontal([Constraint::Min(20), Constraint::Max(bars)]).areas(body);
        curves(frame, live, left);
        subjects(frame, live, right);
    } else {
        frame.render_widget(Paragraph::new("No epoch is done yet."), body);
    }
    let foot_line = Line::styled("q leaves; the run goes on", Style::new().add_modifier(Modifier::DIM));
    frame.render_widget(Paragraph::new(foot_line), foot);
}

fn share(live: &Live) -> f64 {
    let ([task, tasks], [epoch, epochs]) = (live.task, live.epochs);
    let done = task.saturating_sub(1) as f64 + epoch as f64 / epochs.max(1) as f64;
    (done / tasks.max(1) as f64).clamp(0.0, 1.0)
}

fn head_lines(view: &View) -> Vec<Line<'_>> {
    let colour = match view.status.status {
        RunState::Running => Color::Cyan,
        RunState::Done => Color::Green,
        RunState::Failed => Color::Red,
        RunState::Interrupted => Color::Yellow,
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut first = vec![
        Span::styled(format!("lacuna {} ", view.record.verb), bold),
        Span::raw(view.name.clone()),
        Span::raw("  "),
        Span::styled(view.state(), bold.fg(colour)),
    ];
    if view.status.status == RunState::Running
        && let Some(silent) = view.silent_seconds().filter(|&seconds| seconds > SILENT_SECONDS)
    {
        first.push(Span::styled(format!("  nothing written for {} min", silent / 60), Style::new().fg(Color::Yellow)));
    }
    let mut lines = vec![Line::from(first)];
    if let Some(message) = &view.status.message {
        lines.push(Line::from(message.lines().next().unwrap_or_default().to_string()));
    }
    let Some(live) = &view.progress else { return lines };
    let ([task, tasks], [epoch, epochs]) = (live.task, live.epochs);
    let mut words = Vec::new();
    if tasks > 1 {
        words.push(format!("task {task}/{tasks}"));
    }
    words.push(format!("epoch {epoch}/{epochs}"));
    if view.status.status == RunState::Running {
        words.extend(live.seconds_left.map(|seconds| format!("left {}", clock(seconds))));
    }
    words.extend(live.memory_mib.map(|mib| format!("mem {:.1} GiB", mib / 1024.0)));
    if lines.len() < 2 && !live.what.is_empty() {
        lines.push(Line::from(live.what.clone()));
    }
    lines.push(Line::from(words.join("   ")));
    lines
}

fn curves(frame: &mut Frame<'_>, live: &Live, area: Rect) {
    let points: Vec<(&String, Vec<(f64, f64)>)> = live
        .curves
        .iter()
        .map(|(name, values)| {
            let first = live.epochs[0].saturating_sub(values.len());
            let finite = values.iter().enumerate().filter(|(_, value)| value.is_finite());
            (name, finite.map(|(index, &value)| ((first + index + 1) as f64, value)).collect())
        })
        .collect();
    let all = || points.iter().flat_map(|(_, points)| points.iter());
    let of = |value: fn(&(f64, f64)) -> f64| {
        all().map(value).fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)])
    };
    let block = Block::bordered().title("per epoch");
    if all().next().is_none() {
        return frame.render_widget(Paragraph::new("No epoch is done yet.").block(block), area);
    }
    let ([from, to], [low, high]) = (of(|point| point.0), of(|point| point.1));
    let (to, room) = (to.max(from + 1.0), 0.05 * (high - low).max(1e-6));
    let sets = points.iter().zip(CURVES.iter().cycle()).map(|((name, points), &colour)| {
        let dataset = Dataset::default().name(name.as_str()).data(points).marker(Marker::Braille);
        dataset.graph_type(GraphType::Line).style(Style::new().fg(colour))
    });
    let chart = Chart::new(sets.collect())
        .block(block)
        .x_axis(Axis::default().bounds([from, to]).labels([format!("{from:.0}"), format!("{to:.0}")]))
        .y_axis(Axis::default().bounds([low - room, high + room]).labels([format!("{low:.3}"), format!("{high:.3}")]));
    frame.render_widget(chart, area);
}

fn subjects(frame: &mut Frame<'_>, live: &Live, area: Rect) {
    if live.subjects.is_empty() {
        return;
    }
    let block = Block::bordered().title(format!("Dice, {}", live.scored));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let widest = live.subjects.iter().map(|subject| subject.name.chars().count()).max().unwrap_or(0).min(16);
    let room = usize::from(inner.width).saturating_sub(widest + 8);
    let line = |subject: &crate::live::LiveSubject| {
        let name: String = subject.name.chars().take(widest).collect();
        let dice = subject.dice.map_or("  –  ".to_string(), |dice| format!("{dice:.3}"));
        let filled = (subject.dice.unwrap_or(0.0).clamp(0.0, 1.0) * room as f64).round() as usize;
        let colour = if subject.role == "forget" { Color::Yellow } else { Color::Cyan };
        Line::from(vec![
            Span::raw(format!("{name:<widest$} {dice} ")),
            Span::styled("█".repeat(filled), Style::new().fg(colour)),
            Span::styled("·".repeat(room - filled), Style::new().add_modifier(Modifier::DIM)),
        ])
    };
    let mut lines: Vec<Line<'_>> = live.subjects.iter().map(line).collect();
    let fit = usize::from(inner.height);
    if lines.len() > fit && fit > 0 {
        let more = lines.len() - fit + 1;
        lines.truncate(fit - 1);
        lines.push(Line::from(format!("and {more} more")));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::LiveSubject;
    use crate::run_folder::{RunRecord, Status};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use std::collections::BTreeMap;

    fn view(status: RunState, progress: Option<Live>) -> View {
        let record = RunRecord {
            schema: "lacuna.run/1".to_string(),
            verb: "study".to_string(),
            lacuna: "0".to_string(),
            burn: "0".to_string(),
            began: "2026-11-24T10:15:00Z".to_string(),
            device: "cpu/x86-64/avx2".to_string(),
            kernels: "k".to_string(),
            driver: None,
            threads: 2,
            command: Vec::new(),
            seeds: BTreeMap::new(),
            parents: BTreeMap::new(),
        };
        let at = "2026-11-24T10:15:00Z".to_string();
        let status = Status { schema: String::new(), status, exit_code: None, message: None, at };
        View { name: "20261124-ixi7".to_string(), record, status, progress, now: "2026-11-24T10:25:00Z".to_string() }
    }

    fn live() -> Live {
        let subject = |name: &str, role: &str, dice| LiveSubject { name: name.into(), role: role.into(), dice };
        Live {
            at: "2026-11-24T10:24:59Z".to_string(),
            task: [3, 12],
            what: "noisy-label forgets a subject".to_string(),
            epochs: [10, 20],
            seconds_left: Some(3723.0),
            memory_mib: Some(2048.0),
            curves: BTreeMap::from([
                ("loss".to_string(), (1..=10).map(|epoch| 1.0 / f64::from(epoch)).collect()),
                ("forget".to_string(), vec![f64::NAN; 10]),
            ]),
            scored: "after 20 epochs".to_string(),
            subjects: vec![
                subject("a", "forget", Some(0.25)),
                subject("b", "retain", Some(1.0)),
                subject("c", "", None),
            ],
            ..Live::default()
        }
    }

    /// What a terminal of this size would show.
    fn drawn(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_running_study_shows_task_epoch_time_memory_curves_and_subjects() {
        let screen = drawn(&view(RunState::Running, Some(live())), 100, 24);
        for shown in [
            "lacuna study",
            "running",
            "task 3/12",
            "epoch 10/20",
            "left 01:02:03",
            "mem 2.0 GiB",
            "loss",
            "noisy-label forgets",
            "Dice, after 20 epochs",
            "a 0.250",
            "b 1.000",
        ] {
            assert!(screen.contains(shown), "{shown}:\n{screen}");
        }
        // Two tasks and a half of twelve.
        assert!(screen.contains("21 %"), "{screen}");
        // Dice 1 fills its bar, which has no dot left.
        let full = screen.lines().find(|line| line.contains("b 1.000")).unwrap();
        assert!(full.contains('█') && !full.contains('·'), "{full}");
    }

    #[test]
    fn silence_is_said_while_a_run_should_be_under_way() {
        let mut old = live();
        old.at = "2026-11-24T10:15:00Z".to_string();
        assert!(drawn(&view(RunState::Running, Some(old.clone())), 100, 24).contains("nothing written for 10 min"));
        assert!(!drawn(&view(RunState::Done, Some(old)), 100, 24).contains("nothing written"));
    }

    #[test]
    fn no_size_and_no_state_is_too_small_to_draw() {
        for (width, height) in [(1, 1), (10, 3), (30, 8), (300, 100)] {
            for progress in [None, Some(Live::default()), Some(live())] {
                drawn(&view(RunState::Failed, progress), width, height);
            }
        }
        assert!(drawn(&view(RunState::Running, None), 60, 10).contains("No epoch is done yet"));
    }
}
