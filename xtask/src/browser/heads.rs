//! Synthetic scans by formula, so that the viewer's content can be computed: nested ellipsoids, which the models
//! predict with other sizes.

use lacuna_report::html::{Images, ModelKind, PICTURE_BYTES_MAX, Pictures, SaidMap, Seen};
use lacuna_report::{ResultRow, Role};
use std::collections::{BTreeMap, BTreeSet};

const DIMS: [usize; 3] = [72, 88, 60];

/// One scan of each of two subjects that no run forgets.
pub fn pictures(rows: &[ResultRow]) -> Pictures {
    let forgotten: BTreeSet<&str> = rows.iter().map(|row| row.run.forgotten.as_str()).collect();
    let people: BTreeMap<&str, Role> = rows
        .iter()
        .filter_map(ResultRow::scored)
        .filter(|scored| !forgotten.contains(scored.subject.as_str()))
        .map(|scored| (scored.subject.as_str(), scored.role))
        .collect();
    Pictures {
        images: Images::Others,
        classes: ["background", "fluid", "grey matter", "white matter"].map(String::from).to_vec(),
        scans: people.into_iter().take(2).map(|(subject, role)| seen(subject, role)).collect(),
        bytes_max: PICTURE_BYTES_MAX,
        notes: vec!["These heads are formulas, made to check the page.".to_string()],
    }
}

fn seen(subject: &str, role: Role) -> Seen {
    let said = |kind, name: &str, size| SaidMap { kind, name: name.to_string(), classes: classes(size) };
    let reference = classes(1.0);
    let grey = |(index, &class): (usize, &u8)| {
        let texture = (index * 7919 % 31) as f32;
        [4.0, 60.0, 130.0, 200.0][usize::from(class)] + texture
    };
    Seen {
        subject: subject.to_string(),
        role,
        dims: DIMS,
        spacing_mm: [2.0, 2.0, 2.5],
        image: reference.iter().enumerate().map(grey).collect(),
        said: vec![
            said(ModelKind::Original, "", 1.02),
            said(ModelKind::Unlearned, "noisy-label, 20 epochs", 0.9),
            said(ModelKind::Unlearned, "atlas-matching, 7 epochs", 0.97),
            said(ModelKind::Retrained, "", 0.98),
        ],
        reference,
    }
}

/// The class of each voxel of a head of this size.
fn classes(size: f64) -> Vec<u8> {
    let [nx, ny, nz] = DIMS;
    let class = |index: usize| {
        let voxel = [index % nx, index / nx % ny, index / (nx * ny)];
        let from = |axis: usize| (voxel[axis] as f64 + 0.5) / DIMS[axis] as f64 * 2.0 - 1.0;
        let [x, y, z] = [0, 1, 2].map(from);
        let fold = 0.06 * (9.0 * x).sin() * (8.0 * y).cos() * (7.0 * z).cos();
        let radius = (x * x + y * y + z * z).sqrt() / size + fold;
        match radius {
            r if r < 0.16 => 1,
            r if r < 0.6 => 3,
            r if r < 0.74 => 2,
            r if r < 0.82 => 1,
            _ => 0,
        }
    };
    (0..nx * ny * nz).map(class).collect()
}
