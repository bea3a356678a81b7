//! The terminal: taken, drawn on, and given back whatever happens.

use super::draw::draw;
use super::view::View;
use crate::error::CliError;
use crate::interrupt;
use crate::run_folder::refused;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a key may wait for an answer.
const KEYS_EVERY: Duration = Duration::from_millis(100);

/// The terminal while it is ours. ratatui's own hook gives it back if a thread panics; this one gives it back on every
/// other way out.
struct Screen(DefaultTerminal);

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Draw until the user leaves; what was seen last.
///
/// # Errors
/// A terminal that cannot be drawn on, or files that no run writes.
pub fn show(folder: &Path, every: Duration) -> Result<View, CliError> {
    let terminal = Path::new("the terminal");
    // Nothing is taken before there is something to show.
    let mut view = View::read(folder)?;
    let mut screen = Screen(ratatui::try_init().map_err(refused(terminal, "take"))?);
    let mut looked = Instant::now();
    loop {
        screen.0.draw(|frame| draw(frame, &view)).map_err(refused(terminal, "draw on"))?;
        if event::poll(KEYS_EVERY.min(every)).map_err(refused(terminal, "read"))? {
            let pressed = event::read().map_err(refused(terminal, "read"))?;
            if is_leaving(&pressed) {
                return Ok(view);
            }
        }
        if interrupt::requested() {
            return Ok(view);
        }
        if looked.elapsed() >= every {
            looked = Instant::now();
            view = View::read(folder)?;
        }
    }
}

/// q, Esc, or Ctrl-C, which a terminal in this mode sends as a key.
fn is_leaving(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press && (is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::crossterm::event::KeyEvent;

    #[test]
    fn q_escape_and_control_c_leave_and_nothing_else() {
        let key = |code, modifiers| is_leaving(&Event::Key(KeyEvent::new(code, modifiers)));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE) && key(KeyCode::Esc, KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE) && !key(KeyCode::Enter, KeyModifiers::NONE));
        assert!(!is_leaving(&Event::Resize(80, 24)));
    }
}
