//! How bright each tissue is in each sequence.
//!
//! Brightness is relative: 1 is about the brightest tissue of the head. The numbers are
//! chosen by eye after 3 T images of the sequences in MRBrainS18 (Kuijf and others, "MR Brain
//! Segmentation Challenge 2018 Data", 2018); they reproduce the order of the tissues and
//! roughly their ratios, not any scanner's physics.

use super::tissue::Tissue;
use serde::{Deserialize, Serialize};

/// A magnetic resonance sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Contrast {
    /// T1-weighted: white matter bright, fluid dark.
    T1,
    /// T1-weighted inversion recovery: fluid bright, grey matter dark.
    Ir,
    /// Fluid-attenuated inversion recovery: grey matter above white matter, lesions brightest, fluid dark.
    Flair,
}

impl Contrast {
    /// The name used for files and channels: `T1`, `IR`, `FLAIR`.
    pub fn name(self) -> &'static str {
        match self {
            Contrast::T1 => "T1",
            Contrast::Ir => "IR",
            Contrast::Flair => "FLAIR",
        }
    }

    /// Relative brightness of a tissue, 0 (no signal) to 1.
    pub(super) fn brightness(self, tissue: Tissue) -> f64 {
        let [t1, ir, flair] = brightness_per_contrast(tissue);
        match self {
            Contrast::T1 => t1,
            Contrast::Ir => ir,
            Contrast::Flair => flair,
        }
    }
}

/// Brightness in T1, IR and FLAIR.
fn brightness_per_contrast(tissue: Tissue) -> [f64; 3] {
    match tissue {
        Tissue::Air => [0.0, 0.0, 0.0],
        Tissue::Bone => [0.07, 0.08, 0.06],
        Tissue::Marrow => [0.42, 0.30, 0.28],
        Tissue::Fat => [0.88, 0.75, 0.70],
        Tissue::Skin => [0.48, 0.40, 0.42],
        Tissue::Muscle => [0.36, 0.34, 0.32],
        Tissue::Eye => [0.15, 0.80, 0.10],
        Tissue::Fluid => [0.14, 0.92, 0.08],
        Tissue::CorticalGrey => [0.49, 0.26, 0.58],
        Tissue::DeepGrey => [0.55, 0.30, 0.54],
        Tissue::Pallidum => [0.65, 0.38, 0.47],
        Tissue::White => [0.72, 0.48, 0.44],
        Tissue::WhiteLesion => [0.52, 0.42, 0.86],
        Tissue::CerebellarGrey => [0.48, 0.27, 0.56],
        Tissue::CerebellarWhite => [0.69, 0.46, 0.45],
        Tissue::BrainStem => [0.66, 0.44, 0.47],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sequence_orders_the_tissues_as_its_name_promises() {
        let [t1, ir, flair] =
            [Contrast::T1, Contrast::Ir, Contrast::Flair].map(|contrast| move |t| contrast.brightness(t));
        use Tissue::{CorticalGrey as Grey, Fluid, White, WhiteLesion as Lesion};
        assert!(t1(White) > t1(Grey) && t1(Grey) > t1(Fluid), "T1");
        assert!(ir(Fluid) > ir(White) && ir(White) > ir(Grey), "IR");
        assert!(flair(Lesion) > flair(Grey) && flair(Grey) > flair(White) && flair(White) > flair(Fluid), "FLAIR");
    }
}
