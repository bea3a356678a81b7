//! Volumes within the page: a scan, its reference labels, and the predictions of models.
//!
//! Slices of a head are personal data as much as the scan is, so two checks decide whose are shown: the caller predicts
//! only permitted subjects, and the page leaves out all others. Volumes are arrays in the order x, y, z of RAS, x
//! fastest.

mod pack;
mod view;

#[cfg(test)]
pub(super) use pack::tests::unpacked as tests_unpacked;
pub(super) use view::{PicturesView, pictures_view};

use crate::{ResultRow, Role};
use std::collections::BTreeSet;

/// The subjects whose slices a page may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// No subject, so the page holds no slices.
    None,
    /// The subjects that no run of the page was asked to forget.
    Others,
    /// All subjects; the page states this.
    All,
}

impl Images {
    /// Whether a subject in this role may be shown, if no run of the page forgets it.
    pub fn shows(self, role: Role) -> bool {
        match self {
            Images::None => false,
            Images::Others => matches!(role, Role::Retain | Role::HeldOut),
            Images::All => true,
        }
    }
}

/// The scans to show on a page.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// The subjects that may be shown.
    pub images: Images,
    /// Names of the classes by number, the background first.
    pub classes: Vec<String>,
    /// The scans, in the order of the page's list.
    pub scans: Vec<Seen>,
    /// The largest number of bytes that they may take within the page.
    pub bytes_max: usize,
    /// Notes on the scans for the reader, or the reason why there are none.
    pub notes: Vec<String>,
}

/// One scan with the predictions of models.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The subject's name in the rows.
    pub subject: String,
    /// The subject's role for the unlearned model.
    pub role: Role,
    /// The numbers of voxels along x, y and z.
    pub dims: [usize; 3],
    /// The voxel size along x, y and z.
    pub spacing_mm: [f64; 3],
    /// The intensity of each voxel.
    pub image: Vec<f32>,
    /// The labelled class of each voxel; 255 counts nowhere.
    pub reference: Vec<u8>,
    /// The predictions of the models.
    pub said: Vec<SaidMap>,
}

impl Pictures {
    /// The subjects whose slices a page of these rows may hold, as rows name them; those that exceed the byte limit are
    /// included.
    pub fn subjects(&self, rows: &[ResultRow]) -> BTreeSet<String> {
        allowed(self, rows).into_iter().map(|seen| seen.subject.clone()).collect()
    }
}

/// The prediction of one model.
#[derive(Clone, Debug)]
pub struct SaidMap {
    /// The kind of model.
    pub kind: ModelKind,
    /// A name that distinguishes it from other models of its kind.
    pub name: String,
    /// The predicted class of each voxel.
    pub classes: Vec<u8>,
}

/// The three kinds of model that a page compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelKind {
    /// Trained on all training subjects.
    Original,
    /// The original after unlearning.
    Unlearned,
    /// Trained without the forgotten subject.
    Retrained,
}

impl ModelKind {
    /// The kind of model in one word.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Original => "original",
            ModelKind::Unlearned => "unlearned",
            ModelKind::Retrained => "retrained",
        }
    }
}

/// The default limit of the bytes that volumes take within a page.
pub const PICTURE_BYTES_MAX: usize = 5_000_000;

impl Seen {
    /// The number of voxels.
    fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// # Panics
    /// If arrays differ in length, which is a fault of the caller.
    fn check(&self) {
        let maps = self.said.iter().map(|said| said.classes.len()).chain([self.image.len(), self.reference.len()]);
        assert!(maps.into_iter().all(|len| len == self.len()), "all arrays of a scan have one value per voxel");
    }
}

/// The scans that a page of these rows may hold.
fn allowed<'a>(pictures: &'a Pictures, rows: &[ResultRow]) -> Vec<&'a Seen> {
    let forgotten: BTreeSet<&str> = rows.iter().map(|row| row.run.forgotten.as_str()).collect();
    let may = |seen: &&Seen| {
        let is_forgotten = forgotten.contains(seen.subject.as_str());
        pictures.images.shows(seen.role) && (pictures.images == Images::All || !is_forgotten)
    };
    pictures.scans.iter().filter(may).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ball in a box, which models see larger and smaller.
    pub(in crate::html) fn seen(subject: &str, role: Role) -> Seen {
        let dims = [12, 10, 8];
        let ball = |radius: f64| -> Vec<u8> {
            let inside = |index: usize| {
                let [x, y, z] = [index % 12, index / 12 % 10, index / 120];
                let from = |value: usize, middle: f64| (value as f64 - middle).powi(2);
                from(x, 5.5) + from(y, 4.5) + from(z, 3.5) <= radius * radius
            };
            (0..960).map(|index| u8::from(inside(index))).collect()
        };
        let said = |kind, name: &str, radius| SaidMap { kind, name: name.to_string(), classes: ball(radius) };
        Seen {
            subject: subject.to_string(),
            role,
            dims,
            spacing_mm: [1.0, 1.0, 2.0],
            image: (0..960).map(|index| (index % 97) as f32).collect(),
            reference: ball(3.0),
            said: vec![
                said(ModelKind::Original, "", 3.0),
                said(ModelKind::Unlearned, "noisy-label", 2.0),
                said(ModelKind::Retrained, "", 2.5),
            ],
        }
    }

    pub(in crate::html) fn pictures(images: Images, scans: Vec<Seen>) -> Pictures {
        let classes = ["background", "brain"].map(String::from).to_vec();
        Pictures { images, classes, scans, bytes_max: PICTURE_BYTES_MAX, notes: Vec::new() }
    }

    #[test]
    fn whoever_is_forgotten_in_any_role_is_shown_only_if_all_are_asked_for() {
        let rows = crate::fixture::study();
        let scans = || {
            vec![seen("sub-01", Role::Forget), seen("sub-02", Role::ForgottenEarlier), seen("unseen", Role::HeldOut)]
        };
        let shown = |images| allowed(&pictures(images, scans()), &rows).len();
        assert_eq!([Images::None, Images::Others, Images::All].map(shown), [0, 1, 3]);
        // Retained in the run that was asked, and forgotten by another run of the same page.
        let retained = pictures(Images::Others, vec![seen("sub-01", Role::Retain)]);
        assert!(allowed(&retained, &rows).is_empty());
    }
}
