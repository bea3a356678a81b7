//! Surface areas, which weight the surface Dice of Nikolov et al.
//!
//! Between eight neighbouring voxel centres the surface of a mask consists of triangles whose corners are the midpoints
//! of the edges between an inside and an outside voxel, as in marching cubes. Each group of eight voxels has the area
//! of its triangles as its weight, and its position is used for distances.
//!
//! Two choices in such a surface are made as in surface-distance 0.1, whose figures are in common use. On a face whose
//! inside corners are diagonally opposite, the corners of the less frequent kind are separated. A loop that is not
//! planar is divided into the triangles of largest area for cubic voxels.
//!
//! Sources: S. Nikolov et al., "Clinically Applicable Segmentation of Head and Neck Anatomy for Radiotherapy",
//! J Med Internet Res 23(7), 2021, e26151; W. E. Lorensen and H. E. Cline, "Marching cubes", Computer Graphics 21(4),
//! 1987.

use crate::distance_transform::squared_distances;
use crate::surface::{Masks, Side, positions, within_tolerance};
use std::ops::Range;
use std::sync::LazyLock;

/// A point between eight voxel centres, in voxels.
type Point = [f64; 3];

/// The area in mm² of the surface between eight voxels, by which of them are inside: bit `4 x + 2 y + z` of the index.
pub(crate) struct ElementAreas([f64; 256]);

/// The areas in mm² of two surfaces, and of their parts near the other surface.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct NearAreas {
    pub near_mm2: f64,
    pub all_mm2: f64,
}

static TRIANGLES: LazyLock<Vec<Vec<[Point; 3]>>> = LazyLock::new(|| (0..=255).map(triangles).collect());

impl ElementAreas {
    /// Computes the areas for voxels of this spacing in mm.
    pub fn new(spacing_mm: [f64; 3]) -> ElementAreas {
        let in_mm = |point: &Point| [0, 1, 2].map(|axis| point[axis] * spacing_mm[axis]);
        let area =
            |triangles: &Vec<[Point; 3]>| triangles.iter().map(|corners| area(&corners.each_ref().map(in_mm))).sum();
        ElementAreas(std::array::from_fn(|code| area(&TRIANGLES[code])))
    }

    /// Returns, within a box that contains both masks, the area of both surfaces that lies within a tolerance of the
    /// other.
    pub fn near(&self, masks: &Masks, within: &[Range<usize>; 3], tolerance_mm: f64) -> NearAreas {
        let lattice = within.clone().map(|range| range.start..range.end + 1);
        let dims = lattice.clone().map(|range| range.len());
        let codes = |side| -> Vec<u8> { positions(lattice.clone()).map(|at| masks.code(side, at)).collect() };
        let (prediction, truth) = (codes(Side::Prediction), codes(Side::Truth));
        let mut areas = NearAreas::default();
        for (from, to) in [(&prediction, &truth), (&truth, &prediction)] {
            let sites: Vec<bool> = to.iter().map(|&code| is_surface(code)).collect();
            let squared = squared_distances(&sites, dims, masks.spacing_mm());
            // One sum for each side, so that exchanging the two masks changes no bit.
            let mut side = NearAreas::default();
            for (&code, squared) in from.iter().zip(squared).filter(|(code, _)| is_surface(**code)) {
                let area = self.0[usize::from(code)];
                side.all_mm2 += area;
                side.near_mm2 += if within_tolerance(squared.sqrt(), tolerance_mm) { area } else { 0.0 };
            }
            areas.all_mm2 += side.all_mm2;
            areas.near_mm2 += side.near_mm2;
        }
        areas
    }
}

fn is_surface(code: u8) -> bool {
    code != 0 && code != u8::MAX
}

/// Returns a corner of the cube as a point, by its bit.
fn corner(index: usize) -> Point {
    [index >> 2 & 1, index >> 1 & 1, index & 1].map(|step| step as f64)
}

/// Iterates over the faces, with the four corners of each in cyclic order.
fn faces() -> impl Iterator<Item = [usize; 4]> {
    (0..3).flat_map(|axis| {
        let [u, v] = [[2, 1], [4, 1], [4, 2]][axis];
        [0, 4 >> axis].map(|first| [first, first | u, first | u | v, first | v])
    })
}

/// An edge from an inside corner to an outside one.
type Edge = [usize; 2];

/// Returns the triangles of the surface between eight voxels, in voxels.
fn triangles(code: usize) -> Vec<[Point; 3]> {
    let inside = |index: usize| code >> index & 1 == 1;
    let separated = code.count_ones() <= 4;
    let edge = |a: usize, b: usize| -> Edge { if inside(a) { [a, b] } else { [b, a] } };
    let mut segments: Vec<[Edge; 2]> = Vec::new();
    for face in faces() {
        let around = |step: usize| face[step % 4];
        let cut: Vec<usize> = (0..4).filter(|&step| inside(around(step)) != inside(around(step + 1))).collect();
        match cut[..] {
            [a, b] => segments.push([a, b].map(|step| edge(around(step), around(step + 1)))),
            // Diagonal corners: a segment separates each one.
            [_, _, _, _] => segments.extend(
                (0..4)
                    .filter(|&step| inside(around(step)) == separated)
                    .map(|step| [edge(around(step + 3), around(step)), edge(around(step), around(step + 1))]),
            ),
            _ => {}
        }
    }
    loops(segments).iter().flat_map(|points| largest(points).1).collect()
}

/// Joins segments into closed loops: at each cut edge two segments meet.
fn loops(mut segments: Vec<[Edge; 2]>) -> Vec<Vec<Point>> {
    let mut loops = Vec::new();
    while let Some([first, second]) = segments.pop() {
        let mut edges = vec![first, second];
        while let Some(at) = segments.iter().position(|segment| segment.contains(&edges[edges.len() - 1])) {
            let [a, b] = segments.swap_remove(at);
            let next = if a == edges[edges.len() - 1] { b } else { a };
            if next == first {
                break;
            }
            edges.push(next);
        }
        let middle = |[a, b]: Edge| [0, 1, 2].map(|axis| (corner(a)[axis] + corner(b)[axis]) / 2.0);
        loops.push(edges.into_iter().map(middle).collect());
    }
    loops
}

/// Returns the triangles of largest total area that a closed loop can be divided into, and that area, for cubic voxels.
fn largest(points: &[Point]) -> (f64, Vec<[Point; 3]>) {
    let last = points.len() - 1;
    let cuts = (1..last).map(|at| {
        let corners = [points[0], points[at], points[last]];
        let (left, right) = (largest(&points[..=at]), largest(&points[at..]));
        let triangles = [left.1, right.1, vec![corners]].concat();
        (left.0 + right.0 + area(&corners), triangles)
    });
    cuts.fold((0.0, Vec::new()), |best, cut| if cut.0 > best.0 + 1e-9 { cut } else { best })
}

fn area(corners: &[Point; 3]) -> f64 {
    let [a, b] = [1, 2].map(|end| [0, 1, 2].map(|axis| corners[end][axis] - corners[0][axis]));
    let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    cross.iter().map(|part| part * part).sum::<f64>().sqrt() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn simple_surfaces_have_the_area_of_school_geometry() {
        let areas = ElementAreas::new([2.0, 3.0, 4.0]).0;
        // One voxel of eight: the triangle through (1, 0, 0), (0, 1.5, 0) and (0, 0, 2), half of |(3, 2, 1.5)|.
        assert!((areas[1] - (9.0f64 + 4.0 + 2.25).sqrt() / 2.0).abs() < 1e-12);
        // Four voxels of one layer along z give a rectangle of 2 by 3.
        assert!((areas[0b0101_0101] - 6.0).abs() < 1e-12);
        // Four voxels of one layer along x give a rectangle of 3 by 4.
        assert!((areas[0b0000_1111] - 12.0).abs() < 1e-12);
        assert_eq!((areas[0], areas[255]), (0.0, 0.0));
    }

    /// The areas of all 256 neighbourhoods at two spacings are those of surface-distance 0.1, computed by
    /// `fixtures/make_areas.py`.
    #[test]
    fn every_neighbourhood_has_the_area_of_surface_distance() {
        let text = include_str!("../fixtures/areas.json");
        let file: serde_json::Value = serde_json::from_str(text).unwrap();
        let tables = file["tables"].as_array().unwrap();
        assert!(tables.len() >= 2);
        for table in tables {
            let spacing_mm = [0, 1, 2].map(|axis| table["spacing_mm"][axis].as_f64().unwrap());
            let areas = ElementAreas::new(spacing_mm).0;
            for (code, expected) in table["areas"].as_array().unwrap().iter().enumerate() {
                let (found, expected) = (areas[code], expected.as_f64().unwrap());
                assert!((found - expected).abs() < 1e-9, "{spacing_mm:?} {code:08b}: {found} {expected}");
            }
        }
    }

    proptest! {
        #[test]
        fn inside_and_outside_have_one_surface_and_it_turns_with_the_axes(
            code in 0usize..256, spacing in prop::array::uniform3(0.3f64..4.0))
        {
            let areas = ElementAreas::new(spacing).0;
            // With four voxels on both sides the inside corners are separated.
            prop_assert!(code.count_ones() == 4 || (areas[code] - areas[255 - code]).abs() < 1e-12);
            let turned: usize = (0..8).filter(|index| code >> index & 1 == 1).map(|index| 1 << (index >> 1 | (index & 1) << 2)).sum();
            let other = ElementAreas::new([spacing[2], spacing[0], spacing[1]]).0;
            prop_assert!((areas[code] - other[turned]).abs() < 1e-12, "{} {}", areas[code], other[turned]);
        }
    }
}
