//! What a point of the head is made of, and how the atlas numbers it.

/// A material with one brightness per contrast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tissue {
    Air,
    Bone,
    Marrow,
    Fat,
    Skin,
    Muscle,
    Eye,
    Fluid,
    CorticalGrey,
    DeepGrey,
    Pallidum,
    White,
    WhiteLesion,
    CerebellarGrey,
    CerebellarWhite,
    BrainStem,
}

/// Numbers of MRBrainS18.
pub(super) mod label {
    pub(in crate::phantom) const BACKGROUND: u16 = 0;
    pub(in crate::phantom) const CORTICAL_GREY: u16 = 1;
    pub(in crate::phantom) const BASAL_GANGLIA: u16 = 2;
    pub(in crate::phantom) const WHITE: u16 = 3;
    pub(in crate::phantom) const WHITE_LESION: u16 = 4;
    pub(in crate::phantom) const EXTRACEREBRAL_CSF: u16 = 5;
    pub(in crate::phantom) const VENTRICLES: u16 = 6;
    pub(in crate::phantom) const CEREBELLUM: u16 = 7;
    pub(in crate::phantom) const BRAIN_STEM: u16 = 8;
    /// How many numbers the phantom uses, background included.
    pub(in crate::phantom) const COUNT: usize = 9;
}

/// One point of a head: what the scanner sees there, and what the rater writes.
///
/// They are separate because raters follow conventions: the fluid between the folia is
/// cerebellum, and fluid is a ventricle or not by where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) tissue: Tissue,
    pub(super) label: u16,
}

impl Spot {
    pub(super) fn new(tissue: Tissue, label: u16) -> Spot {
        Spot { tissue, label }
    }

    /// A point outside the dura.
    pub(super) fn outside(tissue: Tissue) -> Spot {
        Spot { tissue, label: label::BACKGROUND }
    }
}
