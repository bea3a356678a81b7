//! The entities of a BIDS file name, `key-value` between `_`, and which of them a derivative adds.

use std::collections::BTreeMap;

/// Entities that a derivative may have and its source lacks. Source: BIDS specification 1.9, "Imaging derivatives".
const OF_DERIVATIVES: [&str; 8] = ["space", "desc", "res", "den", "label", "seg", "atlas", "hemi"];

/// What stands in a file's name between the session and the suffix.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entities {
    /// Those that tell images apart, values without leading zeros.
    pub of_source: BTreeMap<String, String>,
    /// Those that tell derivatives apart, as they stand in the name.
    pub of_derivative: String,
    /// All of them, as they stand in the name.
    pub all: String,
}

/// The entities and the suffix of what follows subject and session.
pub(super) fn parse(rest: &str) -> (Entities, &str) {
    let (before, suffix) = rest.rsplit_once('_').unwrap_or(("", rest));
    let mut entities = Entities { all: before.to_string(), ..Entities::default() };
    let mut own = Vec::new();
    for part in before.split('_').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('-').unwrap_or((part, ""));
        match OF_DERIVATIVES.contains(&key) {
            true => own.push(part),
            false => {
                entities.of_source.insert(key.to_string(), plain_index(value));
            }
        }
    }
    entities.of_derivative = own.join("_");
    (entities, suffix)
}

/// An index is the same with and without zeros before it.
fn plain_index(value: &str) -> String {
    match value.bytes().all(|byte| byte.is_ascii_digit()) {
        true => value.trim_start_matches('0').to_string(),
        false => value.to_string(),
    }
}

impl Entities {
    /// Whether a label map may be of one of these images: it says nothing that none of them says.
    pub fn fits(&self, images: &[Entities]) -> bool {
        let said =
            |(key, value): (&String, &String)| images.iter().any(|image| image.of_source.get(key) == Some(value));
        self.of_source.iter().all(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rest: &str) -> Entities {
        parse(rest).0
    }

    #[test]
    fn a_derivative_is_told_by_its_own_entities_and_an_image_by_the_others() {
        let (entities, suffix) = parse("acq-high_run-02_space-T1w_desc-aseg_dseg");
        assert_eq!((suffix, entities.of_derivative.as_str()), ("dseg", "space-T1w_desc-aseg"));
        assert_eq!(entities.of_source, of("acq-high_run-2_T1w").of_source);
        assert_eq!(parse("T1w"), (Entities::default(), "T1w"));
    }

    #[test]
    fn a_label_map_fits_images_that_it_does_not_contradict() {
        let images = [of("run-2_T1w"), of("acq-long_FLAIR")];
        for (label, fits) in [("dseg", true), ("run-02_dseg", true), ("run-1_dseg", false), ("echo-1_dseg", false)] {
            assert_eq!(of(label).fits(&images), fits, "{label}");
        }
        assert!(of("acq-long_desc-x_dseg").fits(&images));
    }
}
