//! How two programs that have the same token prove it to each other, without sending it to a program that may be another.
//!
//! ```text
//!   client                                                server
//!   Okibi-Challenge: CLIENT_NONCE ──────────────────────► requires a token: 401
//!   checks one of the proofs ◄── Okibi-Proof: SERVER_NONCE USE_PROOF MANAGE_PROOF
//!   Okibi-Challenge: CLIENT_NONCE
//!   Authorization: Okibi CLIENT_PROOF ──────────────────► checks it: the right of that token
//! ```
//!
//! A proof is HMAC-SHA-256, with the token as its key, of the side that gives it, the server's port and both nonces. The
//! port keeps a program on another port from passing the challenge on to a server that has the token. A server's nonce
//! lives as long as its listener, which nobody else can be in the place of; a client's is used for one connection.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header in which a client sends its nonce.
pub const CHALLENGE_HEADER: &str = "okibi-challenge";

/// The header in which a server answers it: its own nonce, then its proof by each token it takes.
pub const PROOF_HEADER: &str = "okibi-proof";

/// The scheme of `Authorization` under which a client sends its proof.
pub const SCHEME: &str = "Okibi";

/// Random bytes of a nonce.
pub const NONCE_BYTES: usize = 32;

/// What each side adds to the exchange, so that no proof is given twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// A nonce of random bytes.
    pub fn new(random: [u8; NONCE_BYTES]) -> Self {
        Self(hex(&random))
    }

    /// Reads a nonce of the other side; `None` for anything but as many hexadecimal digits as ours have.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 2 * NONCE_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The text on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who gives a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The program that connects.
    Client,
    /// The program that listens.
    Server,
}

/// What client and server have to agree on.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The server's port.
    pub port: u16,
    /// The client's nonce.
    pub client: &'a Nonce,
    /// The server's nonce.
    pub server: &'a Nonce,
}

impl Exchange<'_> {
    /// The proof of a side that has `token`.
    pub fn proof(&self, side: Side, token: &str) -> String {
        let side = match side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let (port, client, server) = (self.port, self.client.as_str(), self.server.as_str());
        sign(token, format!("okibi {side} {port} {client} {server}").as_bytes())
    }

    /// Whether `proof` is that of a side that has `token`. Takes the same time for every wrong one of one length.
    pub fn is_proof(&self, side: Side, token: &str, proof: &str) -> bool {
        is_equal(&self.proof(side, token), proof)
    }
}

/// HMAC-SHA-256 of `message` in hexadecimal digits.
pub(crate) fn sign(key: &str, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of HMAC has any length");
    mac.update(message);
    hex(&mac.finalize().into_bytes())
}

/// Compares in a time that says nothing about where two texts differ.
pub(crate) fn is_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_side_one_port_one_token_and_both_nonces() {
        let (one, two) = (Nonce::new([1; NONCE_BYTES]), Nonce::new([2; NONCE_BYTES]));
        let exchange = Exchange {
            port: 8765,
            client: &one,
            server: &two,
        };
        let proof = exchange.proof(Side::Server, "token");
        assert!(exchange.is_proof(Side::Server, "token", &proof));
        assert!(!exchange.is_proof(Side::Client, "token", &proof), "no reflection");
        assert!(!exchange.is_proof(Side::Server, "other", &proof));
        let elsewhere = Exchange {
            port: 8766,
            ..exchange
        };
        assert!(
            !elsewhere.is_proof(Side::Server, "token", &proof),
            "not passed on"
        );
        let turned = Exchange {
            client: &two,
            server: &one,
            ..exchange
        };
        assert!(!turned.is_proof(Side::Server, "token", &proof));
        assert!(!exchange.is_proof(Side::Server, "token", ""));
    }

    /// RFC 4231, test case 2.
    #[test]
    fn a_signature_is_hmac_sha_256() {
        assert_eq!(
            sign("Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn only_a_nonce_is_read_as_one() {
        let nonce = Nonce::new([0xab; NONCE_BYTES]);
        assert_eq!(Nonce::parse(nonce.as_str()), Some(nonce.clone()));
        for text in ["", "ab", &format!("{}0", nonce.as_str()), &"x".repeat(64)] {
            assert_eq!(Nonce::parse(text), None, "{text}");
        }
    }
}
