//! The listener's half of the exchange by which it and a client show each other that they have the token.

use axum::http::{
    HeaderMap,
    header::{self, HeaderName, HeaderValue},
};
use okibi_protocol::{
    guard::{Access, Refusal, Right},
    proof::{CHALLENGE_HEADER, Exchange, NONCE_BYTES, Nonce, SCHEME, Side},
};

/// What a listener adds to each exchange.
pub(crate) struct Identity {
    port: u16,
    /// `None` where the OS has no random numbers: then there are no proofs, and tokens have to be sent.
    nonce: Option<Nonce>,
}

impl Identity {
    /// That of a listener on `port`.
    pub(crate) fn new(port: u16) -> Self {
        let mut random = [0; NONCE_BYTES];
        let nonce = match getrandom::fill(&mut random) {
            Ok(()) => Some(Nonce::new(random)),
            Err(error) => {
                tracing::warn!(%error, "there are no random numbers, so nothing can be proved to clients");
                None
            }
        };
        Self { port, nonce }
    }

    /// What a request may do that brings the proof that its sender has a token; `None` where it brings none.
    ///
    /// Errors: [`Refusal::WrongToken`] for a wrong proof.
    pub(crate) fn right(&self, access: &Access, headers: &HeaderMap) -> Option<Result<Right, Refusal>> {
        let tokens = access.tokens.as_ref()?;
        let (scheme, proof) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return None;
        }
        let proof = proof.trim();
        let client = challenge(headers);
        let exchange = client.as_ref().and_then(|client| self.exchange(client));
        let is_proof =
            |token: &str| exchange.is_some_and(|exchange| exchange.is_proof(Side::Client, token, proof));
        Some(if is_proof(&tokens.manage) {
            Ok(Right::Manage)
        } else if is_proof(&tokens.for_use) {
            Ok(Right::Use)
        } else {
            Err(Refusal::WrongToken)
        })
    }

    /// This side's proofs for a request that asks for them: its nonce, then the proof by each token.
    pub(crate) fn proofs(&self, access: &Access, headers: &HeaderMap) -> Option<HeaderValue> {
        let tokens = access.tokens.as_ref()?;
        let client = challenge(headers)?;
        let exchange = self.exchange(&client)?;
        let proof = |token| exchange.proof(Side::Server, token);
        let (nonce, for_use, manage) = (
            exchange.server.as_str(),
            proof(&tokens.for_use),
            proof(&tokens.manage),
        );
        HeaderValue::try_from(format!("{nonce} {for_use} {manage}")).ok()
    }

    fn exchange<'a>(&'a self, client: &'a Nonce) -> Option<Exchange<'a>> {
        Some(Exchange {
            port: self.port,
            client,
            server: self.nonce.as_ref()?,
        })
    }
}

/// The nonce of a client that asks for a proof.
fn challenge(headers: &HeaderMap) -> Option<Nonce> {
    Nonce::parse(text(headers, HeaderName::from_static(CHALLENGE_HEADER))?)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
