//! Launch notices: a connection each, so that no stage of a load holds one open.

use futures_util::{SinkExt, StreamExt};
use okibi_protocol::{
    jsonrpc::Received,
    notice::{Notice, NoticeReply},
};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    connect::{ConnectOptions, Socket, connect, message},
    error::{ClientError, from_socket},
};

/// Sends the front one notice and returns its reply.
///
/// Takes at most the timeout of `front` twice. Errors: `Refused` when no front listens any more, `Rpc` when the
/// program on the port takes no notices (a daemon).
pub async fn send_notice(front: &ConnectOptions, notice: &Notice) -> Result<NoticeReply, ClientError> {
    let mut socket = connect(front).await?;
    let exchange = async {
        socket.send(message(notice)?).await.map_err(from_socket)?;
        let reply = reply(&mut socket).await?;
        // The reply is here: whether the close frame arrives changes nothing.
        let _ = socket.close(None).await;
        Ok(reply)
    };
    timeout(front.timeout, exchange)
        .await
        .map_err(|_| ClientError::Timeout)?
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
