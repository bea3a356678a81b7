//! Which words of a command line are paths, by what the command line's own definition says.

use crate::cli::Cli;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};
use lacuna_objects::Address;
use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Every value of an option or a place that takes a path or an address, whether or not anything lies there.
///
/// The command line need not be right: what can be understood of it counts, and options are also looked for one by one.
pub fn given(words: &[OsString]) -> Vec<OsString> {
    let mut command = Cli::command();
    command.build();
    let mut found = Vec::new();
    options(&command, words, &mut found);
    let program = std::iter::once(OsString::from("lacuna"));
    let lenient = command.clone().ignore_errors(true);
    if let Ok(matches) = lenient.try_get_matches_from(program.chain(words.iter().cloned())) {
        values(&command, &matches, &mut found);
    }
    found
}

fn is_path(argument: &Arg) -> bool {
    let parser = argument.get_value_parser().type_id();
    parser == TypeId::of::<PathBuf>() || parser == TypeId::of::<Address>()
}

/// The words behind options that take a path, in whatever verb.
fn options(command: &Command, words: &[OsString], found: &mut Vec<OsString>) {
    let mut names = Vec::new();
    collect(command, &mut names);
    for (index, word) in words.iter().enumerate() {
        for name in &names {
            if word == name.as_str() {
                found.extend(words.get(index + 1).cloned());
            } else if let Some(value) = behind(word, name) {
                found.push(value.to_os_string());
            }
        }
    }
}

/// What stands behind `NAME=`.
fn behind<'a>(word: &'a OsStr, name: &str) -> Option<&'a OsStr> {
    use std::os::unix::ffi::OsStrExt;
    let rest = word.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    Some(OsStr::from_bytes(rest))
}

fn collect(command: &Command, names: &mut Vec<String>) {
    let own = command.get_arguments().filter(|argument| is_path(argument));
    names.extend(own.filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")));
    command.get_subcommands().for_each(|sub| collect(sub, names));
}

fn values(command: &Command, matches: &ArgMatches, found: &mut Vec<OsString>) {
    for argument in command.get_arguments().filter(|argument| is_path(argument)) {
        let id = argument.get_id().as_str();
        let Ok(Some(raw)) = matches.try_get_raw(id) else { continue };
        if matches.value_source(id) != Some(ValueSource::DefaultValue) {
            found.extend(raw.map(OsStr::to_os_string));
        }
    }
    if let Some((name, below)) = matches.subcommand()
        && let Some(sub) = command.find_subcommand(name)
    {
        values(sub, below, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given_in(line: &str) -> Vec<String> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let mut found: Vec<String> = given(&words).into_iter().map(|word| word.into_string().unwrap()).collect();
        found.sort();
        found.dedup();
        found
    }

    #[test]
    fn values_of_paths_are_found_whether_or_not_they_are_there_and_other_words_are_not() {
        assert_eq!(given_in("data export heads --to bids --out anna"), ["anna", "heads"]);
        assert_eq!(given_in("study plan s.toml --out=anna --records s3://b/r"), ["anna", "s.toml", "s3://b/r"]);
        assert_eq!(
            given_in("predict one two --model m --out anna --seed 4 --runs r"),
            ["anna", "m", "one", "r", "two"]
        );
        assert!(given_in("train --name anna --epochs 3").is_empty());
        // What cannot be understood as a whole is looked through all the same.
        assert!(given_in("predict --no-such-flag --out anna").contains(&"anna".to_string()));
    }
}
