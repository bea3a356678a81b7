//! Solids as distances: a few primitives and how they join.
//!
//! A solid is a function of position that is negative inside, positive outside, and close to
//! the distance to its surface in millimetres (exact for capsules, first order for
//! ellipsoids). Positions are RAS+ millimetres.

/// A position or a vector, in millimetres.
pub(super) type Point = [f64; 3];

pub(super) fn added(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(super) fn subtracted(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn scaled(a: Point, factor: f64) -> Point {
    a.map(|x| x * factor)
}

pub(super) fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn length(a: Point) -> f64 {
    dot(a, a).sqrt()
}

/// An ellipsoid with axes along x, y and z.
#[derive(Clone, Copy)]
pub(super) struct Ellipsoid {
    pub(super) centre: Point,
    pub(super) radii_mm: Point,
}

impl Ellipsoid {
    /// First-order distance to the surface: `k (k - 1) / |gradient of k|` up to scale, `k` the scaled radius.
    pub(super) fn distance(&self, position: Point) -> f64 {
        let offset = subtracted(position, self.centre);
        let scaled: Point = std::array::from_fn(|axis| offset[axis] / self.radii_mm[axis]);
        let steep: Point = std::array::from_fn(|axis| scaled[axis] / self.radii_mm[axis]);
        let (k, slope) = (length(scaled), length(steep));
        if slope == 0.0 {
            return -self.radii_mm[0].min(self.radii_mm[1]).min(self.radii_mm[2]);
        }
        k * (k - 1.0) / slope
    }
}

/// A round bar between two points whose radius changes along it.
#[derive(Clone, Copy)]
pub(super) struct Capsule {
    pub(super) from: Point,
    pub(super) to: Point,
    pub(super) radius_from_mm: f64,
    pub(super) radius_to_mm: f64,
}

impl Capsule {
    pub(super) fn distance(&self, position: Point) -> f64 {
        let (along, foot) = nearest_on_segment(self.from, self.to, position);
        let radius = self.radius_from_mm + (self.radius_to_mm - self.radius_from_mm) * along;
        length(subtracted(position, foot)) - radius
    }
}

/// The nearest point of a segment, and how far along it lies (0 to 1).
pub(super) fn nearest_on_segment(from: Point, to: Point, position: Point) -> (f64, Point) {
    let axis = subtracted(to, from);
    let along = (dot(subtracted(position, from), axis) / dot(axis, axis)).clamp(0.0, 1.0);
    (along, added(from, scaled(axis, along)))
}

/// The union of two solids, its crease filled over about `blend_mm`.
pub(super) fn union(a: f64, b: f64, blend_mm: f64) -> f64 {
    let overlap = (blend_mm - (a - b).abs()).max(0.0) / blend_mm;
    a.min(b) - overlap * overlap * blend_mm / 4.0
}

/// The part common to two solids, its edge rounded over about `blend_mm`.
pub(super) fn intersection(a: f64, b: f64, blend_mm: f64) -> f64 {
    -union(-a, -b, blend_mm)
}

/// The first solid without the second, its edge rounded over about `blend_mm`.
pub(super) fn difference(a: f64, b: f64, blend_mm: f64) -> f64 {
    intersection(a, -b, blend_mm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sphere_is_measured_exactly() {
        let sphere = Ellipsoid { centre: [1.0, 2.0, 3.0], radii_mm: [5.0; 3] };
        // (4, 6, 3) lies 5 mm from the centre, (7, 10, 3) lies 10 mm from it.
        assert!(sphere.distance([4.0, 6.0, 3.0]).abs() < 1e-12);
        assert!((sphere.distance([7.0, 10.0, 3.0]) - 5.0).abs() < 1e-12);
        assert_eq!(sphere.distance([1.0, 2.0, 3.0]), -5.0);
    }

    #[test]
    fn a_capsule_tapers() {
        let capsule = Capsule { from: [0.0; 3], to: [10.0, 0.0, 0.0], radius_from_mm: 1.0, radius_to_mm: 3.0 };
        // Half way along the radius is 2, so 5 mm off the axis is 3 mm outside.
        assert!((capsule.distance([5.0, 5.0, 0.0]) - 3.0).abs() < 1e-12);
        assert!((capsule.distance([14.0, 0.0, 0.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_blended_union_holds_both_parts_and_only_grows_near_the_crease() {
        assert_eq!(union(-4.0, 9.0, 5.0), -4.0);
        // Equal distances overlap fully: the surface grows by a quarter of the blend.
        assert_eq!(union(1.0, 1.0, 4.0), 0.0);
        assert_eq!(intersection(-1.0, -1.0, 4.0), 0.0);
        assert_eq!(difference(-8.0, 3.0, 2.0), -3.0);
    }
}
