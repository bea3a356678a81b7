//! Which fields of lacuna's own files hold people, and which hold words of the operator.
//!
//! | kind | what it is | a purge |
//! |---|---|---|
//! | people | an id, or a list of ids | writes the pseudonym in place of a whole id |
//! | keyed | a table whose keys are ids | the same with the key |
//! | words | a name, a title, a message, a word of a command line | replaces the whole word where it mentions the person |
//!
//! A new file that names people uses one of these field names, or gets its own here.

/// Fields whose value is an id or a list of ids.
const PEOPLE: &[&str] = &[
    "subject",
    "subjects",
    "forget",
    "forgotten",
    "trained",
    "held_out",
    "held_out_subjects",
    "only",
    "planted",
    "train",
    "retain",
    "audited",
    "leaving",
    "saw",
    "init_saw",
];

/// Fields of entries of a list: the list's field, then the entry's.
const PEOPLE_IN_LISTS: &[(&str, &str)] = &[("subjects", "name")];

/// Fields whose value is a table with ids for keys.
const KEYED: &[&str] = &["volume", "output", "cross_entropy", "expect"];

/// Fields whose text may mention people among other words.
const WORDS: &[&str] = &["name", "what", "message", "title", "scan", "run", "root", "file", "model", "init", "path"];

/// Options of a command line whose values are ids.
pub const TAKING_PEOPLE: &[&str] =
    &["--forget", "--held-out", "--forgotten", "--subject", "--subjects", "--init-saw", "--expect", "--only", "--scan"];

/// Whether a field, in a list or table of another, holds ids.
pub fn holds_people(outer: &str, field: &str) -> bool {
    PEOPLE.contains(&field) || PEOPLE_IN_LISTS.contains(&(outer, field))
}

/// Whether the keys of a field's table are ids.
pub fn is_keyed(field: &str) -> bool {
    KEYED.contains(&field)
}

/// Whether a field holds words of the operator, or a message.
pub fn holds_words(field: &str) -> bool {
    WORDS.contains(&field)
}
