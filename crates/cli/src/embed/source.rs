//! Where texts come from: arguments, or the lines of standard input as they arrive.

use std::{
    ffi::OsString,
    io::{self, BufRead},
};

use okibi_messages::embed::BadLine;
use tokio::sync::mpsc;

use super::Line;

/// The most bytes a text may have; the daemon refuses larger messages anyway.
pub(crate) const MAX_TEXT_BYTES: usize = 4 << 20;
/// Lines read ahead.
const READ_AHEAD: usize = 256;

/// Texts in order; an error ends them.
pub(crate) type Texts = mpsc::Receiver<io::Result<Line>>;

/// The texts given as arguments.
pub(crate) fn arguments(texts: &[OsString]) -> Texts {
    let (sender, receiver) = mpsc::channel(texts.len().max(1));
    for text in texts {
        // The channel has room for all of them.
        let _ = sender.try_send(Ok(checked(text.clone().into_encoded_bytes())));
    }
    receiver
}

/// The lines of standard input.
///
/// The thread that reads them ends with the input, or at the first line that is no longer wanted; one that waits for
/// a terminal's next line ends with the process.
pub(crate) fn standard_input() -> io::Result<Texts> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        let mut input = Lines::new(io::stdin().lock());
        while let Some(line) = input.next_line().transpose() {
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// The lines of a reader.
struct Lines<R> {
    reader: R,
    is_first: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            is_first: true,
        }
    }

    /// The next line without its end, at the end `None`. Of a line over the limit no more is kept than that.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let mut has_begun = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                break;
            }
            has_begun = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            // Two bytes more than the limit: a carriage return, and the byte that shows that it is over.
            let room = (MAX_TEXT_BYTES + 2).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !has_begun {
            return Ok(None);
        }
        if std::mem::take(&mut self.is_first) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(checked(line)))
    }
}

fn checked(bytes: Vec<u8>) -> Line {
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(BadLine::TooLarge {
            limit: MAX_TEXT_BYTES as u64,
        });
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => Err(BadLine::Empty),
        Ok(text) => Ok(text),
        Err(_) => Err(BadLine::NotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<Line> {
        // A small buffer, so that lines span several.
        let mut lines = Lines::new(io::BufReader::with_capacity(5, bytes));
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    #[test]
    fn lines_lose_their_ends_and_bad_ones_say_why() {
        assert_eq!(
            lines("\u{feff}検索\r\n\nlonger than a buffer\n".as_bytes()),
            [
                Ok("検索".into()),
                Err(BadLine::Empty),
                Ok("longer than a buffer".into()),
            ]
        );
        assert_eq!(
            lines(b"a\n\xff\xfe\nb"),
            [Ok("a".into()), Err(BadLine::NotUtf8), Ok("b".into())]
        );
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n"), [Err(BadLine::Empty)]);
    }

    #[test]
    fn a_line_over_the_limit_does_not_hide_the_next_one() {
        let mut bytes = vec![b'x'; MAX_TEXT_BYTES * 2];
        bytes.extend(b"\nnext\n");
        let read = lines(&bytes);
        assert!(matches!(read[0], Err(BadLine::TooLarge { .. })));
        assert_eq!(read[1], Ok("next".into()));
    }
}
