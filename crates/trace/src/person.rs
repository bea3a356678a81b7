//! How one person is called in files: the id, pseudonyms, keys in registers, and what their scans are.

use crate::error::TraceError;
use crate::host::Host;
use crate::paths::shown;
use lacuna_artefacts::{Artefact, Entered, FileMark, Site, SubjectKey};
use lacuna_cohort::{Cohort, LayoutOptions, SubjectId};
use lacuna_ledger::Ledger;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One person, as every kind of file may call them.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The id in the operator's data.
    pub id: String,
    /// The id and the site's pseudonym.
    names: BTreeSet<String>,
    /// The ledger's pseudonym, which purges write: it may stay where it is, and still says whom a model saw.
    written: Option<String>,
    /// Names of the person's scans that are not the id.
    scans: BTreeSet<String>,
    /// The images and label maps that data sets list.
    pub files: BTreeSet<PathBuf>,
    /// Keys of the id and of scan names in this site's registers.
    keys: BTreeSet<SubjectKey>,
    /// Marks of the person's images in this site's registers.
    marks: BTreeSet<FileMark>,
    /// The fingerprint of the key of `keys` and `marks`.
    site: Option<String>,
    /// Whether a data set that was named lists them.
    pub is_listed: bool,
    /// Other people's scans that are called as this person is: their names and their images.
    namesakes: BTreeMap<String, Vec<PathBuf>>,
    /// Keys of names that other people's scans have too.
    shared_keys: BTreeSet<SubjectKey>,
    /// Marks of the images of those scans.
    namesake_marks: BTreeSet<FileMark>,
}

/// What a register entry says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// The artefact holds the person.
    Holds,
    /// It was made to forget the person.
    Forgotten,
    /// It holds others, all of whom are known.
    Others,
    /// It was written under another key, or does not list all subjects that it holds.
    Unknown,
}

impl Person {
    /// A person by id, with what data sets, a ledger and a site say of them.
    ///
    /// # Errors
    /// A data set that cannot be listed, an image that cannot be read, keys of a ledger that cannot be believed.
    pub fn of(
        subject: &SubjectId,
        data: &[PathBuf],
        ledger: Option<&Ledger>,
        site: Option<&Site>,
        host: &dyn Host,
    ) -> Result<Person, TraceError> {
        let mut person = Person::named(subject.as_str());
        if let Some(pseudonym) = ledger.map(|ledger| ledger.keyring().find(subject.as_str())).transpose()?.flatten() {
            person.written = Some(pseudonym.to_string());
        }
        for data in data.iter().filter(|data| data.exists()) {
            let cohort = Cohort::open(data, &LayoutOptions::default())?;
            host.opened(&cohort);
            person.add_scans(subject, &cohort, &shown(data));
        }
        if let Some(site) = site {
            person.know(site)?;
        }
        Ok(person)
    }

    /// A person of whom nothing but a name is known.
    pub fn named(id: &str) -> Person {
        Person { id: id.to_string(), names: BTreeSet::from([id.to_string()]), ..Person::default() }
    }

    /// What a data set lists of them. A scan that is called like another person is not theirs alone.
    fn add_scans(&mut self, subject: &SubjectId, cohort: &Cohort, data: &Path) {
        self.is_listed |= cohort.subjects().contains(subject);
        for scan in cohort.scans().iter().filter(|scan| scan.subject != *subject && scan.name == self.id) {
            self.namesakes.entry(scan.name.clone()).or_default().extend(scan.images.iter().cloned());
        }
        let others: BTreeSet<String> = cohort.subjects().iter().map(SubjectId::to_string).collect();
        let by_products = cohort.by_products.iter().filter(|scan| scan.subject == *subject);
        for scan in cohort.scans_of(subject).iter().chain(by_products) {
            let files: Vec<PathBuf> = scan.images.iter().chain(&scan.label).map(|file| shown(file)).collect();
            self.scans.extend(files.iter().flat_map(|file| bids_folders(file, data)).filter(|name| *name != self.id));
            self.files.extend(files);
            if scan.name != self.id && !others.contains(&scan.name) {
                self.scans.insert(scan.name.clone());
            }
        }
    }

    fn know(&mut self, site: &Site) -> Result<(), TraceError> {
        self.names.insert(site.pseudonym(&self.id));
        self.keys = std::iter::once(&self.id).chain(&self.scans).map(|name| site.subject_key(name)).collect();
        for file in self.files.iter().filter(|file| file.is_file()) {
            self.marks.insert(site.file_mark(&lacuna_disk::digest_file(file)?));
        }
        for (name, images) in &self.namesakes {
            self.shared_keys.insert(site.subject_key(name));
            for image in images.iter().filter(|image| image.is_file()) {
                self.namesake_marks.insert(site.file_mark(&lacuna_disk::digest_file(image)?));
            }
        }
        self.site = Some(site.fingerprint());
        Ok(())
    }

    /// Whether a whole field is a name that a purge takes away: the id, the site's pseudonym, the name of a scan.
    pub fn is(&self, field: &str) -> bool {
        self.names.contains(field) || self.scans.contains(field)
    }

    /// Whether a whole field means the person, by such a name or by the pseudonym that a purge wrote.
    pub fn is_meant_by(&self, field: &str) -> bool {
        self.is(field) || self.written.as_deref() == Some(field)
    }

    /// Whether a list of fields holds one that means the person.
    pub fn is_among<'a>(&self, fields: impl IntoIterator<Item = &'a str>) -> bool {
        fields.into_iter().any(|field| self.is_meant_by(field))
    }

    /// Whether a text mentions a name of the person as a word: no letter or digit touches it. For listings and for texts
    /// that are replaced whole, never for a replacement within a text.
    pub fn is_mentioned_in(&self, text: &[u8]) -> bool {
        self.names.iter().chain(&self.scans).any(|name| mentions(text, name.as_bytes()))
    }

    /// Whether words of the operator mention the person. A number is an id only alone: `run-1` is not subject 1.
    pub fn is_mentioned_in_words(&self, text: &str) -> bool {
        let is_number = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit());
        let (numbers, words): (Vec<&String>, Vec<&String>) =
            self.names.iter().chain(&self.scans).partition(|name| is_number(name));
        numbers.into_iter().any(|name| name == text)
            || words.into_iter().any(|name| mentions(text.as_bytes(), name.as_bytes()))
    }

    /// Every name that means the person, as an id: plans of exact trainings may use any of them.
    pub fn subjects(&self) -> BTreeSet<SubjectId> {
        let names = self.names.iter().chain(&self.scans).chain(&self.written);
        names.filter_map(|name| SubjectId::new(name.as_str()).ok()).collect()
    }

    /// Marks of the person's images in registers of this site.
    pub fn marks(&self) -> &BTreeSet<FileMark> {
        &self.marks
    }

    /// The keys by which registers of this site know the person.
    pub fn keys(&self) -> &BTreeSet<SubjectKey> {
        &self.keys
    }

    /// What a register entry says of the person.
    pub fn registered_in(&self, entered: &Entered) -> Registered {
        let Artefact { holds, forgotten, made_of, complete, .. } = &entered.artefact;
        if self.site.as_ref() != Some(&entered.site) {
            return Registered::Unknown;
        }
        let is_among = |keys: &BTreeSet<SubjectKey>| !keys.is_disjoint(&self.keys);
        // What is made of images is entered by the names of scans too, and another person's scan may be called like this
        // person: then the image decides.
        let own: Vec<&SubjectKey> = holds.intersection(&self.keys).collect();
        let is_shared = !made_of.is_empty() && !own.is_empty() && own.iter().all(|key| self.shared_keys.contains(*key));
        if is_shared && made_of.is_disjoint(&self.marks) {
            return if made_of.is_disjoint(&self.namesake_marks) { Registered::Unknown } else { Registered::Others };
        }
        if is_among(holds) || !made_of.is_disjoint(&self.marks) {
            Registered::Holds
        } else if is_among(forgotten) {
            Registered::Forgotten
        } else if *complete {
            Registered::Others
        } else {
            Registered::Unknown
        }
    }

    /// Whether a word of a list refers to the person or to one of their files, by name or path.
    pub fn is_referred_to_by(&self, word: &str) -> bool {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        self.is(word)
            || name(Path::new(word))
                .is_some_and(|word| self.files.iter().any(|file| name(file).as_ref() == Some(&word)))
    }
}

/// The folders of a path, below its data set, that are called like a person of a BIDS data set.
fn bids_folders(file: &Path, data: &Path) -> Vec<String> {
    let names =
        file.strip_prefix(data).unwrap_or(Path::new("")).components().filter_map(|part| part.as_os_str().to_str());
    names
        .filter(|name| name.starts_with("sub-") && !name.contains('_') && !name.contains('.'))
        .map(str::to_string)
        .collect()
}

/// Whether a word stands in a text with neither letter nor digit beside it.
fn mentions(text: &[u8], word: &[u8]) -> bool {
    let touches = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    !word.is_empty()
        && text.windows(word.len()).enumerate().any(|(at, window)| {
            window == word
                && !touches(at.checked_sub(1).and_then(|before| text.get(before)))
                && !touches(text.get(at + word.len()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::NoNetworks;
    use lacuna_artefacts::Kind;

    #[test]
    fn a_field_is_a_person_only_as_a_whole_and_a_text_mentions_words() {
        let person = Person::named("1");
        assert!(person.is("1") && !person.is("10") && !person.is("1.0") && !person.is("a 1"));
        for text in ["run-1", "1", "forget 1, seed 0", "1_labels.nii.gz"] {
            assert!(person.is_mentioned_in(text.as_bytes()), "{text}");
        }
        for text in ["10", "run1", "é1", ""] {
            assert!(!person.is_mentioned_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_pseudonym_that_a_purge_wrote_means_the_person_and_may_stay() {
        let person = Person { written: Some("ab".repeat(16)), ..Person::named("anna") };
        let pseudonym = "ab".repeat(16);
        assert!(person.is_meant_by(&pseudonym) && person.is_among(["x", pseudonym.as_str()]));
        assert!(!person.is(&pseudonym) && !person.is_mentioned_in(pseudonym.as_bytes()));
    }

    #[test]
    fn what_is_made_of_another_persons_scan_of_the_same_name_is_that_persons_and_unknown_where_the_image_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path_of = |name: &str| folder.path().join(name);
        let table = "scan\tsubject\nbert\tanna\ns2\tbert\n";
        lacuna_disk::write_bytes(&path_of("d/subjects.tsv"), table.as_bytes()).unwrap();
        for scan in ["bert", "s2"] {
            for kind in ["images", "labels"] {
                lacuna_disk::write_bytes(&path_of(&format!("d/{kind}/{scan}.nii.gz")), scan.as_bytes()).unwrap();
            }
        }
        let site = Site::open_or_create(&path_of("runs")).unwrap();
        let person = |id: &str| {
            Person::of(&SubjectId::new(id).unwrap(), &[path_of("d")], None, Some(&site), &NoNetworks).unwrap()
        };
        let mark = |text: &str| site.file_mark(&lacuna_disk::digest(text.as_bytes()));
        let said = |id: &str, keys: &[&str], image: &str| {
            let holds = keys.iter().map(|key| site.subject_key(key)).collect();
            let artefact =
                Artefact { holds, made_of: [mark(image)].into(), ..Artefact::of_file("p", Kind::Prediction) };
            person(id).registered_in(&Entered { entry: PathBuf::new(), site: site.fingerprint(), artefact })
        };
        // Anna's scan is called bert.
        for keys in [&["bert"][..], &["bert", "anna"]] {
            assert_eq!(
                (said("anna", keys, "bert"), said("bert", keys, "bert")),
                (Registered::Holds, Registered::Others)
            );
        }
        assert_eq!(
            (said("bert", &["bert", "s2"], "s2"), said("anna", &["bert", "s2"], "s2")),
            (Registered::Holds, Registered::Others)
        );
        assert_eq!(said("bert", &["bert"], "gone"), Registered::Unknown, "nobody can say which of the two");
        // Whom weights saw is entered by id alone.
        let holds = [site.subject_key("bert")].into();
        let artefact = Artefact { holds, ..Artefact::of_file("m", Kind::Weights) };
        let entered = Entered { entry: PathBuf::new(), site: site.fingerprint(), artefact };
        assert_eq!(
            (person("bert").registered_in(&entered), person("anna").registered_in(&entered)),
            (Registered::Holds, Registered::Others)
        );
    }

    #[test]
    fn a_register_says_holds_forgotten_others_or_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::open_or_create(folder.path()).unwrap();
        let subject = SubjectId::new("anna").unwrap();
        let person = Person::of(&subject, &[], None, Some(&site), &NoNetworks).unwrap();
        let plain = Artefact::of_file("m", Kind::Weights);
        let (anna, other) = (site.subject_key("anna"), site.subject_key("bert"));
        let cases = [
            (Artefact { holds: [anna.clone(), other.clone()].into(), ..plain.clone() }, Registered::Holds),
            (
                Artefact { holds: [other.clone()].into(), forgotten: [anna].into(), ..plain.clone() },
                Registered::Forgotten,
            ),
            (Artefact { holds: [other].into(), ..plain.clone() }, Registered::Others),
            (Artefact { complete: false, ..plain }, Registered::Unknown),
        ];
        for (artefact, expected) in cases {
            let entered = |site: String| Entered { entry: PathBuf::new(), site, artefact: artefact.clone() };
            assert_eq!(person.registered_in(&entered(site.fingerprint())), expected);
            assert_eq!(person.registered_in(&entered("another".to_string())), Registered::Unknown);
        }
    }
}
