//! What is to be known of many files, printed once for each kind with the number of files.

use crate::context::Context;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Notes that are collected while files are worked through.
#[derive(Default)]
pub struct Notes {
    /// By what they are of, and their words: the names.
    kinds: RefCell<BTreeMap<(&'static str, String), BTreeSet<String>>>,
}

impl Notes {
    /// Take a note of one of many; `of` is what they are, in the plural.
    pub fn take(&self, of: &'static str, name: impl Into<String>, text: impl Into<String>) {
        self.kinds.borrow_mut().entry((of, text.into())).or_default().insert(name.into());
    }

    /// One line a kind, with the first name in order and how many there are.
    fn lines(&self) -> Vec<String> {
        let line = |((of, text), names): (&(&str, String), &BTreeSet<String>)| {
            let first = names.first().map_or("", |name| name);
            match names.len() {
                1 => format!("note: {first}: {text}"),
                count => format!("note: {count} {of}, the first {first}: {text}"),
            }
        };
        self.kinds.borrow().iter().map(line).collect()
    }

    pub fn print(&self, context: &Context) {
        self.lines().iter().for_each(|line| context.note(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_one_kind_are_one_line_with_their_number() {
        let notes = Notes::default();
        for name in ["b", "a", "b"] {
            notes.take("files", name, "text fields");
        }
        notes.take("files", "c", "another");
        notes.take("subjects", "a", "text fields");
        let lines = ["note: c: another", "note: 2 files, the first a: text fields", "note: a: text fields"];
        assert_eq!(notes.lines(), lines);
        assert!(Notes::default().lines().is_empty());
    }
}
