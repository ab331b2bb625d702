//! The log of SQLite (`-wal`), read by its description: which frames of it count.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

pub(super) const HEADER_BYTES: u64 = 32;
const FRAME_HEADER_BYTES: u64 = 24;

/// The two numbers that tell a log from the one before.
pub(super) type Salts = [u32; 2];

/// How far a log was read: frames, and the checksum up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) frames: u32,
    sum: [u32; 2],
}

/// A log with its header.
#[derive(Debug)]
pub(super) struct Wal {
    file: File,
    pub(super) salts: Salts,
    page_bytes: u64,
    is_big_endian: bool,
    sum: [u32; 2],
}

impl Wal {
    /// Opens a log; `None` if there is none with a header that counts.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut head = [0; HEADER_BYTES as usize];
        match file.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let magic = word(&head, 0);
        if magic & !1 != 0x377f_0682 {
            return Ok(None);
        }
        let is_big_endian = magic & 1 == 1;
        let sum = checksum([0, 0], &head[..24], is_big_endian);
        if sum != [word(&head, 24), word(&head, 28)] {
            return Ok(None);
        }
        let page_bytes = u64::from(word(&head, 8));
        let salts = [word(&head, 16), word(&head, 20)];
        Ok(Some(Self { file, salts, page_bytes, is_big_endian, sum }))
    }

    /// Before the first frame.
    pub(super) fn start(&self) -> Place {
        Place { frames: 0, sum: self.sum }
    }

    /// Where frames end, in bytes from the beginning of the file.
    pub(super) fn bytes_of(&self, frames: u32) -> u64 {
        HEADER_BYTES + u64::from(frames) * (FRAME_HEADER_BYTES + self.page_bytes)
    }

    /// The last commit from `place` on, or `place` if there is none.
    pub(super) fn last_commit(&self, place: Place) -> io::Result<Place> {
        let mut reader = BufReader::with_capacity(64 << 10, &self.file);
        reader.seek(SeekFrom::Start(self.bytes_of(place.frames)))?;
        let mut frame = vec![0; (FRAME_HEADER_BYTES + self.page_bytes) as usize];
        let (mut here, mut last) = (place, place);
        loop {
            match reader.read_exact(&mut frame) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(last),
                Err(error) => return Err(error),
            }
            if [word(&frame, 8), word(&frame, 12)] != self.salts {
                return Ok(last);
            }
            let sum = checksum(here.sum, &frame[..8], self.is_big_endian);
            let sum = checksum(sum, &frame[FRAME_HEADER_BYTES as usize..], self.is_big_endian);
            if sum != [word(&frame, 16), word(&frame, 20)] {
                return Ok(last);
            }
            here = Place { frames: here.frames + 1, sum };
            if word(&frame, 4) != 0 {
                last = here;
            }
        }
    }

    /// Copies the bytes from one place to another to the end of `to`.
    pub(super) fn copy(&self, from: u64, until: u64, to: &mut File) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(from))?;
        let copied = io::copy(&mut file.take(until - from), to)?;
        if copied == until - from { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// When it was written last, in Unix ms; 0 if that is not known.
    pub(super) fn written(&self) -> io::Result<i64> {
        let since = self.file.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH);
        Ok(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Where the image of a page is in a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image {
    pub(super) page: u32,
    /// Pages of the database, where this is the end of a commit; else 0.
    pub(super) size: u32,
    /// Where its bytes begin in the file.
    at: u64,
}

impl Wal {
    /// How many frames a file of so many bytes has.
    pub(super) fn frames_in(&self, bytes: u64) -> u32 {
        let frames = bytes.saturating_sub(HEADER_BYTES) / (FRAME_HEADER_BYTES + self.page_bytes);
        u32::try_from(frames).unwrap_or(u32::MAX)
    }

    /// The images of a log that ends with a commit, in their order.
    pub(super) fn images(&self) -> io::Result<Vec<Image>> {
        let end = self.last_commit(self.start())?;
        if end.frames != self.frames_in(self.file.metadata()?.len()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a log is damaged"));
        }
        let mut images = Vec::with_capacity(end.frames as usize);
        let mut file = &self.file;
        for frame in 0..end.frames {
            let mut head = [0; 8];
            file.seek(SeekFrom::Start(self.bytes_of(frame)))?;
            file.read_exact(&mut head)?;
            let at = self.bytes_of(frame) + FRAME_HEADER_BYTES;
            images.push(Image { page: word(&head, 0), size: word(&head, 4), at });
        }
        Ok(images)
    }

    /// The bytes of a page.
    pub(super) fn read_page(&self, image: &Image) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.page_bytes as usize];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(image.at))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Begins another log with the header of this one. Gives the checksum up to there.
    pub(super) fn copy_header(&self, to: &mut impl io::Write) -> io::Result<[u32; 2]> {
        let mut head = [0; HEADER_BYTES as usize];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut head)?;
        to.write_all(&head)?;
        Ok(self.sum)
    }

    /// Adds a frame to it: a page, and the size of the database if it is the last one.
    pub(super) fn write_frame(
        &self,
        to: &mut impl io::Write,
        sum: [u32; 2],
        (page, size): (u32, u32),
        bytes: &[u8],
    ) -> io::Result<[u32; 2]> {
        let mut head = [0; FRAME_HEADER_BYTES as usize];
        head[..4].copy_from_slice(&page.to_be_bytes());
        head[4..8].copy_from_slice(&size.to_be_bytes());
        head[8..12].copy_from_slice(&self.salts[0].to_be_bytes());
        head[12..16].copy_from_slice(&self.salts[1].to_be_bytes());
        let sum = checksum(sum, &head[..8], self.is_big_endian);
        let sum = checksum(sum, bytes, self.is_big_endian);
        head[16..20].copy_from_slice(&sum[0].to_be_bytes());
        head[20..].copy_from_slice(&sum[1].to_be_bytes());
        to.write_all(&head)?;
        to.write_all(bytes)?;
        Ok(sum)
    }
}

/// The salts of an open log.
pub(super) fn salts_of(mut log: &File) -> io::Result<Salts> {
    let mut head = [0; HEADER_BYTES as usize];
    log.seek(SeekFrom::Start(0))?;
    log.read_exact(&mut head)?;
    Ok([word(&head, 16), word(&head, 20)])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map(|bytes| u32::from_be_bytes(*bytes)).unwrap_or_default()
}

fn checksum(sum: [u32; 2], bytes: &[u8], is_big_endian: bool) -> [u32; 2] {
    let [mut a, mut b] = sum;
    let number = |bytes: &[u8; 4]| match is_big_endian {
        true => u32::from_be_bytes(*bytes),
        false => u32::from_le_bytes(*bytes),
    };
    let (words, _) = bytes.as_chunks::<4>();
    let (pairs, _) = words.as_chunks::<2>();
    for [first, second] in pairs {
        a = a.wrapping_add(number(first)).wrapping_add(b);
        b = b.wrapping_add(number(second)).wrapping_add(a);
    }
    [a, b]
}
