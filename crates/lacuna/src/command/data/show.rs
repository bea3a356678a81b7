//! `lacuna data show`: slices of a scan, on the terminal or as a picture.

use crate::arguments::DataArguments;
use crate::confine::folder_of;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::picture::{self, Picture, Plane, Slice};
use crate::png;
use crate::registering;
use clap::Args;
use lacuna_artefacts::Kind;
use lacuna_cohort::{Cohort, Scan, load};
use lacuna_volume::{LabelMap, Volume, canonical_order, reorder};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Show slices of one scan, intensities beside labels
///
/// The subject's left is on the left; the front, or the top, is up.
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna data show heads --scan phantom-003 --plane coronal --png slices.png")]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// The scan; the first one if unsaid
    #[arg(long, value_name = "NAME")]
    scan: Option<String>,
    /// Which way to cut
    #[arg(long, value_enum, default_value = "axial")]
    plane: Plane,
    /// The slice, counted from 0 from the left, the back or below; the middle one if unsaid
    #[arg(long, value_name = "N")]
    slice: Option<usize>,
    /// The channel, counted from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    channel: usize,
    /// Write a montage of slices to this PNG file instead
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
}

impl Arguments {
    /// Beneath which folders something is written.
    pub fn may_write(&self) -> Vec<PathBuf> {
        self.png.iter().map(|file| folder_of(file)).collect()
    }
}

#[derive(Serialize)]
struct Record<'a> {
    scan: &'a str,
    plane: String,
    slices: Vec<usize>,
    #[serde(serialize_with = "lacuna_artefacts::portable::option")]
    png: Option<&'a PathBuf>,
}

/// Slices of a montage.
const MONTAGE: usize = 8;
/// The longer side of a montage's slices, in pixels.
const MONTAGE_PIXELS: usize = 256;
/// The longer side of a slice on a terminal, in characters: two of them fit 160 columns.
const TERMINAL_PIXELS: usize = 72;

/// Look at one scan.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let cohort = arguments.data.open()?;
    let scan = choose(&cohort, arguments.scan.as_deref())?;
    let data = load(scan, &cohort.read)?;
    let image = data.images.get(arguments.channel).ok_or_else(|| CliError::Config {
        what: format!("--channel: expected 0 to {}, found {}", data.images.len() - 1, arguments.channel),
    })?;
    let order = canonical_order(&image.grid().affine);
    let view = View {
        image: reorder(image, &order),
        labels: data.labels.as_ref().map(|labels| reorder(labels, &order)),
        plane: arguments.plane,
    };
    let record = |slices| Record {
        scan: &scan.name,
        plane: format!("{:?}", arguments.plane).to_lowercase(),
        slices,
        png: arguments.png.as_ref(),
    };
    let slices = slices(arguments, &view)?;
    let text = match &arguments.png {
        Some(path) => {
            let site = context.site()?;
            let entry = registering::of_file(path, Kind::Volume);
            let entry = registering::holding(entry, &site, [scan.subject.as_str(), &scan.name]);
            registering::enter(&site, path, &registering::made_of(entry, &site, &scan.images)?)?;
            lacuna_disk::write_bytes(path, &png::encode(&view.montage(&slices)))?;
            format!("{}: {} {} slices of {}\n", path.display(), slices.len(), record(vec![]).plane, scan.name)
        }
        None => view.on_terminal(slices[0]),
    };
    Ok(Outcome::new("data.show", &record(slices), text))
}

fn choose<'a>(cohort: &'a Cohort, name: Option<&str>) -> Result<&'a Scan, CliError> {
    let Some(name) = name else { return Ok(&cohort.scans()[0]) };
    cohort.scans().iter().find(|scan| scan.name == name).ok_or_else(|| {
        let known: Vec<&str> = cohort.scans().iter().map(|scan| scan.name.as_str()).collect();
        CliError::Config { what: format!("--scan: expected one of {}, found {name}", known.join(", ")) }
    })
}

fn slices(arguments: &Arguments, view: &View) -> Result<Vec<usize>, CliError> {
    let count = arguments.plane.slices(&view.image);
    match arguments.slice {
        Some(slice) if slice >= count => {
            Err(CliError::Config { what: format!("--slice: expected 0 to {}, found {slice}", count - 1) })
        }
        Some(slice) => Ok(vec![slice]),
        None => {
            let shown = if arguments.png.is_some() { MONTAGE } else { 1 };
            Ok(picture::evenly(arguments.plane, view.labels.as_ref(), count, shown))
        }
    }
}

/// A scan in canonical orientation, and which way it is cut.
struct View {
    image: Volume,
    labels: Option<LabelMap>,
    plane: Plane,
}

impl View {
    /// Intensities above, labels over them below.
    fn montage(&self, slices: &[usize]) -> Picture {
        let grey = picture::greys(&self.image);
        let cut = |&index: &usize| Slice::new(&self.image, self.plane, index, MONTAGE_PIXELS);
        let plain: Vec<Picture> = slices.iter().map(|index| cut(index).paint(&self.image, &grey)).collect();
        let Some(labels) = &self.labels else { return picture::montage(&[plain]) };
        let labelled = slices
            .iter()
            .zip(&plain)
            .map(|(index, below)| picture::over(below, &cut(index).paint(labels, picture::label_colour)));
        let labelled = labelled.collect();
        picture::montage(&[plain, labelled])
    }

    /// Intensities on the left, labels on the right.
    fn on_terminal(&self, index: usize) -> String {
        let slice = Slice::new(&self.image, self.plane, index, TERMINAL_PIXELS);
        let mut side_by_side = vec![slice.paint(&self.image, picture::greys(&self.image))];
        if let Some(labels) = &self.labels {
            side_by_side.push(slice.paint(labels, picture::label_colour));
        }
        let whole = picture::montage(&[side_by_side]);
        if takes_colour() { picture::half_blocks(&whole) } else { picture::ramp(&whole) }
    }
}

/// Colours only where a person sees them and has not refused them (no-color.org).
fn takes_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
