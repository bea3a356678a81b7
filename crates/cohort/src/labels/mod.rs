//! What label numbers mean: from a file's values to the classes a network learns.
//!
//! A table maps every value it knows to a class or to "ignored"; a value it does not know is an
//! error, never background, because a wrong table must not pass for a wrong segmentation.
//! Class 0 is the background.

mod built_in;
mod file;

pub use built_in::{AS_IS, BUILT_IN, BuiltIn};
pub use file::WrittenTable;

use crate::CohortError;
use crate::error::{all_of, in_words};
use lacuna_volume::{ClassMap, IGNORED, LabelMap};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a data set calls the value of voxels that count for nothing.
const IGNORE_NAME: &str = "ignore";

/// What a label value counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The class of this number.
    Class(u8),
    /// Nothing: the voxel enters no loss and no score.
    Ignored,
}

/// A named map from label values to classes.
///
/// Holds for every value: two to 255 classes with distinct names, none of them `ignored`, class 0 first, and no
/// target beyond them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelTable {
    name: String,
    classes: Vec<String>,
    targets: BTreeMap<u16, Target>,
}

/// Label values of which a table says nothing, with the number of voxels of each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("label values outside table `{table}`: {}", values_in_words(.values))]
pub struct OutsideTable {
    /// The table's name.
    pub table: String,
    /// Voxels per value.
    pub values: BTreeMap<u16, u64>,
}

impl LabelTable {
    /// A table, checked.
    ///
    /// # Errors
    /// [`CohortError::Table`] if classes are too few, too many, repeat or are called `ignored`, or a target is beyond them.
    pub fn new(name: String, classes: Vec<String>, targets: BTreeMap<u16, Target>) -> Result<LabelTable, CohortError> {
        let refuse = |field: &str, expected: String, found: String| {
            Err(CohortError::Table { table: name.clone(), field: field.into(), expected, found })
        };
        if !(2..=IGNORED as usize).contains(&classes.len()) {
            let expected = format!("2 to {IGNORED}, the background first");
            return refuse("classes", expected, classes.len().to_string());
        }
        if classes.iter().collect::<BTreeSet<_>>().len() < classes.len() {
            return refuse("classes", "distinct names".into(), in_words(&classes));
        }
        if classes.iter().any(|class| class == file::IGNORED_NAME) {
            let expected = format!("no class of the reserved name `{}`", file::IGNORED_NAME);
            return refuse("classes", expected, in_words(&classes));
        }
        let beyond = |target: &&Target| matches!(target, Target::Class(class) if *class as usize >= classes.len());
        if let Some(target) = targets.values().find(beyond) {
            return refuse("targets", format!("classes below {}", classes.len()), format!("{target:?}"));
        }
        Ok(LabelTable { name, classes, targets })
    }

    /// The built-in table of this name; [`AS_IS`] takes `classes_in_file`, the data set's own list.
    ///
    /// # Errors
    /// [`CohortError::Table`] for an unknown name, or `as-is` for a data set that has no list.
    pub fn built_in(name: &str, classes_in_file: Option<&BTreeMap<u16, String>>) -> Result<LabelTable, CohortError> {
        if name == AS_IS {
            return LabelTable::as_is(classes_in_file);
        }
        match BUILT_IN.iter().find(|table| table.name == name) {
            Some(table) => Ok(table.table()),
            None => Err(CohortError::Table {
                table: name.to_string(),
                field: "name".into(),
                expected: format!(
                    "one of {}, {AS_IS}, or a TOML file",
                    all_of(BUILT_IN.iter().map(|table| table.name))
                ),
                found: format!("`{name}`"),
            }),
        }
    }

    /// The data set's own classes, numbered from 0 in the order of their values; what it calls
    /// `ignore`, as nnU-Net's data sets do, is ignored.
    fn as_is(classes_in_file: Option<&BTreeMap<u16, String>>) -> Result<LabelTable, CohortError> {
        let Some(listed) = classes_in_file else {
            return Err(CohortError::Table {
                table: AS_IS.into(),
                field: "classes".into(),
                expected: "a data set that lists its labels, such as a Decathlon dataset.json".into(),
                found: "no list; choose another table or write one".into(),
            });
        };
        if !listed.contains_key(&0) {
            return Err(CohortError::Table {
                table: AS_IS.into(),
                field: "classes".into(),
                expected: "the value 0 for the background".into(),
                found: in_words(listed.keys()),
            });
        }
        let (ignored, classes): (Vec<_>, Vec<_>) = listed.iter().partition(|(_, name)| *name == IGNORE_NAME);
        // Beyond 255 classes the numbers wrap, and `new` refuses the table for its class count.
        let numbered = classes.iter().enumerate().map(|(class, (value, _))| (**value, Target::Class(class as u8)));
        let targets = numbered.chain(ignored.iter().map(|(value, _)| (**value, Target::Ignored))).collect();
        LabelTable::new(AS_IS.into(), classes.iter().map(|(_, name)| (*name).clone()).collect(), targets)
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the classes, the background first.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// What a label value counts as; `None` if the table says nothing of it.
    pub fn target(&self, value: u16) -> Option<Target> {
        self.targets.get(&value).copied()
    }

    /// Label values that two tables of the same classes count differently, in order.
    pub fn differences(&self, other: &LabelTable) -> Vec<u16> {
        let values: BTreeSet<&u16> = self.targets.keys().chain(other.targets.keys()).collect();
        values.into_iter().filter(|value| self.target(**value) != other.target(**value)).copied().collect()
    }

    /// Whether any value is ignored.
    pub fn ignores(&self) -> bool {
        self.targets.values().any(|target| *target == Target::Ignored)
    }

    /// The classes of a label map; ignored voxels become [`IGNORED`].
    ///
    /// # Errors
    /// [`OutsideTable`] with every value the table does not know.
    pub fn apply(&self, labels: &LabelMap) -> Result<ClassMap, OutsideTable> {
        let values: BTreeMap<u16, u64> =
            count_labels(labels).into_iter().filter(|(value, _)| self.target(*value).is_none()).collect();
        if !values.is_empty() {
            return Err(OutsideTable { table: self.name.clone(), values });
        }
        let mut class_of = vec![IGNORED; usize::from(u16::MAX) + 1];
        for (value, target) in &self.targets {
            if let Target::Class(class) = target {
                class_of[usize::from(*value)] = *class;
            }
        }
        Ok(labels.map(|value| class_of[usize::from(*value)]))
    }
}

/// Voxels per label value.
pub fn count_labels(labels: &LabelMap) -> BTreeMap<u16, u64> {
    let mut counts = vec![0u64; usize::from(u16::MAX) + 1];
    for value in labels.voxels() {
        counts[usize::from(*value)] += 1;
    }
    (0..=u16::MAX).zip(counts).filter(|(_, count)| *count > 0).collect()
}

pub(crate) fn values_in_words(values: &BTreeMap<u16, u64>) -> String {
    in_words(values.iter().map(|(value, count)| match count {
        1 => format!("{value} (1 voxel)"),
        _ => format!("{value} ({count} voxels)"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_volume::{Grid, SpacingMm};

    fn map(values: &[u16]) -> LabelMap {
        LabelMap::new(Grid::axis_aligned([values.len(), 1, 1], SpacingMm([1.0; 3])), values.to_vec())
    }

    #[track_caller]
    fn check(table: &str, expected: &[u8]) {
        let classes =
            LabelTable::built_in(table, None).unwrap().apply(&map(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])).unwrap();
        assert_eq!(classes.voxels(), expected);
    }

    const I: u8 = IGNORED;
    #[test]
    fn brain_is_one_to_eight() {
        check("brain", &[0, 1, 1, 1, 1, 1, 1, 1, 1, I, I]);
    }
    #[test]
    fn tissue_is_csf_grey_and_white() {
        check("tissue", &[0, 2, 2, 3, 3, 1, 1, I, I, I, I]);
    }
    #[test]
    fn mrbrains_keeps_its_numbers() {
        check("mrbrains", &[0, 1, 2, 3, 4, 5, 6, 7, 8, I, I]);
    }

    #[test]
    fn a_value_outside_the_table_is_counted_and_never_background() {
        let table = LabelTable::built_in("brain", None).unwrap();
        let error = table.apply(&map(&[0, 11, 1, 11, 300])).unwrap_err();
        assert_eq!(error.values, BTreeMap::from([(11, 2), (300, 1)]));
        assert_eq!(error.to_string(), "label values outside table `brain`: 11 (2 voxels), 300 (1 voxel)");
    }

    #[test]
    fn as_is_takes_the_classes_of_the_data_set() {
        let listed = BTreeMap::from([(0, "background".to_string()), (5, "tumour".into()), (2, "liver".into())]);
        let table = LabelTable::built_in(AS_IS, Some(&listed)).unwrap();
        assert_eq!(table.classes(), ["background", "liver", "tumour"]);
        assert_eq!(table.apply(&map(&[5, 0, 2])).unwrap().voxels(), [2, 0, 1]);
    }

    #[test]
    fn as_is_leaves_out_what_the_data_set_ignores() {
        let listed = BTreeMap::from([(0, "background".to_string()), (1, "liver".into()), (2, "ignore".into())]);
        let table = LabelTable::built_in(AS_IS, Some(&listed)).unwrap();
        assert_eq!(table.classes(), ["background", "liver"]);
        assert_eq!(table.apply(&map(&[2, 1, 0])).unwrap().voxels(), [I, 1, 0]);
    }

    #[test]
    fn as_is_without_a_list_or_a_background_is_refused() {
        let refused = |listed: Option<&BTreeMap<u16, String>>| LabelTable::built_in(AS_IS, listed).unwrap_err();
        assert!(refused(None).to_string().contains("lists its labels"));
        assert!(refused(Some(&BTreeMap::from([(1, "a".into()), (2, "b".into())]))).to_string().contains("found 1, 2"));
        let many = (0..300).map(|value| (value, value.to_string())).collect();
        let error = refused(Some(&many));
        assert!(error.to_string().contains("found 300") && error.is_config(), "{error}");
    }

    #[test]
    fn an_unknown_table_is_answered_with_those_there_are() {
        let message = LabelTable::built_in("tissues", None).unwrap_err().to_string();
        assert!(message.contains("one of brain, tissue, mrbrains, as-is"), "{message}");
    }

    #[test]
    fn every_label_is_counted_once() {
        assert_eq!(count_labels(&map(&[3, 0, 3, 65535])), BTreeMap::from([(0, 1), (3, 2), (65535, 1)]));
    }
}
