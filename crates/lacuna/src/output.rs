//! The only place that prints.
//!
//! Results go to standard output, everything else to standard error. A reader that goes away
//! (`lacuna data check … | head`) has seen what it wanted, so a broken pipe is success.

use crate::error::CliError;
use crate::exit::Exit;
use crate::redact::{self, redacted, redacted_json};
use clap::error::{ContextKind, ContextValue, ErrorKind as UsageKind};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};

/// What a verb found or did.
#[derive(Debug)]
pub struct Outcome {
    text: String,
    json: serde_json::Value,
    exit: Exit,
}

impl Outcome {
    /// A result for people and for scripts; `verb` becomes the schema `lacuna.<verb>/1`.
    ///
    /// # Panics
    /// If the record is not a JSON object: records are our own types.
    pub fn new(verb: &str, record: &impl Serialize, text: impl Into<String>) -> Outcome {
        let mut json = serde_json::to_value(record).expect("a record is JSON");
        let object = json.as_object_mut().expect("a record is an object");
        object.insert("schema".to_string(), format!("lacuna.{verb}/1").into());
        Outcome { text: text.into(), json, exit: Exit::Done }
    }

    /// The same with the command that people give next; scripts do not get it.
    pub fn with_next(self, command: &str) -> Outcome {
        Outcome { text: format!("{}next:    {command}\n", ended(self.text)), ..self }
    }

    /// The code that the process ends with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The result as scripts get it.
    pub fn json(&self) -> &serde_json::Value {
        &self.json
    }

    /// The same result of a process that ends with another code.
    pub fn exiting(self, exit: Exit) -> Outcome {
        Outcome { exit, ..self }
    }
}

/// Print what came of a verb and say how the process ends.
pub fn print(outcome: Result<Outcome, CliError>, json: bool) -> Exit {
    let (text, exit) = match outcome {
        Ok(outcome) if json && redact::is_on() => (format!("{}\n", redacted_json(&outcome.json)), outcome.exit),
        Ok(outcome) if json => (format!("{}\n", outcome.json), outcome.exit),
        Ok(outcome) => (ended(redacted(&outcome.text)), outcome.exit),
        Err(error) => {
            // The text may quote a file's line or a header, which may name a person.
            let error = if redact::is_on() { CliError::Redacted { exit: error.exit() } } else { error };
            say(&error.report());
            let text = if json { format!("{}\n", error.record()) } else { String::new() };
            (text, error.exit())
        }
    };
    print_text(&text, exit)
}

/// Print clap's own messages: help on standard output, complaints on standard error.
pub fn print_usage(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return print_text(&error.to_string(), Exit::Done);
    }
    // Its words quote the command line.
    let said = if redact::is_on() { error.kind().to_string() } else { error.to_string() };
    say(said.trim_end());
    if let Some(fix) = commas_missing(error, &crate::words::texts()) {
        say(&fix);
    }
    let json = crate::words::has("--json");
    let error = CliError::Usage { what: error.kind().to_string() };
    print_text(&if json { format!("{}\n", error.record()) } else { String::new() }, Exit::Usage)
}

/// Flags whose values are names separated by commas.
const LISTS: [&str; 6] = ["--forget", "--held-out", "--forgotten", "--subjects", "--exclude", "--channels"];

/// What to say where a word too many stands behind a list: its names were separated by spaces.
fn commas_missing(error: &clap::Error, words: &[String]) -> Option<String> {
    let unknown = match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(word) if error.kind() == UsageKind::UnknownArgument => word,
        _ => return None,
    };
    let at = words.iter().position(|word| word == unknown)?;
    let flag = words.get(at.checked_sub(2)?).filter(|flag| LISTS.contains(&flag.as_str()))?;
    let is_name = !unknown.starts_with('-');
    is_name.then(|| match redact::is_on() {
        true => format!("fix: {flag} takes several names separated by commas, without spaces"),
        false => {
            format!("fix: {flag} {},{unknown}: several names are separated by commas, without spaces", words[at - 1])
        }
    })
}

/// Writes a line to standard error; a closed standard error is no error.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", redacted(line));
}

/// Report a panic, which is always our fault, in words that help to mend it.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("no message");
        let location =
            panic.location().map(|location| format!("{}:{}", location.file(), location.line())).unwrap_or_default();
        say(&format!(
            "error: internal: {what}\n  at:  {location} in lacuna {}\n  fix: please report this with the command line",
            env!("CARGO_PKG_VERSION")
        ));
    }));
}

fn print_text(text: &str, exit: Exit) -> Exit {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => exit,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
        Err(error) => {
            say(&format!("error: standard output: {error}"));
            Exit::TryAgain
        }
    }
}

fn ended(text: String) -> String {
    if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
}
