//! Scans in the form that the page's viewer reads: their description as JSON, and their voxels as text.

use super::pack::{Packed, pack};
use super::{Images, ModelKind, Pictures, Seen, allowed};
use crate::ResultRow;
use crate::html::chart::role;
use crate::html::island::inert;
use serde_json::json;

/// The values that the template shows.
pub(in crate::html) struct PicturesView {
    /// The description of the scans as JSON, for a data block.
    pub(in crate::html) about: String,
    /// The voxels of each scan, as base64 text.
    pub(in crate::html) volumes: Vec<String>,
    /// The scans, as the list shows them.
    pub(in crate::html) scans: Vec<String>,
    /// The classes without the background, with the numbers of their colours.
    pub(in crate::html) classes: Vec<(usize, String)>,
    /// The panes, by their element of the page, in order.
    pub(in crate::html) panes: Vec<(&'static str, &'static str)>,
    /// The unlearned models to choose from.
    pub(in crate::html) unlearned: Vec<String>,
    /// The maps that a difference can be shown against.
    pub(in crate::html) against: Vec<(&'static str, &'static str)>,
    pub(in crate::html) notes: Vec<String>,
    /// Whether forgotten subjects may be among the scans.
    pub(in crate::html) is_all: bool,
}

/// The number of colours; further classes share them.
const COLOURS: usize = 8;

/// The scans that a page of these rows may hold, within the byte limit, with subjects named by `call`; `None` if none
/// were asked for.
pub(in crate::html) fn pictures_view(
    pictures: &Pictures,
    rows: &[ResultRow],
    call: &dyn Fn(&str) -> String,
) -> Option<PicturesView> {
    let scans = allowed(pictures, rows);
    if pictures.images == Images::None {
        return None;
    }
    let share = pictures.bytes_max / scans.len().max(1);
    let mut notes = pictures.notes.clone();
    let mut shown: Vec<(&Seen, Packed)> = Vec::new();
    for seen in scans {
        match pack(seen, share) {
            Some(packed) => shown.push((seen, packed)),
            None => notes.push(format!(
                "{}: left out, since even blocks of 4 x 4 x 4 voxels take more than its share of {} kB.",
                call(&seen.subject),
                share / 1000
            )),
        }
    }
    let coarse = |(seen, packed): &(&Seen, Packed)| {
        (packed.factor > 1).then(|| {
            let [x, y, z] = seen.dims;
            let (name, factor) = (call(&seen.subject), packed.factor);
            format!(
                "{name}: {x} x {y} x {z} voxels, shown in blocks of {factor} x {factor} x {factor} for want of room."
            )
        })
    };
    notes.extend(shown.iter().filter_map(coarse));
    let first = shown.first().map(|(seen, _)| *seen);
    let has = |kind: ModelKind| first.is_some_and(|seen| seen.said.iter().any(|said| said.kind == kind));
    let kinds: Vec<ModelKind> = [ModelKind::Original, ModelKind::Unlearned, ModelKind::Retrained]
        .into_iter()
        .filter(|&kind| has(kind))
        .collect();
    let panes = [("image", "Image"), ("reference", "Reference")]
        .into_iter()
        .chain(kinds.iter().map(|kind| match kind {
            ModelKind::Original => ("original", "Original"),
            ModelKind::Unlearned => ("unlearned", "Unlearned"),
            ModelKind::Retrained => ("retrained", "Retrained"),
        }))
        .chain([("difference", "Difference")])
        .collect();
    let against = kinds
        .iter()
        .filter_map(|kind| match kind {
            ModelKind::Original => Some(("original", "unlearned, compared with original")),
            ModelKind::Retrained => Some(("retrained", "unlearned, compared with retrained")),
            ModelKind::Unlearned => None,
        })
        .chain([("reference", "unlearned, compared with reference")])
        .collect();
    let unlearned = |seen: &Seen| {
        let own = seen.said.iter().filter(|said| said.kind == ModelKind::Unlearned);
        own.map(|said| said.name.clone()).collect::<Vec<_>>()
    };
    let about: Vec<_> = shown.iter().map(|(seen, packed)| about(seen, packed, call(&seen.subject))).collect();
    Some(PicturesView {
        about: inert(&json!({ "classes": pictures.classes, "scans": about }).to_string()),
        scans: shown.iter().map(|(seen, _)| format!("{} ({})", call(&seen.subject), role(seen.role))).collect(),
        volumes: shown.into_iter().map(|(_, packed)| packed.base64).collect(),
        classes: (1..pictures.classes.len())
            .map(|class| ((class - 1) % COLOURS, pictures.classes[class].clone()))
            .collect(),
        panes,
        unlearned: first.map(unlearned).unwrap_or_default(),
        against,
        notes,
        is_all: pictures.images == Images::All,
    })
}

fn about(seen: &Seen, packed: &Packed, name: String) -> serde_json::Value {
    let maps: Vec<_> = seen.said.iter().map(|said| json!({ "kind": said.kind.name(), "name": said.name })).collect();
    json!({
        "name": name,
        "dims": packed.dims,
        "spacing_mm": packed.spacing_mm,
        "greys": packed.greys,
        "maps": maps,
    })
}
