//! Pictures as PNG files: 8 bits per channel, red, green, blue.

use crate::picture::Picture;

/// The bytes of a picture as a PNG file.
pub fn encode(picture: &Picture) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, picture.width as u32, picture.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("memory takes all bytes");
    writer.write_image_data(picture.pixels.as_flattened()).expect("a picture has as many pixels as its sides say");
    writer.finish().expect("memory takes all bytes");
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back_from_the_file() {
        let pixels = vec![[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [255, 128, 0], [0, 0, 0]];
        let file = encode(&Picture { width: 3, height: 2, pixels: pixels.clone() });
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut read).unwrap();
        assert_eq!((frame.width, frame.height, frame.color_type), (3, 2, png::ColorType::Rgb));
        assert_eq!(read, pixels.as_flattened());
    }
}
