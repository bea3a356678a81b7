//! The tables that come with lacuna, as data.
//!
//! All three read the numbers of MRBrainS18 (0 background, 1 cortical grey matter, 2 basal ganglia,
//! 3 white matter, 4 white matter lesions, 5 extracerebral CSF, 6 ventricles, 7 cerebellum,
//! 8 brain stem, 9 infarction, 10 other) and leave 9 and 10 out, as the challenge's scores do.

use super::{LabelTable, Target};

/// The name of the table made from the data set's own list of labels.
pub const AS_IS: &str = "as-is";

/// A table as it stands in [`BUILT_IN`].
pub struct BuiltIn {
    /// The name given to `--labels`.
    pub name: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
    /// Each class with the label values it is made of; the background first.
    pub classes: &'static [(&'static str, &'static [u16])],
    /// Values that count nowhere.
    pub ignored: &'static [u16],
}

/// Every built-in table; the order is the order of help texts.
pub static BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "brain",
        about: "brain against everything else (MRBrainS18 1-8)",
        classes: &[("background", &[0]), ("brain", &[1, 2, 3, 4, 5, 6, 7, 8])],
        ignored: &[9, 10],
    },
    BuiltIn {
        name: "tissue",
        about: "CSF, grey and white matter (MRBrainS18 5+6, 1+2, 3+4); cerebellum and brain stem ignored",
        classes: &[("background", &[0]), ("CSF", &[5, 6]), ("grey matter", &[1, 2]), ("white matter", &[3, 4])],
        ignored: &[7, 8, 9, 10],
    },
    BuiltIn {
        name: "mrbrains",
        about: "the eight structures of MRBrainS18",
        classes: &[
            ("background", &[0]),
            ("cortical grey matter", &[1]),
            ("basal ganglia", &[2]),
            ("white matter", &[3]),
            ("white matter lesions", &[4]),
            ("extracerebral CSF", &[5]),
            ("ventricles", &[6]),
            ("cerebellum", &[7]),
            ("brain stem", &[8]),
        ],
        ignored: &[9, 10],
    },
];

impl BuiltIn {
    /// The table itself.
    pub fn table(&self) -> LabelTable {
        let of_class = |(class, (_, values)): (usize, &(&str, &'static [u16]))| {
            values.iter().map(move |value| (*value, Target::Class(class as u8)))
        };
        let classes = self.classes.iter().enumerate().flat_map(of_class);
        let ignored = self.ignored.iter().map(|value| (*value, Target::Ignored));
        let names = self.classes.iter().map(|(name, _)| name.to_string()).collect();
        LabelTable::new(self.name.to_string(), names, classes.chain(ignored).collect())
            .expect("built-in tables are tested to be consistent")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_built_in_table_is_consistent_and_covers_mrbrains() {
        let mut names = BTreeSet::from([AS_IS]);
        for built_in in BUILT_IN {
            assert!(names.insert(built_in.name), "names are distinct");
            let listed =
                built_in.classes.iter().map(|(_, values)| values.len()).sum::<usize>() + built_in.ignored.len();
            let table = built_in.table();
            assert_eq!(table.targets.len(), listed, "no value stands in two classes");
            assert_eq!(table.target(0), Some(Target::Class(0)));
            assert!((0..=10).all(|value| table.target(value).is_some()));
        }
    }
}
