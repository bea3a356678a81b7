//! JSON and TOML that lacuna wrote, read and rewritten field by field.

use super::Change;
use super::fields::{TAKING_PEOPLE, holds_people, holds_words, is_keyed};
use crate::person::Person;
use serde_json::Value;

/// Whether a field that holds people names the person.
pub fn names(value: &Value, person: &Person) -> bool {
    found(value, "", "", &|name| person.is(name))
}

/// The ids that fields hold.
fn found(value: &Value, outer: &str, field: &str, is: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds_people(outer, field) && is(text),
        Value::Array(items) => items.iter().any(|item| found(item, outer, field, is)),
        Value::Object(fields) => {
            fields.iter().any(|(key, value)| (is_keyed(field) && is(key)) || found(value, field, key, is))
        }
        _ => false,
    }
}

/// The same document with the pseudonym in place of the person.
///
/// `with_words`: also replace words that mention the person. Only for files of a run that holds the person.
pub fn rewrite(value: &mut Value, change: &Change, with_words: bool) {
    rewrite_field(value, "", "", change, with_words);
}

fn rewrite_field(value: &mut Value, outer: &str, field: &str, change: &Change, with_words: bool) {
    match value {
        Value::String(text) => {
            if holds_people(outer, field) && change.person.is(text) {
                *text = change.pseudonym.clone();
            } else if let Some(alias) = change.alias(text) {
                *text = alias;
            } else if with_words && holds_words(field) {
                *text = change.words(text);
            }
        }
        Value::Array(words) if field == COMMAND && with_words => rewrite_command(words, change),
        Value::Array(_) if field == COMMAND => {}
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite_field(item, outer, field, change, with_words)),
        Value::Object(fields) => {
            if is_keyed(field) {
                let keys: Vec<String> = fields.keys().filter(|key| change.person.is(key)).cloned().collect();
                for key in keys {
                    let scores = fields.remove(&key).expect("the key was just seen");
                    fields.insert(change.pseudonym.clone(), scores);
                }
            }
            fields.iter_mut().for_each(|(key, value)| rewrite_field(value, field, key, change, with_words));
        }
        _ => {}
    }
}

/// The words of a command line.
const COMMAND: &str = "command";

/// A number on a command line is an id only behind an option that takes ids.
fn rewrite_command(words: &mut [Value], change: &Change) {
    let mut before = String::new();
    for word in words {
        let Value::String(text) = word else { continue };
        let (option, value) =
            text.split_once('=').filter(|(option, _)| option.starts_with("--")).unwrap_or((&before, text));
        let takes_people = TAKING_PEOPLE.contains(&option);
        let (is_number, is_option) = (value.parse::<f64>().is_ok(), text.starts_with('-') && !text.contains('='));
        if takes_people || !(is_number || is_option) {
            *text = change.words(text);
        }
        before.clone_from(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(person: &Person) -> Change<'_> {
        Change { person, pseudonym: "p".to_string(), gone: Default::default() }
    }

    #[test]
    fn ids_are_found_in_their_fields_and_numbers_are_left_alone() {
        let person = Person::named("1");
        let document = json!({
            "schema": "lacuna.run/1", "epochs": 1, "burn": "1", "seeds": {"1": 1},
            "trained": ["1", "10"], "erasures": [{"subjects": ["1"], "by": null}],
            "horizons": [{"epochs": 1, "volume": {"1": {"dice": 1.0}, "11": {}}}],
            "forget": {"only": ["1"]}, "subjects": [{"name": "1", "dice": 1}],
        });
        assert!(names(&document, &person));
        let mut rewritten = document.clone();
        rewrite(&mut rewritten, &change(&person), false);
        assert_eq!(
            rewritten,
            json!({
                "schema": "lacuna.run/1", "epochs": 1, "burn": "1", "seeds": {"1": 1},
                "trained": ["p", "10"], "erasures": [{"subjects": ["p"], "by": null}],
                "horizons": [{"epochs": 1, "volume": {"p": {"dice": 1.0}, "11": {}}}],
                "forget": {"only": ["p"]}, "subjects": [{"name": "p", "dice": 1}],
            })
        );
        assert!(!names(&rewritten, &person));
        assert!(!names(&json!({"epochs": "1", "name": "1", "seeds": {"1": 1}}), &person));
    }

    #[test]
    fn words_that_mention_the_person_are_replaced_whole_and_options_stay() {
        let person = Person::named("sub-1");
        let mut document =
            json!({"command": ["train", "--held-out=sub-2,sub-1", "--name", "drop-sub-1", "sub-10"], "epochs": 1});
        rewrite(&mut document, &change(&person), true);
        assert_eq!(document["command"], json!(["train", "--held-out=sub-2,p", "--name", "p", "sub-10"]));
        let person = Person::named("1");
        let mut document =
            json!({"command": ["train", "--epochs", "1", "--seed=1", "--held-out", "1,10", "--name", "run-1"]});
        rewrite(&mut document, &change(&person), true);
        let expected = json!(["train", "--epochs", "1", "--seed=1", "--held-out", "p,10", "--name", "run-1"]);
        assert_eq!(document["command"], expected);
        let mut document = json!({"command": ["predict", "--model", "model", "--data", "data-1"]});
        rewrite(&mut document, &change(&Person::named("model")), true);
        assert_eq!(document["command"], json!(["predict", "--model", "p", "--data", "data-1"]));
    }
}
