//! Where vectors go. JSON lines are written as they come; a JSON array and a NumPy file are kept back until the
//! last text is embedded, because neither has a place to say that one was not.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use okibi_messages::{
    Lang, Message,
    embed::{BadLine, EmbedMessage},
    printable_json,
};
use okibi_protocol::npy;
use serde::Serialize;
use tempfile::SpooledTempFile;

use super::{Embedded, Item};
use crate::{args::Format, failure::Failure};

/// Bytes kept in memory; more go to a temporary file.
const SPOOL_BYTES: usize = 64 << 20;

pub(crate) struct Sink<W: Write> {
    out: BufWriter<W>,
    lang: Lang,
    shape: Shape,
}

enum Shape {
    Jsonl,
    Json { kept: Kept },
    Npy { kept: Kept, dimension: usize },
}

/// Output that is kept back.
struct Kept {
    file: BufWriter<SpooledTempFile>,
    count: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    index: u64,
    vector: &'a [f32],
    tokens: usize,
}

#[derive(Serialize)]
struct ErrorRow {
    index: u64,
    error: String,
}

impl<W: Write> Sink<W> {
    /// Vectors of `dimension` values to `out`.
    pub(crate) fn new(format: Format, dimension: usize, lang: Lang, out: W) -> Self {
        let kept = || Kept {
            file: BufWriter::new(SpooledTempFile::new(SPOOL_BYTES)),
            count: 0,
        };
        Self {
            out: BufWriter::new(out),
            lang,
            shape: match format {
                Format::Jsonl => Shape::Jsonl,
                Format::Json => Shape::Json { kept: kept() },
                Format::Npy => Shape::Npy {
                    kept: kept(),
                    dimension,
                },
            },
        }
    }

    /// Takes the next text's outcome; a bad one is a failure where the format has no place for it.
    pub(crate) fn take(&mut self, item: &Item) -> Result<(), Failure> {
        let index = item.index;
        match (&item.outcome, &mut self.shape) {
            (Ok(embedded), Shape::Jsonl) => json_line(&mut self.out, &row(index, embedded))?,
            (Err(why), Shape::Jsonl) => {
                let error = why.text(self.lang);
                let json = serde_json::to_string(&ErrorRow { index, error }).map_err(io::Error::from)?;
                writeln!(self.out, "{}", printable_json(&json))?;
            }
            (Ok(embedded), Shape::Json { kept }) => kept.add(|file, count| {
                file.write_all(if count == 0 { b"[\n" } else { b",\n" })?;
                Ok(serde_json::to_writer(file, &row(index, embedded))?)
            })?,
            (Ok(embedded), Shape::Npy { kept, .. }) => kept.add(|file, _| {
                embedded
                    .vector
                    .iter()
                    .try_for_each(|value| file.write_all(&value.to_le_bytes()))
            })?,
            (Err(why), Shape::Json { .. } | Shape::Npy { .. }) => return Err(refused(index, why)),
        }
        Ok(())
    }

    /// Hands on what can be written by now.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes what was kept back.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        match self.shape {
            Shape::Jsonl => {}
            Shape::Json { kept } => {
                self.out.write_all(if kept.count == 0 { b"[" } else { b"" })?;
                kept.copy_to(&mut self.out)?;
                self.out.write_all(b"\n]\n")?;
            }
            Shape::Npy { kept, dimension } => {
                self.out.write_all(&npy::header(kept.count, dimension))?;
                kept.copy_to(&mut self.out)?;
            }
        }
        Ok(self.out.flush()?)
    }
}

fn row(index: u64, embedded: &Embedded) -> Row<'_> {
    Row {
        index,
        vector: &embedded.vector,
        tokens: embedded.tokens,
    }
}

fn json_line(out: &mut impl Write, row: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, row)?;
    out.write_all(b"\n")
}

fn refused(index: u64, why: &BadLine) -> Failure {
    let message = EmbedMessage::Refused {
        line: index + 1,
        why: why.clone(),
    };
    Failure::new("bad_text", Message::Embed(message))
}

fn spool_failure(error: &io::Error) -> Failure {
    Failure::io(std::env::temp_dir().display().to_string(), error)
}

impl Kept {
    fn add(
        &mut self,
        write: impl FnOnce(&mut BufWriter<SpooledTempFile>, u64) -> io::Result<()>,
    ) -> Result<(), Failure> {
        write(&mut self.file, self.count).map_err(|error| spool_failure(&error))?;
        self.count += 1;
        Ok(())
    }

    fn copy_to(self, out: &mut impl Write) -> Result<(), Failure> {
        let mut file = self
            .file
            .into_inner()
            .map_err(|error| spool_failure(error.error()))?;
        file.seek(SeekFrom::Start(0))
            .map_err(|error| spool_failure(&error))?;
        io::copy(&mut file, out)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(index: u64) -> Item {
        Item {
            index,
            outcome: Ok(Embedded {
                vector: vec![1.0, -0.5],
                tokens: 3,
                cut_from: None,
            }),
        }
    }

    fn bad(index: u64) -> Item {
        Item {
            index,
            outcome: Err(BadLine::Empty),
        }
    }

    fn written(format: Format, items: &[Item]) -> (Vec<u8>, Result<(), Failure>) {
        let mut out = Vec::new();
        let mut sink = Sink::new(format, 2, Lang::En, &mut out);
        let taken = items.iter().try_for_each(|item| sink.take(item));
        let ended = match taken {
            Ok(()) => sink.finish(),
            Err(failure) => {
                drop(sink);
                Err(failure)
            }
        };
        (out, ended)
    }

    #[test]
    fn json_lines_say_in_place_what_is_bad() {
        let (out, ended) = written(Format::Jsonl, &[good(0), bad(1), good(2)]);
        ended.unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"index\":0,\"vector\":[1.0,-0.5],\"tokens\":3}\n\
             {\"index\":1,\"error\":\"the text is empty\"}\n\
             {\"index\":2,\"vector\":[1.0,-0.5],\"tokens\":3}\n"
        );
    }

    #[test]
    fn a_json_array_is_one_document_even_when_it_is_empty() {
        for count in [0, 1, 2] {
            let items: Vec<_> = (0..count).map(good).collect();
            let (out, ended) = written(Format::Json, &items);
            ended.unwrap();
            let rows: Vec<serde_json::Value> = serde_json::from_slice(&out).unwrap();
            assert_eq!(rows.len() as u64, count);
        }
    }

    #[test]
    fn a_numpy_file_has_its_header_and_its_values() {
        let (out, ended) = written(Format::Npy, &[good(0), good(1)]);
        ended.unwrap();
        let (header, values) = out.split_at(128);
        assert_eq!(header, npy::header(2, 2));
        assert_eq!(values.len(), 2 * 2 * 4);
        assert_eq!(values[..4], 1.0_f32.to_le_bytes());
    }

    #[test]
    fn nothing_is_written_before_a_refusal() {
        for format in [Format::Json, Format::Npy] {
            let (out, ended) = written(format, &[good(0), bad(1)]);
            assert!(out.is_empty(), "{format:?}");
            let Err(Failure::Message { message, .. }) = ended else {
                panic!("{ended:?}")
            };
            assert!(message.text(Lang::En).starts_with("Text 2: the text is empty"));
        }
    }
}
