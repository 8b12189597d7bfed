//! Packed weights in a file, so that the next start maps them and packs nothing.
//!
//! The file is for one machine: it is made from a model's files as they are, for the words of a kernel, by this version of
//! the format, and its key says all of that. A file with another key, or one that is damaged, is made again; it never
//! makes an error. It is written beside its place and renamed, so a reader never sees a part of one.
//!
//! It is: 64 bytes with the name of the format, its version, the key and the checksum of the rest; then, for each product
//! in the order of the network, its lines, and for integers the scales and the excess of its outputs and the factors of
//! its inputs, each filled up to whole lines.
//!
//! The unsafe code is one call, which looks at the mapped bytes as lines. A mapped file that is changed has the dangers that
//! [`weights`](crate::weights) describes, and is watched in the same way.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{lanes::Line, weights::Mapped};

/// Raised with every change of what is packed, or how.
const VERSION: u32 = 2;

const FORMAT: &[u8; 12] = b"okibi packed";

const LINE: usize = size_of::<Line>();

/// What has become of the file of packed weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackedState {
    /// None was asked for.
    NotAsked,
    /// It was there, and is used.
    Used,
    /// It was written, for the next start.
    Written,
    /// It could not be written, which costs the next start time; the reason is the system's.
    NotWritten(String),
}

/// A file of packed weights, mapped.
#[derive(Debug)]
pub(crate) struct PackedFile {
    path: PathBuf,
    mapped: Mapped,
}

/// Packed lines: in memory of our own, or in a file of packed weights.
#[derive(Debug)]
pub(crate) enum Lines {
    Own(Vec<Line>),
    Mapped {
        file: Arc<PackedFile>,
        first: usize,
        count: usize,
    },
}

impl std::ops::Deref for Lines {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        match self {
            Self::Own(lines) => lines,
            Self::Mapped { file, first, count } => &file.lines()[*first..][..*count],
        }
    }
}

impl PackedFile {
    /// Opens the file where it is there, whole, and has the key.
    pub(crate) fn open(path: &Path, key: u64) -> Option<Self> {
        let file = File::open(path).ok()?;
        let mapped = Mapped::of(&file).ok()?;
        let packed = Self {
            path: path.to_owned(),
            mapped,
        };
        let (header, lines) = packed.lines().split_first()?;
        let is_whole = packed.mapped.bytes().len().is_multiple_of(LINE);
        (is_whole && header.0 == self::header(key, Checksum::of(lines)).0).then_some(packed)
    }

    fn lines(&self) -> &[Line] {
        // SAFETY: a line is bytes, each of which may have any value, and `align_to` gives only whole lines that are
        // aligned. A map begins with a page, so the first of them is at its beginning.
        let (_, lines, _) = unsafe { self.mapped.bytes().align_to::<Line>() };
        lines
    }

    /// Returns its path where the file is no longer the one that was opened.
    pub(crate) fn changed(&self) -> Option<&Path> {
        (!self.mapped.is_unchanged(&self.path)).then_some(&self.path)
    }
}

/// Takes what a file of packed weights has, in the order in which it was written.
pub(crate) struct PackedReader {
    file: Arc<PackedFile>,
    next: usize,
}

impl PackedReader {
    pub(crate) fn new(file: &Arc<PackedFile>) -> Self {
        Self {
            file: Arc::clone(file),
            next: 1,
        }
    }

    /// The next lines; `None` where there are fewer.
    pub(crate) fn lines(&mut self, count: usize) -> Option<Lines> {
        let first = self.next;
        let end = first.checked_add(count)?;
        if end > self.file.lines().len() {
            return None;
        }
        self.next = end;
        Some(Lines::Mapped {
            file: Arc::clone(&self.file),
            first,
            count,
        })
    }

    /// The next numbers of four bytes, which fill whole lines.
    pub(crate) fn fours(&mut self, count: usize) -> Option<Vec<[u8; 4]>> {
        let lines = self.lines((count * 4).div_ceil(LINE))?;
        let fours = lines.iter().flat_map(|line| line.0.as_chunks::<4>().0);
        Some(fours.take(count).copied().collect())
    }
}

/// Writes a file of packed weights.
pub(crate) struct PackedWriter {
    out: BufWriter<File>,
    checksum: Checksum,
}

impl PackedWriter {
    /// Writes a file with what `write` gives; it is at its place when this returns without an error.
    pub(crate) fn write(
        path: &Path,
        key: u64,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
        let written = Self::write_beside(&beside, key, write).and_then(|()| fs::rename(&beside, path));
        if written.is_err() {
            // What matters is why it was not written; a file that is left over is written over next time.
            drop(fs::remove_file(&beside));
        }
        written
    }

    fn write_beside(
        path: &Path,
        key: u64,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut writer = Self {
            out: BufWriter::with_capacity(1 << 20, File::create(path)?),
            checksum: Checksum::new(),
        };
        writer.out.write_all(&[0; LINE])?;
        write(&mut writer)?;
        let header = header(key, writer.checksum.value());
        writer.out.seek(SeekFrom::Start(0))?;
        writer.out.write_all(&header.0)?;
        writer.out.flush()
    }

    /// Writes lines.
    pub(crate) fn lines(&mut self, lines: &[Line]) -> io::Result<()> {
        for line in lines {
            self.checksum.add(line);
            self.out.write_all(&line.0)?;
        }
        Ok(())
    }

    /// Writes numbers of four bytes, and fills the last line.
    pub(crate) fn fours(&mut self, fours: impl Iterator<Item = [u8; 4]>) -> io::Result<()> {
        let mut lines = Vec::new();
        for (index, four) in fours.enumerate() {
            let place = index % (LINE / 4);
            if place == 0 {
                lines.push(Line([0; LINE]));
            }
            if let Some(line) = lines.last_mut() {
                line.0[place * 4..][..4].copy_from_slice(&four);
            }
        }
        self.lines(&lines)
    }
}

fn header(key: u64, checksum: u64) -> Line {
    let mut line = Line([0; LINE]);
    line.0[..12].copy_from_slice(FORMAT);
    line.0[12..16].copy_from_slice(&VERSION.to_le_bytes());
    line.0[16..24].copy_from_slice(&key.to_le_bytes());
    line.0[24..32].copy_from_slice(&checksum.to_le_bytes());
    line
}

/// A sum that changes with any bit, as fast as memory is read; against damage, not against somebody who means it.
struct Checksum([u64; 8]);

impl Checksum {
    fn new() -> Self {
        Self([0x9e37_79b9_7f4a_7c15; 8])
    }

    fn of(lines: &[Line]) -> u64 {
        let mut checksum = Self::new();
        for line in lines {
            checksum.add(line);
        }
        checksum.value()
    }

    fn add(&mut self, line: &Line) {
        let (words, _) = line.0.as_chunks::<8>();
        for (sum, word) in self.0.iter_mut().zip(words) {
            *sum = mix(*sum, u64::from_le_bytes(*word));
        }
    }

    fn value(&self) -> u64 {
        self.0.iter().fold(0, |all, sum| mix(all, *sum))
    }
}

/// Each step can be undone, so two inputs that differ in one place give two results.
fn mix(sum: u64, word: u64) -> u64 {
    ((sum ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd)).rotate_left(29)
}

/// Returns the key of what a file was made from.
pub(crate) fn key(parts: &[&str]) -> u64 {
    parts.iter().fold(u64::from(VERSION), |key, part| {
        // The length keeps two parts from running into each other.
        let bytes = part
            .bytes()
            .fold(mix(key, part.len() as u64), |key, byte| mix(key, u64::from(byte)));
        mix(bytes, 1)
    })
}
