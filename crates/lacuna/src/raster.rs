//! Charts as PNG, for whom SVG will not do.
//!
//! Text is set in fonts that are part of the program, so a picture has the same pixels wherever it is made.

use crate::error::CliError;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Pixels for each unit of a drawing: about 220 to the inch where a chart is as wide as a column.
const SCALE: f32 = 2.0;

/// DejaVu Sans, reduced to what charts say; its licence lies beside it.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../fonts/DejaVuSans-subset.ttf").to_vec());
    fonts.load_font_data(include_bytes!("../fonts/DejaVuSans-Bold-subset.ttf").to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    Arc::new(fonts)
});

/// A drawing of ours as the bytes of a PNG; `path` is where it will lie, for an error.
///
/// # Errors
/// A drawing that is too large to be held.
pub fn png(svg: &str, path: &Path) -> Result<Vec<u8>, CliError> {
    let cannot = |found: String| CliError::Data {
        what: format!(
            "{}: expected a drawing that can be made pixels, found {found}; fix: use the SVG",
            path.display()
        ),
    };
    let options = Options { fontdb: FONTS.clone(), font_family: "DejaVu Sans".to_string(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| cannot(error.to_string()))?;
    let [width, height] = [tree.size().width(), tree.size().height()].map(|length| (length * SCALE).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| cannot(format!("one of {width} x {height}")))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| cannot(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Width, height, and how many pixels are dark.
    fn looked_at(body: &str) -> (u32, u32, usize) {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 60 20\" width=\"60\" height=\"20\" \
             font-family=\"sans-serif\" font-size=\"12\"><rect width=\"60\" height=\"20\" fill=\"#ffffff\"/>{body}</svg>"
        );
        let bytes = png(&svg, Path::new("a.png")).unwrap();
        let pixels = Pixmap::decode_png(&bytes).unwrap();
        let dark = pixels.pixels().iter().filter(|pixel| pixel.red() < 100).count();
        (pixels.width(), pixels.height(), dark)
    }

    #[test]
    fn a_drawing_is_twice_as_many_pixels() {
        // 10 x 5 units are 20 x 10 pixels.
        assert_eq!(looked_at("<rect width=\"10\" height=\"5\" fill=\"#000000\"/>"), (120, 40, 200));
    }

    #[test]
    fn text_needs_no_font_of_the_system() {
        let (.., regular) = looked_at("<text x=\"2\" y=\"14\">0.5 ▶</text>");
        let (.., bold) = looked_at("<text x=\"2\" y=\"14\" font-weight=\"600\">0.5 ▶</text>");
        assert!(regular > 20 && bold > regular, "{regular} dark pixels, {bold} in bold");
    }

    #[test]
    fn what_is_no_drawing_is_an_error() {
        assert!(png("<svg", Path::new("a.png")).unwrap_err().to_string().contains("a.png"));
    }
}
