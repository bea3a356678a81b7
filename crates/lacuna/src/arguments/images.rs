//! Whose slices the report holds.

use clap::{Args, ValueEnum};
use lacuna_report::html::{Images, PICTURE_BYTES_MAX};

/// Whose slices the report holds.
#[derive(Args, Default)]
pub struct ImageArguments {
    /// Whose slices the report holds [default: others, where that takes no training; none with pseudonyms, and of
    /// `lacuna report`]
    #[arg(long, value_enum, value_name = "WHOSE", help_heading = "The report")]
    images: Option<ImagesChoice>,
    /// The most megabytes that slices take in the report; they are shown coarser or left out beyond it
    #[arg(long, value_name = "MB", value_parser = megabytes, help_heading = "The report")]
    images_mb: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImagesChoice {
    /// No slices at all
    None,
    /// Of subjects that are not forgotten by any run of the report
    Others,
    /// Of all subjects: the report is then data of the forgotten subjects, and to be deleted with them
    All,
}

impl ImageArguments {
    pub fn of(choice: ImagesChoice) -> ImageArguments {
        ImageArguments { images: Some(choice), images_mb: None }
    }

    /// The choice for the report. A head can be recognised, so with pseudonyms no slices are shown unless asked for.
    pub fn images(&self, pseudonyms: bool) -> Images {
        match self.images {
            Some(ImagesChoice::None) => Images::None,
            Some(ImagesChoice::Others) => Images::Others,
            Some(ImagesChoice::All) => Images::All,
            None if pseudonyms => Images::None,
            None => Images::Others,
        }
    }

    /// Whether an option on images is given.
    pub fn is_stated(&self) -> bool {
        self.images.is_some()
    }

    pub fn bytes_max(&self) -> usize {
        self.images_mb.map_or(PICTURE_BYTES_MAX, |megabytes| (megabytes * 1e6) as usize)
    }
}

fn megabytes(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|mb: &f64| (0.0..=1000.0).contains(mb));
    number.ok_or_else(|| format!("expected megabytes from 0 to 1000, found `{text}`"))
}
