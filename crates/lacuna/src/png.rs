//! PNG files of 8-bit colour, the little of the format that a montage needs.
//!
//! Source: "Portable Network Graphics (PNG) Specification", third edition, W3C, 2025.

use crate::picture::Picture;
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use std::io::Write;

/// The bytes of a picture as a PNG file.
pub fn encode(picture: &Picture) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend((picture.width as u32).to_be_bytes());
    header.extend((picture.height as u32).to_be_bytes());
    // 8 bits per sample, colour type 2 (red, green, blue), deflate, plain filters, not interlaced.
    header.extend([8, 2, 0, 0, 0]);

    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::default());
    for row in picture.pixels.chunks(picture.width) {
        const NO_FILTER: u8 = 0;
        pixels.write_all(&[NO_FILTER]).expect("memory takes all bytes");
        pixels.write_all(row.as_flattened()).expect("memory takes all bytes");
    }
    let pixels = pixels.finish().expect("memory takes all bytes");

    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", &header), (b"IDAT", &pixels), (b"IEND", &Vec::new())] {
        append_chunk(&mut file, kind, content);
    }
    file
}

fn append_chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    let mut checksum = Crc::new();
    checksum.update(kind);
    checksum.update(content);
    file.extend((content.len() as u32).to_be_bytes());
    file.extend(kind);
    file.extend(content);
    file.extend(checksum.sum().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_begins_and_ends_as_the_standard_says() {
        let picture = Picture { width: 2, height: 1, pixels: vec![[0, 0, 0], [255, 128, 0]] };
        let file = encode(&picture);
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        // Width 2 and height 1 follow the length 13 and the name of the first chunk.
        assert_eq!(&file[8..24], b"\0\0\0\x0dIHDR\0\0\0\x02\0\0\0\x01");
        // The last chunk is empty; its checksum is printed in every description of the format.
        assert_eq!(&file[file.len() - 12..], b"\0\0\0\0IEND\xae\x42\x60\x82");
    }

    #[test]
    fn pixels_come_back_from_the_file() {
        let pixels = vec![[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]];
        let file = encode(&Picture { width: 2, height: 2, pixels });
        let start = file.windows(4).position(|four| four == b"IDAT").unwrap() + 4;
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&file[start..]), &mut content).unwrap();
        assert_eq!(content, [0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12]);
    }
}
