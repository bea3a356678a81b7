//! Pictures of slices: grey for intensities, colours for labels.
//!
//! Slices are looked at as neurologists do, the subject's left on the left, the front or the top
//! up, pixels square in millimetres.

use lacuna_volume::{Image, LabelMap, Volume};

/// Red, green, blue.
pub type Colour = [u8; 3];

/// Pixels row by row from the top.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// `width * height` colours.
    pub pixels: Vec<Colour>,
}

/// The direction a stack of slices runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Plane {
    /// From below to above
    Axial,
    /// From the back to the front
    Coronal,
    /// From left to right
    Sagittal,
}

impl Plane {
    /// The axes (across, up, through) in RAS order.
    fn axes(self) -> [usize; 3] {
        match self {
            Plane::Axial => [0, 1, 2],
            Plane::Coronal => [0, 2, 1],
            Plane::Sagittal => [1, 2, 0],
        }
    }

    /// Number of slices of a canonical image.
    pub fn slices<T>(self, image: &Image<T>) -> usize {
        image.grid().dims[self.axes()[2]]
    }
}

/// One slice of a canonical image, sampled at square pixels by the nearest voxel.
pub struct Slice {
    plane: Plane,
    index: usize,
    width: usize,
    height: usize,
}

impl Slice {
    /// Slice `index` of a canonical image, its longer side `pixels` long.
    pub fn new<T>(image: &Image<T>, plane: Plane, index: usize, pixels: usize) -> Slice {
        let [across, up, _] = plane.axes();
        let spacing_mm = image.grid().affine.spacing().0;
        let extent_mm = |axis: usize| image.grid().dims[axis] as f64 * spacing_mm[axis];
        let pixel_mm = extent_mm(across).max(extent_mm(up)) / pixels as f64;
        let pixels = |axis: usize| ((extent_mm(axis) / pixel_mm).round() as usize).max(1);
        Slice { plane, index, width: pixels(across), height: pixels(up) }
    }

    /// A picture with `colour` of every voxel met.
    pub fn paint<T: Copy>(&self, image: &Image<T>, colour: impl Fn(T) -> Colour) -> Picture {
        let [across, up, through] = self.plane.axes();
        let dims = image.grid().dims;
        let nearest = |pixel: usize, pixels: usize, axis: usize| (2 * pixel + 1) * dims[axis] / (2 * pixels);
        let mut pixels = Vec::with_capacity(self.width * self.height);
        for row in 0..self.height {
            for column in 0..self.width {
                let mut voxel = [0; 3];
                voxel[across] = nearest(column, self.width, across);
                voxel[up] = nearest(self.height - 1 - row, self.height, up);
                voxel[through] = self.index;
                pixels.push(colour(image.at(voxel)));
            }
        }
        Picture { width: self.width, height: self.height, pixels }
    }
}

/// The grey of each intensity: the darkest and the brightest hundredth are cut off.
pub fn greys(volume: &Volume) -> impl Fn(f32) -> Colour + use<> {
    let mut sorted = volume.voxels().to_vec();
    sorted.sort_by(f32::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (low, high) = (at(0.01), at(0.99));
    move |voxel| {
        let range = (high - low).max(f32::MIN_POSITIVE);
        let grey = ((voxel - low) / range).clamp(0.0, 1.0) * 255.0;
        [grey as u8; 3]
    }
}

/// The colour of a label; 0 is black.
pub fn label_colour(label: u16) -> Colour {
    /// Okabe and Ito's palette, which colour-blind people can tell apart too.
    const PALETTE: [Colour; 8] = [
        [230, 159, 0],
        [86, 180, 233],
        [0, 158, 115],
        [240, 228, 66],
        [0, 114, 178],
        [213, 94, 0],
        [204, 121, 167],
        [160, 160, 160],
    ];
    match label {
        0 => [0, 0, 0],
        label => PALETTE[(usize::from(label) - 1) % PALETTE.len()],
    }
}

/// Two pictures in one: labels over intensities.
pub fn over(below: &Picture, labels: &Picture) -> Picture {
    let blend = |(&grey, &label): (&Colour, &Colour)| match label {
        [0, 0, 0] => grey,
        label => std::array::from_fn(|channel| (u16::from(grey[channel]) / 2 + u16::from(label[channel]) / 2) as u8),
    };
    let pixels = below.pixels.iter().zip(&labels.pixels).map(blend).collect();
    Picture { width: below.width, height: below.height, pixels }
}

/// Pictures of one size in rows, a dark line between them.
pub fn montage(rows: &[Vec<Picture>]) -> Picture {
    const GAP: usize = 2;
    const BETWEEN: Colour = [24, 24, 24];
    let (width, height) = (rows[0][0].width, rows[0][0].height);
    let columns = rows[0].len();
    let mut whole =
        Picture { width: columns * (width + GAP) - GAP, height: rows.len() * (height + GAP) - GAP, pixels: Vec::new() };
    whole.pixels = vec![BETWEEN; whole.width * whole.height];
    for (row, pictures) in rows.iter().enumerate() {
        for (column, picture) in pictures.iter().enumerate() {
            for line in 0..height {
                let start = (row * (height + GAP) + line) * whole.width + column * (width + GAP);
                whole.pixels[start..start + width].copy_from_slice(&picture.pixels[line * width..(line + 1) * width]);
            }
        }
    }
    whole
}

/// A picture in half blocks of a terminal's 24-bit colours: two rows of pixels per line.
pub fn half_blocks(picture: &Picture) -> String {
    let mut text = String::new();
    for pair in picture.pixels.chunks(2 * picture.width) {
        let (upper, lower) = pair.split_at(picture.width);
        for (column, [r, g, b]) in upper.iter().enumerate() {
            let [lr, lg, lb] = lower.get(column).copied().unwrap_or_default();
            text.push_str(&format!("\x1b[38;2;{r};{g};{b}m\x1b[48;2;{lr};{lg};{lb}m▀"));
        }
        text.push_str("\x1b[0m\n");
    }
    text
}

/// A picture in plain characters from dark to bright: two rows of pixels per line.
pub fn ramp(picture: &Picture) -> String {
    const RAMP: &[u8] = b" .:-=+*#%@";
    let mut text = String::new();
    for pair in picture.pixels.chunks(2 * picture.width) {
        let (upper, lower) = pair.split_at(picture.width);
        let mut line = String::new();
        for (column, colour) in upper.iter().enumerate() {
            let bright = (brightness(*colour) + brightness(lower.get(column).copied().unwrap_or(*colour))) / 2;
            line.push(char::from(RAMP[bright * RAMP.len() / 256]));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The mean of the three colours, 0 to 255.
fn brightness(colour: Colour) -> usize {
    colour.iter().map(|&channel| usize::from(channel)).sum::<usize>() / 3
}

/// The slices of a montage: `count` of them, evenly through the labelled part, else the whole.
pub fn evenly(plane: Plane, labels: Option<&LabelMap>, slices: usize, count: usize) -> Vec<usize> {
    let through = plane.axes()[2];
    let held = labels.and_then(|labels| lacuna_volume::bounding_box(labels, |label| label > 0));
    let (start, length) = held.map_or((0, slices), |held| (held.start[through], held.dims[through]));
    (0..count).map(|n| start + (2 * n + 1) * length / (2 * count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_volume::{Grid, SpacingMm};

    fn numbered(dims: [usize; 3], spacing: [f64; 3]) -> Image<f32> {
        let grid = Grid::axis_aligned(dims, SpacingMm(spacing));
        Image::new(grid, (0..grid.len()).map(|n| n as f32).collect())
    }

    #[test]
    fn the_front_is_up_and_left_is_left() {
        let image = numbered([2, 2, 1], [1.0; 3]);
        let picture = Slice::new(&image, Plane::Axial, 0, 2).paint(&image, |voxel| [voxel as u8; 3]);
        // Voxels 0 and 1 lie at the back, 2 and 3 at the front.
        assert_eq!(picture.pixels, [[2; 3], [3; 3], [0; 3], [1; 3]]);
    }

    #[test]
    fn thick_slices_are_as_tall_as_they_are_in_millimetres() {
        let image = numbered([4, 4, 2], [1.0, 1.0, 3.0]);
        let slice = Slice::new(&image, Plane::Coronal, 0, 6);
        assert_eq!((slice.width, slice.height), (4, 6));
    }

    #[test]
    fn a_montage_holds_every_picture() {
        let one = |value| Picture { width: 1, height: 1, pixels: vec![[value; 3]] };
        let whole = montage(&[vec![one(1), one(2)], vec![one(3), one(4)]]);
        assert_eq!((whole.width, whole.height), (4, 4));
        assert_eq!(
            [whole.pixels[0], whole.pixels[3], whole.pixels[12], whole.pixels[15]],
            [[1; 3], [2; 3], [3; 3], [4; 3]]
        );
    }

    #[test]
    fn two_rows_of_pixels_make_one_line() {
        let picture =
            Picture { width: 2, height: 3, pixels: vec![[255; 3], [0; 3], [255; 3], [0; 3], [0; 3], [255; 3]] };
        assert_eq!(ramp(&picture), "@\n @\n");
        assert_eq!(half_blocks(&picture).lines().count(), 2);
    }

    #[test]
    fn slices_are_spread_evenly() {
        assert_eq!(evenly(Plane::Axial, None, 8, 4), [1, 3, 5, 7]);
    }
}
