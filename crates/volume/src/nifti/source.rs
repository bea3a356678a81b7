//! The bytes of a volume file, decompressed if necessary.
//!
//! Whether a file is gzipped is determined from its first two bytes, not from its name.

use crate::VolumeError;
use flate2::bufread::GzDecoder;
use lacuna_disk::DiskError;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The size of the read buffer in bytes: a few disk blocks, which fit the second-level cache.
const BUFFER_BYTES: usize = 128 * 1024;

/// The largest compression ratio of gzip: DEFLATE codes at most 258 bytes with two bits.
const DEFLATE_RATIO_MAX: u64 = 1032;

/// The largest number of bytes after the voxels that are read in a gzip stream, to reach its checksum.
const AFTER_VOXELS_BYTES_MAX: u64 = 16 << 20;

/// A file that is read once from beginning to end.
pub(super) struct Source {
    path: PathBuf,
    bytes: Bytes,
    position: u64,
    /// An upper bound of the number of decompressed bytes.
    length_max: u64,
}

enum Bytes {
    Plain(BufReader<File>),
    Gzip(Box<Members<BufReader<File>>>),
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, VolumeError> {
        let refused = |source| VolumeError::from(DiskError::Io { path: path.to_path_buf(), action: "read", source });
        let file = File::open(path).map_err(refused)?;
        let file_bytes = file.metadata().map_err(refused)?.len();
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let gzipped = file.fill_buf().map_err(refused)?.starts_with(&[0x1f, 0x8b]);
        let (bytes, length_max) = match gzipped {
            true => (Bytes::Gzip(Box::new(Members::new(file))), file_bytes.saturating_mul(DEFLATE_RATIO_MAX)),
            false => (Bytes::Plain(file), file_bytes),
        };
        Ok(Source { path: path.to_path_buf(), bytes, position: 0, length_max })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns an error if the file cannot hold `bytes_expected`, before they are read.
    pub(super) fn expect_length(&self, part: &'static str, bytes_expected: u64) -> Result<(), VolumeError> {
        if bytes_expected <= self.length_max {
            return Ok(());
        }
        let bound = matches!(self.bytes, Bytes::Gzip(_));
        Err(VolumeError::Truncated {
            path: self.path.clone(),
            part,
            bytes_expected,
            bytes_found: self.length_max,
            bound,
        })
    }

    /// Fills `buffer`; `bytes_expected` is the offset in the file that `part` should reach.
    pub(super) fn fill(
        &mut self,
        buffer: &mut [u8],
        part: &'static str,
        bytes_expected: u64,
    ) -> Result<(), VolumeError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_some(&mut buffer[filled..])? {
                0 => {
                    let (path, bytes_found) = (self.path.clone(), self.position);
                    return Err(VolumeError::Truncated { path, part, bytes_expected, bytes_found, bound: false });
                }
                read => filled += read,
            }
        }
        Ok(())
    }

    /// Reads on to `position` and discards the bytes.
    pub(super) fn skip_to(
        &mut self,
        position: u64,
        part: &'static str,
        bytes_expected: u64,
    ) -> Result<(), VolumeError> {
        let mut scrap = [0; 4096];
        while self.position < position {
            let step = (position - self.position).min(scrap.len() as u64) as usize;
            self.fill(&mut scrap[..step], part, bytes_expected)?;
        }
        Ok(())
    }

    /// Returns whether no bytes follow. A gzip member is read to its end, where its checksum is: until then a damaged
    /// stream that yields too many bytes looks like a valid one with further bytes after the voxels.
    pub(super) fn is_at_end(&mut self) -> Result<bool, VolumeError> {
        let more = match &mut self.bytes {
            Bytes::Plain(file) => file.fill_buf().map(|rest| !rest.is_empty()),
            Bytes::Gzip(members) => members.read_out(AFTER_VOXELS_BYTES_MAX),
        };
        more.map(|more| !more).map_err(|error| self.failed(error))
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, VolumeError> {
        let read = match &mut self.bytes {
            Bytes::Plain(file) => file.read(buffer),
            Bytes::Gzip(members) => members.read(buffer),
        };
        match read {
            Ok(read) => {
                self.position += read as u64;
                Ok(read)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => self.read_some(buffer),
            // A compressed stream that ends early is treated like a plain file that does.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: io::Error) -> VolumeError {
        let path = self.path.clone();
        match self.bytes {
            Bytes::Plain(_) => DiskError::Io { path, action: "read", source: error }.into(),
            Bytes::Gzip(_) => VolumeError::Gzip { path, bytes_found: self.position, reason: error.to_string() },
        }
    }
}

/// Consecutive gzip members, read as one stream.
///
/// flate2's own reader of several members reads the next header at once and so fails on padding after the last member,
/// although every voxel has been read by then.
struct Members<R: BufRead> {
    /// `None` only while one member is replaced by the next.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    fn new(file: R) -> Members<R> {
        Members { member: Some(GzDecoder::new(file)) }
    }

    fn member(&mut self) -> &mut GzDecoder<R> {
        self.member.as_mut().expect("a member is put back after every exchange")
    }

    /// Reads this member to its end; returns whether it had further bytes, or any bytes follow it.
    fn read_out(&mut self, bytes_max: u64) -> io::Result<bool> {
        let mut scrap = [0; 4096];
        let mut left = 0;
        loop {
            match self.member().read(&mut scrap)? {
                0 => break,
                read => left += read as u64,
            }
            if left > bytes_max {
                let what = format!("more than {bytes_max} bytes follow the voxels, before any checksum");
                return Err(io::Error::new(ErrorKind::InvalidData, what));
            }
        }
        Ok(left > 0 || !self.member().get_mut().fill_buf()?.is_empty())
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.member().read(buffer)?;
            if read > 0 || buffer.is_empty() || self.member().get_mut().fill_buf()?.is_empty() {
                return Ok(read);
            }
            let finished = self.member.take().expect("a member is put back after every exchange");
            self.member = Some(GzDecoder::new(finished.into_inner()));
        }
    }
}
