//! The body of an HTTP answer whose bytes are counted until the system has taken them.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

use crate::unread::{ConnectionOutput, UnreadAnswer};

/// Counts the bytes of `body` as unread output of its connection.
pub(crate) fn counted(body: Body, output: Arc<ConnectionOutput>) -> Body {
    Body::new(Counted { body, output })
}

struct Counted {
    body: Body,
    output: Arc<ConnectionOutput>,
}

/// Bytes that are counted for as long as hyper keeps them, which is until they are written: it writes from the buffers it
/// is given, because our stream takes several at once.
struct Waiting {
    bytes: Bytes,
    _unread: UnreadAnswer,
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let count = |bytes: Bytes| {
            let _unread = self.output.hold(bytes.len());
            Bytes::from_owner(Waiting { bytes, _unread })
        };
        polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(count))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
