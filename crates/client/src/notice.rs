//! Launch notices: a connection each, so that no stage of a load holds one open.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use okibi_protocol::{
    jsonrpc::Received,
    notice::{NoticeReply, SignedNotice},
};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    connect::{ConnectOptions, Socket, connect, message},
    error::{ClientError, from_socket},
};

/// How long the peer is given to take and to answer our close frame.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Sends the front one notice and returns its reply.
///
/// Takes at most the timeout of `front` a few times. Errors: `Refused` when no front listens any more, `Rpc` when the
/// program on the port takes no notices (a daemon).
pub async fn send_notice(front: &ConnectOptions, notice: &SignedNotice) -> Result<NoticeReply, ClientError> {
    let mut socket = connect(front).await?;
    let exchange = async {
        socket.send(message(notice)?).await.map_err(from_socket)?;
        reply(&mut socket).await
    };
    let reply = timeout(front.timeout, exchange)
        .await
        .unwrap_or(Err(ClientError::Timeout));
    // The outcome is known: whether the close frame arrives changes nothing.
    let _ = timeout(CLOSE_LIMIT, socket.close(None)).await;
    reply
}

/// Sends the front one notice whose reply is not needed, and closes the connection by the protocol at once.
///
/// Returns the reply where one comes before the front's own close frame; a front may send none. Says also whether the
/// front has closed its side in time. Errors: as [`send_notice`].
pub async fn send_progress(
    front: &ConnectOptions,
    notice: &SignedNotice,
    patience: Duration,
) -> Result<(Option<NoticeReply>, bool), ClientError> {
    let mut socket = connect(front).await?;
    let sending = async {
        socket.send(message(notice)?).await.map_err(from_socket)?;
        socket.close(None).await.map_err(from_socket)
    };
    timeout(front.timeout, sending)
        .await
        .map_err(|_| ClientError::Timeout)??;
    // The front closes its side once it has read the notice, so that the next one cannot overtake it.
    let mut replied = None;
    let closing = async {
        loop {
            match reply(&mut socket).await {
                Ok(reply) => replied = Some(reply),
                Err(_) => return,
            }
        }
    };
    let is_closed = timeout(patience.min(CLOSE_LIMIT), closing).await.is_ok();
    Ok((replied, is_closed))
}

async fn reply(socket: &mut Socket) -> Result<NoticeReply, ClientError> {
    loop {
        match socket.next().await {
            None | Some(Ok(Message::Close(_))) => return Err(ClientError::Closed),
            Some(Err(error)) => return Err(from_socket(error)),
            Some(Ok(Message::Text(text))) => {
                if let Ok(reply) = serde_json::from_str(&text) {
                    return Ok(reply);
                }
                return Err(match serde_json::from_str::<Received>(&text) {
                    Ok(Received {
                        error: Some(error), ..
                    }) => ClientError::Rpc(error),
                    _ => ClientError::NotOkibi("it answered a launch notice with something else".into()),
                });
            }
            Some(Ok(_)) => {}
        }
    }
}
