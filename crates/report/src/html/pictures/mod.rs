//! Volumes within the page: a scan, its reference, and what models say of it.
//!
//! Slices of a head are that person's data as much as the scan is, so who may be shown is decided twice: by the caller,
//! who asks models of those alone, and here, where a page leaves out whoever it should not hold. Volumes come as
//! arrays in the order x, y, z of RAS, x fastest; where they came from is the caller's.

mod pack;
mod view;

#[cfg(test)]
pub(super) use pack::tests::unpacked as tests_unpacked;
pub(super) use view::{PicturesView, pictures_view};

use crate::{ResultRow, Role};
use std::collections::BTreeSet;

/// Whose slices a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// Nobody's.
    None,
    /// Of those whom no run of the page was asked to forget.
    Others,
    /// Everybody's; the page says so.
    All,
}

impl Images {
    /// Whether somebody in this role may be shown, if no run of the page forgets them.
    pub fn shows(self, role: Role) -> bool {
        match self {
            Images::None => false,
            Images::Others => matches!(role, Role::Retain | Role::HeldOut),
            Images::All => true,
        }
    }
}

/// Scans to look at.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Whose.
    pub images: Images,
    /// Names of the classes by number, the background first.
    pub classes: Vec<String>,
    /// The scans, in the order in which they are offered.
    pub scans: Vec<Seen>,
    /// The most bytes that they may take within the page.
    pub bytes_max: usize,
    /// What a reader should know of them, or why there are none.
    pub notes: Vec<String>,
}

/// One scan and what models say of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Whose, as rows have it.
    pub subject: String,
    /// What the unlearned model knows of them.
    pub role: Role,
    /// Voxels along x, y and z.
    pub dims: [usize; 3],
    /// Edges of a voxel along them.
    pub spacing_mm: [f64; 3],
    /// Intensities.
    pub image: Vec<f32>,
    /// Classes as labelled; 255 counts nowhere.
    pub reference: Vec<u8>,
    /// Classes as models have them.
    pub said: Vec<SaidMap>,
}

impl Pictures {
    /// Whose slices a page of these rows holds, as rows call them; one that does not fit the budget is counted too.
    pub fn subjects(&self, rows: &[ResultRow]) -> BTreeSet<String> {
        allowed(self, rows).into_iter().map(|seen| seen.subject.clone()).collect()
    }
}

/// What one model says.
#[derive(Clone, Debug)]
pub struct SaidMap {
    /// Which of the three it is.
    pub kind: ModelKind,
    /// What tells it from others of its kind.
    pub name: String,
    /// A class for each voxel.
    pub classes: Vec<u8>,
}

/// The three kinds of model that a page compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelKind {
    /// Trained on everybody.
    Original,
    /// After unlearning.
    Unlearned,
    /// Trained without the forgotten.
    Retrained,
}

impl ModelKind {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            ModelKind::Original => "original",
            ModelKind::Unlearned => "unlearned",
            ModelKind::Retrained => "retrained",
        }
    }
}

/// The most bytes that volumes take within a page, unless somebody says otherwise.
pub const PICTURE_BYTES_MAX: usize = 5_000_000;

impl Seen {
    /// Voxels.
    fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// # Panics
    /// If arrays differ in length, which only their maker can cause.
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
            let inside = |place: usize| {
                let [x, y, z] = [place % 12, place / 12 % 10, place / 120];
                let from = |value: usize, middle: f64| (value as f64 - middle).powi(2);
                from(x, 5.5) + from(y, 4.5) + from(z, 3.5) <= radius * radius
            };
            (0..960).map(|place| u8::from(inside(place))).collect()
        };
        let said = |kind, name: &str, radius| SaidMap { kind, name: name.to_string(), classes: ball(radius) };
        Seen {
            subject: subject.to_string(),
            role,
            dims,
            spacing_mm: [1.0, 1.0, 2.0],
            image: (0..960).map(|place| (place % 97) as f32).collect(),
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
