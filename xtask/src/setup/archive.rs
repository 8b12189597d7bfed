//! Reading single files out of a zip archive.
//!
//! Written for wheels whose SHA-256 is already known to be right, so it reads what they use: one disk, no
//! encryption, no 64-bit extension, stored or deflated files. Source: PKWARE's APPNOTE 6.3.

use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result, bail, ensure};
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// "PK\5\6": the end of the central directory.
const END_SIGNATURE: [u8; 4] = [b'P', b'K', 5, 6];
/// Bytes of that record without its comment.
const END_LENGTH: usize = 22;
/// The longest comment, which bounds how far back the record may start.
const COMMENT_LIMIT: u64 = u16::MAX as u64;
/// "PK\1\2": an entry of the central directory, and its bytes before the name.
const ENTRY_SIGNATURE: [u8; 4] = [b'P', b'K', 1, 2];
const ENTRY_LENGTH: usize = 46;
/// "PK\3\4": the header before a file's data, and its bytes before the name.
const LOCAL_SIGNATURE: [u8; 4] = [b'P', b'K', 3, 4];
const LOCAL_LENGTH: usize = 30;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// A file of the archive.
#[derive(Debug)]
struct Entry {
    name: String,
    method: u16,
    compressed: usize,
    size: usize,
    header: u64,
}

/// An open archive with its table of files.
#[derive(Debug)]
pub(crate) struct Archive<R> {
    source: R,
    entries: Vec<Entry>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the table of files.
    pub(crate) fn open(mut source: R) -> Result<Self> {
        let length = source.seek(SeekFrom::End(0))?;
        let tail = read_at(
            &mut source,
            length.saturating_sub(END_LENGTH as u64 + COMMENT_LIMIT),
            usize::try_from(length.min(END_LENGTH as u64 + COMMENT_LIMIT))?,
        )?;
        let end = tail
            .windows(END_LENGTH)
            .rfind(|window| window.starts_with(&END_SIGNATURE));
        let end = end.context("not a zip archive")?;
        let (count, size, start) = (u16_at(end, 10)?, u32_at(end, 12)?, u32_at(end, 16)?);

        let directory = read_at(&mut source, u64::from(start), size as usize)?;
        let mut rest = directory.as_slice();
        let mut entries = Vec::with_capacity(usize::from(count));
        for index in 0..count {
            ensure!(
                rest.starts_with(&ENTRY_SIGNATURE),
                "zip archive's entry {index} is damaged"
            );
            let [name, extra, comment] = [28, 30, 32].map(|offset| u16_at(rest, offset).map(usize::from));
            let (name_length, others) = (name?, extra? + comment?);
            let name = rest
                .get(ENTRY_LENGTH..ENTRY_LENGTH + name_length)
                .context("zip archive's entry is cut")?;
            entries.push(Entry {
                name: String::from_utf8_lossy(name).into_owned(),
                method: u16_at(rest, 10)?,
                compressed: u32_at(rest, 20)? as usize,
                size: u32_at(rest, 24)? as usize,
                header: u64::from(u32_at(rest, 42)?),
            });
            rest = rest
                .get(ENTRY_LENGTH + name_length + others..)
                .context("zip archive's entry is cut")?;
        }
        Ok(Self { source, entries })
    }

    /// The content of the file `name`.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>> {
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.name == name)
            .context("no such file in the archive")?;
        let header = read_at(&mut self.source, entry.header, LOCAL_LENGTH)?;
        ensure!(
            header.starts_with(&LOCAL_SIGNATURE),
            "the file's header is damaged"
        );
        let names = u64::from(u16_at(&header, 26)?) + u64::from(u16_at(&header, 28)?);
        let data = read_at(
            &mut self.source,
            entry.header + LOCAL_LENGTH as u64 + names,
            entry.compressed,
        )?;
        let content = match entry.method {
            STORED => data,
            DEFLATED => match decompress_to_vec_with_limit(&data, entry.size) {
                Ok(content) => content,
                Err(error) => bail!("the file's compressed data is damaged: {error}"),
            },
            other => bail!("the file is compressed by the unknown method {other}"),
        };
        ensure!(
            content.len() == entry.size,
            "the file has {} bytes, expected {}",
            content.len(),
            entry.size
        );
        Ok(content)
    }
}

fn read_at(source: &mut (impl Read + Seek), position: u64, length: usize) -> Result<Vec<u8>> {
    source.seek(SeekFrom::Start(position))?;
    let mut bytes = vec![0; length];
    source
        .read_exact(&mut bytes)
        .with_context(|| format!("zip archive ends before {position} + {length}"))?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], offset: usize) -> Result<u16> {
    let chunk = bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .context("zip archive's record is cut")?;
    Ok(u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32> {
    let chunk = bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .context("zip archive's record is cut")?;
    Ok(u32::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// An archive with one file `a/b` that holds `content`, stored as `data` by `method`.
    fn archive(method: u16, data: &[u8], content: &[u8]) -> Vec<u8> {
        let sizes = |bytes: &mut Vec<u8>| {
            bytes.extend((data.len() as u32).to_le_bytes());
            bytes.extend((content.len() as u32).to_le_bytes());
        };
        let mut bytes = LOCAL_SIGNATURE.to_vec();
        bytes.extend([20, 0, 0, 0]);
        bytes.extend(method.to_le_bytes());
        bytes.extend([0; 8]);
        sizes(&mut bytes);
        bytes.extend([3, 0, 0, 0]);
        bytes.extend(b"a/b");
        bytes.extend(data);

        let start = bytes.len() as u32;
        bytes.extend(ENTRY_SIGNATURE);
        bytes.extend([20, 0, 20, 0, 0, 0]);
        bytes.extend(method.to_le_bytes());
        bytes.extend([0; 8]);
        sizes(&mut bytes);
        bytes.extend([3, 0]);
        bytes.extend([0; 16]);
        bytes.extend(b"a/b");
        let size = bytes.len() as u32 - start;

        bytes.extend(END_SIGNATURE);
        bytes.extend([0, 0, 0, 0, 1, 0, 1, 0]);
        bytes.extend(size.to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend(2_u16.to_le_bytes());
        bytes.extend(b"hi");
        bytes
    }

    #[test]
    fn stored_and_deflated_files_are_read() {
        let content = b"ember ember ember ember";
        let deflated = miniz_oxide::deflate::compress_to_vec(content, 6);
        for (method, data) in [(STORED, content.as_slice()), (DEFLATED, deflated.as_slice())] {
            let mut archive = Archive::open(Cursor::new(archive(method, data, content))).unwrap();
            assert_eq!(archive.read("a/b").unwrap(), content);
            assert!(archive.read("a/c").is_err(), "a file that is not there");
        }
    }

    #[test]
    fn damaged_archives_are_errors() {
        let whole = archive(STORED, b"ember", b"ember");
        for length in 0..whole.len() - 2 {
            let cut = Archive::open(Cursor::new(whole[..length].to_vec()));
            assert!(cut.is_err(), "archive cut to {length} bytes");
        }
        assert!(
            Archive::open(Cursor::new(archive(99, b"x", b"x")))
                .unwrap()
                .read("a/b")
                .is_err()
        );
    }
}
