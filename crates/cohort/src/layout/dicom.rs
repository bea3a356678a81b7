//! Recognises a DICOM file by its first bytes, so that it can be refused by name. Nothing else of DICOM is read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A kind of DICOM file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dicom {
    Image,
    Segmentation,
    Structures,
}

/// The classes of objects that hold labels. Source: DICOM PS3.4, table B.5-1.
const LABELS: [(&[u8], Dicom); 4] = [
    (b"1.2.840.10008.5.1.4.1.1.66.4", Dicom::Segmentation),
    (b"1.2.840.10008.5.1.4.1.1.66.5", Dicom::Segmentation),
    (b"1.2.840.10008.5.1.4.1.1.66.7", Dicom::Segmentation),
    (b"1.2.840.10008.5.1.4.1.1.481.3", Dicom::Structures),
];

/// The class stands in the first group of elements, behind 132 bytes.
const LOOKED_AT_BYTES: u64 = 1024;

impl Dicom {
    pub fn is_segmentation(self) -> bool {
        self != Dicom::Image
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Dicom::Image => "a DICOM image, and no DICOM is read",
            Dicom::Segmentation => "a DICOM segmentation (SEG), and no DICOM is read",
            Dicom::Structures => "DICOM contours (RTSTRUCT), and no DICOM is read",
        }
    }

    pub fn fix(self) -> &'static str {
        match self {
            Dicom::Image => "convert the series with dcm2niix, then move the DICOM files elsewhere",
            Dicom::Segmentation => {
                "convert it to one label map on the image's grid, for example with segimage2itkimage of dcmqi and \
                 --mergeSegments, then move it elsewhere"
            }
            Dicom::Structures => {
                "convert it to one label map on the image's grid, for example with dcmrtstruct2nii or plastimatch \
                 convert, then move it elsewhere"
            }
        }
    }
}

/// What a file is, if it is DICOM; a file that cannot be read is none.
pub(super) fn kind_of(path: &Path) -> Option<Dicom> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LOOKED_AT_BYTES).read_to_end(&mut bytes).ok()?;
    if bytes.get(128..132)? != b"DICM" {
        return None;
    }
    let holds = |uid: &[u8]| {
        let ends = |at: usize| bytes.get(at + uid.len()).is_none_or(|next| !next.is_ascii_digit() && *next != b'.');
        bytes.windows(uid.len()).enumerate().any(|(at, window)| window == uid && ends(at))
    };
    let labels = LABELS.iter().find(|(uid, _)| holds(uid));
    Some(labels.map_or(Dicom::Image, |(_, kind)| *kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(head: &[u8], class: &str) -> Option<Dicom> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("IM1");
        lacuna_disk::write_bytes(
            &file,
            &[&[0; 128], head, b"\x02\0\x02\0UI\x1c\0", class.as_bytes(), b"\0\x02\0"].concat(),
        )
        .unwrap();
        kind_of(&file)
    }

    #[test]
    fn segmentations_and_contours_are_known_by_their_class() {
        assert_eq!(kind(b"DICM", "1.2.840.10008.5.1.4.1.1.66.4"), Some(Dicom::Segmentation));
        assert_eq!(kind(b"DICM", "1.2.840.10008.5.1.4.1.1.481.3"), Some(Dicom::Structures));
        // Of an MR image, and of a class whose number only begins like that of a segmentation.
        assert_eq!(kind(b"DICM", "1.2.840.10008.5.1.4.1.1.4"), Some(Dicom::Image));
        assert_eq!(kind(b"DICM", "1.2.840.10008.5.1.4.1.1.66.40"), Some(Dicom::Image));
        assert_eq!(kind(b"TEXT", "1.2.840.10008.5.1.4.1.1.66.4"), None);
        assert_eq!(kind_of(Path::new("/nowhere/IM1")), None);
    }
}
