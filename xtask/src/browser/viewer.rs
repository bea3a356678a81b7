//! Checks that the viewer follows mouse and keys, and shows the values of the volumes.

use super::chromium::Tab;
use crate::Failure;
use lacuna_report::html::{ModelKind, Pictures, Seen};

/// The axes across, up and through each plane.
const PLANES: [(&str, [usize; 3]); 3] = [("axial", [0, 1, 2]), ("coronal", [0, 2, 1]), ("sagittal", [1, 2, 0])];

/// Makes all checks of the viewer; returns their number.
pub fn check_viewer(tab: &mut Tab<'_>, pictures: &Pictures) -> Result<usize, Failure> {
    let mut looked = 0;
    tab.evaluate("document.getElementById('tab-images').click()")?;
    tab.until("!document.getElementById('viewer').hidden")?;
    for (index, seen) in pictures.scans.iter().enumerate() {
        choose(tab, "scan", index)?;
        tab.until(&format!("document.querySelector('[data-part=scan]').value === '{index}' && document.getElementById('viewer-state').textContent === ''"))?;
        for unlearned in 0..2 {
            choose(tab, "unlearned", unlearned)?;
            for (plane, axes) in PLANES {
                tab.evaluate(&format!("document.querySelector('[data-plane={plane}]').click()"))?;
                looked += check_plane(tab, pictures, seen, unlearned, axes)?;
            }
        }
    }
    looked += check_keys(tab, pictures.scans.last().ok_or("no scan")?)?;
    Ok(looked + check_pointer(tab)? + check_colours(tab, pictures)?)
}

fn choose(tab: &mut Tab<'_>, part: &str, index: usize) -> Result<(), Failure> {
    tab.evaluate(&format!(
        "{{ const list = document.querySelector('[data-part={part}]'); list.value = '{index}'; \
         list.dispatchEvent(new Event('change')); }}"
    ))?;
    Ok(())
}

/// Checks the slice of the largest change, and the values shown for its middle voxel.
fn check_plane(
    tab: &mut Tab<'_>,
    pictures: &Pictures,
    seen: &Seen,
    unlearned: usize,
    [across, up, through]: [usize; 3],
) -> Result<usize, Failure> {
    tab.evaluate("document.querySelector('[data-part=jump]').click()")?;
    let [nx, ny, _] = seen.dims;
    let original = &said(seen, ModelKind::Original)[0];
    let after = said(seen, ModelKind::Unlearned)[unlearned];
    let voxel = |index: usize| [index % nx, index / nx % ny, index / (nx * ny)];
    let mut changes = vec![0usize; seen.dims[through]];
    for index in (0..after.len()).filter(|&index| original[index] != after[index]) {
        changes[voxel(index)[through]] += 1;
    }
    let most = *changes.iter().max().ok_or("an empty axis")?;
    let slice = changes.iter().position(|&count| count == most).ok_or("no slice")?;
    let own: Vec<[usize; 3]> = (0..after.len())
        .filter(|&index| original[index] != after[index])
        .map(voxel)
        .filter(|voxel| voxel[through] == slice)
        .collect();
    let middle = |axis: usize| {
        let sum: usize = own.iter().map(|voxel| voxel[axis]).sum();
        // Rounds as JavaScript does.
        (sum as f64 / own.len() as f64 + 0.5).floor() as usize
    };
    let mut cross = [0; 3];
    (cross[across], cross[up], cross[through]) = (middle(across), middle(up), slice);
    let index = cross[0] + nx * (cross[1] + ny * cross[2]);
    let class = |map: &[u8]| &pictures.classes[usize::from(map[index])];
    let expected = [
        format!("{}, {}, {}:", cross[0] + 1, cross[1] + 1, cross[2] + 1),
        format!("reference {}", class(&seen.reference)),
        format!("original {}", class(original)),
        format!("unlearned {}", class(after)),
        format!("retrained {}", class(said(seen, ModelKind::Retrained)[0])),
        format!("{most} voxels of this slice differ"),
    ];
    let found = tab.evaluate("document.querySelector('[data-part=probe]').textContent")?;
    let found = found.as_str().unwrap_or_default();
    for words in &expected {
        if !found.contains(words.as_str()) {
            return Err(format!("the viewer says `{found}`, expected `{words}`").into());
        }
    }
    Ok(expected.len())
}

fn said(seen: &Seen, kind: ModelKind) -> Vec<&Vec<u8>> {
    seen.said.iter().filter(|said| said.kind == kind).map(|said| &said.classes).collect()
}

/// Keys move, turn, and change the settings.
fn check_keys(tab: &mut Tab<'_>, seen: &Seen) -> Result<usize, Failure> {
    tab.evaluate("document.getElementById('viewer').focus()")?;
    let slice = "Number(document.querySelector('[data-part=slice]').value)";
    let plane = "document.querySelector('[data-plane][aria-pressed=true]').dataset.plane";
    let checks: [(&str, &str, serde_json::Value); 9] = [
        ("1", plane, "axial".into()),
        ("2", plane, "coronal".into()),
        ("3", plane, "sagittal".into()),
        ("PageDown", plane, "sagittal".into()),
        ("x", "document.querySelector('[data-part=cross]').checked", false.into()),
        ("+", "document.querySelector('[data-part=opacity]').value", "65".into()),
        ("[", "document.querySelector('[data-part=window]').value", "245".into()),
        (".", "document.querySelector('[data-part=level]').value", "133".into()),
        ("r", "document.querySelector('[data-part=window]').value", "255".into()),
    ];
    for (key, asked, expected) in &checks {
        tab.key(key)?;
        let found = tab.evaluate(asked)?;
        if found != *expected {
            return Err(format!("after the key {key} {asked} is {found}, expected {expected}").into());
        }
    }
    tab.key("1")?;
    let before = tab.evaluate(slice)?.as_i64().unwrap_or(-1);
    let last = seen.dims[2] as i64 - 1;
    for (key, by) in [("ArrowUp", 1), ("ArrowDown", -1), ("PageUp", 10)] {
        let from = tab.evaluate(slice)?.as_i64().unwrap_or(-1);
        tab.key(key)?;
        let (found, expected) = (tab.evaluate(slice)?.as_i64().unwrap_or(-1), (from + by).clamp(0, last));
        if found != expected {
            return Err(format!("after {key} from slice {before} the viewer is at {found}, expected {expected}").into());
        }
    }
    Ok(checks.len() + 3)
}

/// A drag moves through the slices, a tap sets the cross, the wheel moves on.
fn check_pointer(tab: &mut Tab<'_>) -> Result<usize, Failure> {
    tab.evaluate("document.querySelector('[data-pane=unlearned]').scrollIntoView({ block: 'center' })")?;
    let [x, y, width, height] = tab.rectangle_of("[data-pane=unlearned]")?;
    let slice = "Number(document.querySelector('[data-part=slice]').value)";
    let probe = "document.querySelector('[data-part=probe]').textContent";
    tab.evaluate("document.querySelector('[data-plane=axial]').click()")?;
    tab.key("r")?;
    let from = tab.evaluate(slice)?.as_i64().unwrap_or(-1);
    let middle = [x + width / 2.0, y + height / 2.0];
    tab.drag(middle, [middle[0] - width / 4.0, middle[1]])?;
    let to = tab.evaluate(slice)?.as_i64().unwrap_or(-1);
    if to >= from {
        return Err(format!("a drag to the left went from slice {from} to {to}").into());
    }
    // A quarter of the way across, three quarters of the way up.
    tab.click([x + width * 0.25, y + height * 0.25])?;
    let found = tab.evaluate(probe)?;
    let dims = tab.evaluate("JSON.parse(document.getElementById('scans').textContent).scans[0].dims")?;
    let at = |axis: usize, share: f64| (dims[axis].as_f64().unwrap_or(0.0) * share) as i64 + 1;
    let expected = format!("{}, {}, {}:", at(0, 0.25), at(1, 0.75), to + 1);
    if !found.as_str().unwrap_or_default().starts_with(&expected) {
        return Err(format!("a tap set the cross to `{found}`, expected {expected}").into());
    }
    tab.wheel(middle, -100.0)?;
    let turned = tab.evaluate(slice)?.as_i64().unwrap_or(-1);
    if turned != to + 1 {
        return Err(format!("the wheel went from slice {to} to {turned}").into());
    }
    Ok(3)
}

/// At full opacity a pane has the colours of its classes, without overlay greys alone.
fn check_colours(tab: &mut Tab<'_>, pictures: &Pictures) -> Result<usize, Failure> {
    tab.evaluate("document.getElementById('viewer').focus(); document.querySelector('[data-part=jump]').click()")?;
    tab.key("r")?;
    tab.key("x")?;
    tab.evaluate(
        "{ const range = document.querySelector('[data-part=opacity]'); range.value = 100; range.dispatchEvent(new Event('input')); }",
    )?;
    let colours = "(() => {
        const canvas = document.querySelector('[data-pane=reference]');
        const data = canvas.getContext('2d').getImageData(0, 60, canvas.width, canvas.height - 120).data;
        const found = new Set();
        for (let place = 0; place < data.length; place += 4) {
          if (data[place] !== data[place + 1] || data[place] !== data[place + 2]) found.add([data[place], data[place + 1], data[place + 2]].join());
        }
        return [...found].filter(colour => ['230,159,0', '86,180,233', '0,158,115'].includes(colour)).length;
      })()";
    let found = tab.evaluate(colours)?;
    let expected = pictures.classes.len() as i64 - 1;
    if found != expected {
        return Err(format!("the reference pane has {found} of its {expected} colours").into());
    }
    tab.evaluate("document.getElementById('viewer').focus()")?;
    tab.key("o")?;
    let found = tab.evaluate(colours)?;
    if found != 0 {
        return Err(format!("without overlay {found} colours are left").into());
    }
    tab.key("r")?;
    Ok(2)
}
