//! Who is connected to a daemon, and what its last requests were.

use okibi_protocol::method::{Queue, RecentRequest, Refusal};

use crate::{lang::Lang, pick};

/// The heading of a part, or of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    /// The part with the clients.
    Clients,
    /// The part with the long requests.
    Jobs,
    /// The part with the last requests.
    Requests,
    /// What a client calls itself.
    Client,
    /// Its program, with the process id.
    Program,
    /// Its IP address.
    Address,
    /// The API that it speaks.
    Dialect,
    /// Open connections.
    Connections,
    /// Number of requests.
    RequestCount,
    /// Number of texts.
    Texts,
    /// Number of tokens.
    Tokens,
    /// Number of errors.
    Errors,
    /// The model.
    Model,
    /// When something was last seen, or was answered.
    When,
    /// How much of a long request is done.
    Done,
    /// How long a request took, or has been worked on.
    Took,
    /// How a request ended.
    Result,
}

impl Heading {
    /// Returns the text of the heading.
    pub const fn text(self, lang: Lang) -> &'static str {
        match self {
            Self::Clients => pick(lang, "Clients", "クライアント"),
            Self::Jobs => pick(lang, "In progress", "処理中"),
            Self::Requests => pick(lang, "Last requests", "最近のリクエスト"),
            Self::Client => pick(lang, "client", "クライアント"),
            Self::Program => pick(lang, "program", "プログラム"),
            Self::Address => pick(lang, "address", "アドレス"),
            Self::Dialect => pick(lang, "API", "API"),
            Self::Connections => pick(lang, "connections", "接続数"),
            Self::RequestCount => pick(lang, "requests", "リクエスト"),
            Self::Texts => pick(lang, "texts", "テキスト"),
            Self::Tokens => pick(lang, "tokens", "トークン"),
            Self::Errors => pick(lang, "errors", "エラー"),
            Self::Model => pick(lang, "model", "モデル"),
            Self::When => pick(lang, "when", "日時"),
            Self::Done => pick(lang, "done", "進み具合"),
            Self::Took => pick(lang, "time", "時間"),
            Self::Result => pick(lang, "result", "結果"),
        }
    }
}

/// Returns what is said where nobody has asked for anything yet.
pub fn nothing_yet(lang: Lang) -> &'static str {
    pick(lang, "No requests yet.", "まだリクエストはありません。")
}

/// Returns the line about what waits: `Queue: 2 requests, 100 texts`.
pub fn queue(queue: Queue, lang: Lang) -> String {
    let Queue { requests, texts } = queue;
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let (s, t) = (plural(requests), plural(texts));
    phrase!(
        lang,
        "Queue: {requests} request{s}, {texts} text{t}",
        "待ち行列: リクエスト {requests} 件、テキスト {texts} 件"
    )
}

/// Returns how much of a long request is done: `45 % (450 of 1000 texts)`.
pub fn done(done: u64, total: u64, lang: Lang) -> String {
    let percent = done * 100 / total.max(1);
    phrase!(
        lang,
        "{percent} % ({done} of {total} texts)",
        "{percent} % (テキスト {done} / {total} 件)"
    )
}

/// Returns how a request ended: `200`, `404 model_not_found`, `403: refused because of its origin https://example.org`.
pub fn result(request: &RecentRequest, lang: Lang) -> String {
    let status = request.status;
    let origin = request.origin.as_deref().unwrap_or_default();
    match (request.refusal, &request.error, request.truncated) {
        (Some(Refusal::Origin), _, _) => phrase!(
            lang,
            "{status}: refused because of its origin {origin}",
            "{status}: オリジン {origin} のため拒否"
        ),
        (Some(Refusal::Host), _, _) => phrase!(
            lang,
            "{status}: refused because of its Host header",
            "{status}: Host ヘッダーのため拒否"
        ),
        (Some(Refusal::Token), _, _) => phrase!(
            lang,
            "{status}: refused because of its token",
            "{status}: トークンのため拒否"
        ),
        (None, Some(error), _) => format!("{status} {error}"),
        (None, None, 0) => status.to_string(),
        (None, None, 1) => phrase!(lang, "{status}, 1 text cut", "{status}、切り詰め 1 件"),
        (None, None, cut) => phrase!(lang, "{status}, {cut} texts cut", "{status}、切り詰め {cut} 件"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_of_a_request_has_words_in_both_languages() {
        let request = |status, error: Option<&str>, refusal, origin: Option<&str>, truncated| RecentRequest {
            at_ms: 0,
            client: "curl".into(),
            dialect: "openai".into(),
            model: None,
            texts: 3,
            tokens: 9,
            truncated,
            took_ms: 1.0,
            status,
            error: error.map(str::to_owned),
            refusal,
            origin: origin.map(str::to_owned),
        };
        let page = Some("https://example.org");
        for (request, en, ja) in [
            (request(200, None, None, None, 0), "200", "200"),
            (
                request(200, None, None, None, 2),
                "200, 2 texts cut",
                "200、切り詰め 2 件",
            ),
            (
                request(503, Some("loading"), None, None, 0),
                "503 loading",
                "503 loading",
            ),
            (
                request(403, Some("foreign_origin"), Some(Refusal::Origin), page, 0),
                "403: refused because of its origin https://example.org",
                "403: オリジン https://example.org のため拒否",
            ),
        ] {
            assert_eq!(result(&request, Lang::En), en);
            assert_eq!(result(&request, Lang::Ja), ja);
        }
        let one = Queue {
            requests: 1,
            texts: 1,
        };
        assert_eq!(queue(one, Lang::En), "Queue: 1 request, 1 text");
        assert_eq!(done(450, 1000, Lang::En), "45 % (450 of 1000 texts)");
    }
}
