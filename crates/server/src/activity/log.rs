//! The last requests and the clients that they came from: names, counts and times, within bounds.
//!
//! Which program a client is becomes known beside its first requests. Until then what it does is counted under its connection:
//!
//! ```text
//! a request is answered ──► the client of (name, connection)   while its program is being looked for
//!                      └──► the client of (name, process)      once it is found
//!                      └──► the client of (name, address)      where the OS does not tell
//! ```
//!
//! [`Log::settle`] makes the first one of the others, or adds it to one that is there. It says under the lock what was found,
//! and under the same lock each answered request looks for its client, so none is counted under a connection afterwards.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use okibi_engine::SpaceId;
use okibi_listener::{ConnectionId, Peer, Program};
use okibi_protocol::method::{ActiveClient, ClientModel, RecentRequest, Refusal};
use parking_lot::Mutex;

use super::request::{Asker, Outcome, Request};
use crate::program::address;

/// Requests that are kept.
pub(crate) const MAX_REQUESTS: usize = 200;

/// Clients that are kept.
pub(crate) const MAX_CLIENTS: usize = 100;

/// Models that are kept of a client.
const MAX_MODELS: usize = 16;

/// Characters of a program's name.
const NAME_LENGTH: usize = 64;

/// Characters of an origin.
const ORIGIN_LENGTH: usize = 200;

/// See the module.
#[derive(Default)]
pub(crate) struct Log(Mutex<State>);

#[derive(Default)]
struct State {
    clients: Vec<Client>,
    /// The oldest first.
    requests: VecDeque<Entry>,
}

/// A request that was answered or refused.
struct Entry {
    sender: Sender,
    /// All but the client.
    request: RecentRequest,
}

/// Where a request came from.
enum Sender {
    /// A client that embeds, whose name may become known later.
    Asker(Asker),
    /// What a refused client calls itself. Nobody looks for its program.
    Name(Arc<str>),
}

/// What tells clients of the same name apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// Its program is being looked for.
    Connection(ConnectionId),
    /// A process.
    Process(u32),
    /// The OS tells nothing more of it.
    Address(Option<IpAddr>),
}

impl Identity {
    fn of(peer: &Peer) -> Self {
        match peer.program() {
            None => Self::Connection(peer.connection),
            Some(Some(program)) => Self::Process(program.pid),
            Some(None) => Self::Address(ip(peer)),
        }
    }
}

fn ip(peer: &Peer) -> Option<IpAddr> {
    let (other, _) = peer.addresses?;
    Some(address(other.ip()))
}

struct Client {
    identity: Identity,
    /// The last one through which it asked; it has its name and program.
    asker: Asker,
    dialect: &'static str,
    /// Those of its connections that were open when the last one was added, and that one.
    peers: Vec<Arc<Peer>>,
    last_seen_ms: u64,
    requests: u64,
    texts: u64,
    tokens: u64,
    errors: u64,
    /// The last one used first.
    models: Vec<ModelUse>,
}

struct ModelUse {
    model: String,
    space: Option<SpaceId>,
    last_used_ms: u64,
}

impl Log {
    /// Takes an answered request in: under one lock, for a moment.
    pub(crate) fn answered(&self, request: &Request, outcome: Outcome) {
        let found = request.found();
        let took = request.began.elapsed();
        let mut state = self.0.lock();
        // Under the lock, so that the times are in the order of the list.
        let at_ms = now_ms();
        let client = state.client(&request.asker);
        client.dialect = request.dialect.name();
        client.last_seen_ms = at_ms;
        client.requests += 1;
        if outcome.is_error() {
            client.errors += 1;
        } else {
            client.texts += found.texts;
            client.tokens += found.tokens;
        }
        if let (Some(model), false) = (&found.model, outcome.is_error()) {
            client.uses(model, found.space, at_ms);
        }
        state.push(Entry {
            sender: Sender::Asker(request.asker.clone()),
            request: RecentRequest {
                at_ms,
                client: String::new(),
                dialect: request.dialect.name().to_owned(),
                model: found.model,
                texts: found.texts,
                tokens: found.tokens,
                truncated: found.truncated,
                took_ms: milliseconds(took),
                status: outcome.status,
                error: outcome.error.map(str::to_owned),
                refusal: None,
                origin: None,
            },
        });
    }

    /// Takes a request in that was refused before it was read.
    pub(crate) fn refused(
        &self,
        name: Arc<str>,
        dialect: &'static str,
        outcome: Outcome,
        refusal: Refusal,
        origin: Option<&str>,
    ) {
        let origin = origin.map(|origin| cleaned(origin, ORIGIN_LENGTH));
        let mut state = self.0.lock();
        state.push(Entry {
            sender: Sender::Name(name),
            request: RecentRequest {
                at_ms: now_ms(),
                client: String::new(),
                dialect: dialect.to_owned(),
                model: None,
                texts: 0,
                tokens: 0,
                truncated: 0,
                took_ms: 0.0,
                status: outcome.status,
                error: outcome.error.map(str::to_owned),
                refusal: Some(refusal),
                origin,
            },
        });
    }

    /// The program of a connection was found, or will not be.
    pub(crate) fn settle(&self, peer: &Peer, program: Option<Program>) {
        let program = program.map(|program| Program {
            name: cleaned(&program.name, NAME_LENGTH),
            ..program
        });
        let mut state = self.0.lock();
        peer.set_program(program);
        let identity = Identity::of(peer);
        let is_of_peer = |client: &mut Client| client.identity == Identity::Connection(peer.connection);
        let unsettled: Vec<Client> = state.clients.extract_if(.., is_of_peer).collect();
        for client in unsettled {
            match state.find(&client.asker.name, identity) {
                Some(at) => state.clients[at].add(client),
                None => state.clients.push(Client { identity, ..client }),
            }
        }
    }

    /// The clients, as [`Activity::clients`](okibi_protocol::method::Activity::clients) has them.
    pub(crate) fn clients(&self) -> Vec<ActiveClient> {
        let state = self.0.lock();
        let mut clients: Vec<ActiveClient> = state.clients.iter().map(Client::report).collect();
        drop(state);
        clients.sort_by_key(|client| std::cmp::Reverse((client.connections > 0, client.last_seen_ms)));
        clients
    }

    /// The requests, the newest first.
    pub(crate) fn requests(&self) -> Vec<RecentRequest> {
        let state = self.0.lock();
        let each = state.requests.iter().rev().map(|entry| RecentRequest {
            client: match &entry.sender {
                Sender::Asker(asker) => asker.shown(),
                Sender::Name(name) => name.to_string(),
            },
            ..entry.request.clone()
        });
        each.collect()
    }
}

impl State {
    fn push(&mut self, entry: Entry) {
        if self.requests.len() == MAX_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(entry);
    }

    fn find(&self, name: &str, identity: Identity) -> Option<usize> {
        let is_it = |client: &Client| client.identity == identity && *client.asker.name == *name;
        self.clients.iter().position(is_it)
    }

    /// The client that asks, which may be new.
    fn client(&mut self, asker: &Asker) -> &mut Client {
        let identity = Identity::of(&asker.peer);
        let at = match self.find(&asker.name, identity) {
            Some(at) => at,
            None => {
                if self.clients.len() == MAX_CLIENTS {
                    self.forget_one();
                }
                self.clients.push(Client::new(identity, asker));
                self.clients.len() - 1
            }
        };
        let client = &mut self.clients[at];
        client.joins(asker);
        client
    }

    /// Forgets the client that was not seen for the longest time, if there is one that is not connected among those.
    fn forget_one(&mut self) {
        let clients = self.clients.iter().enumerate();
        let oldest = clients.min_by_key(|(_, client)| (client.connections() > 0, client.last_seen_ms));
        if let Some((at, _)) = oldest {
            self.clients.swap_remove(at);
        }
    }
}

impl Client {
    fn new(identity: Identity, asker: &Asker) -> Self {
        Self {
            identity,
            asker: asker.clone(),
            dialect: "",
            peers: Vec::new(),
            last_seen_ms: 0,
            requests: 0,
            texts: 0,
            tokens: 0,
            errors: 0,
            models: Vec::new(),
        }
    }

    fn connections(&self) -> usize {
        self.peers.iter().filter(|peer| peer.is_connected()).count()
    }

    /// It asks through this connection.
    fn joins(&mut self, asker: &Asker) {
        let is_known = |peer: &Arc<Peer>| Arc::ptr_eq(peer, &asker.peer);
        if !self.peers.iter().any(is_known) {
            // Those that are open have a limit.
            self.peers.retain(|peer| peer.is_connected());
            self.peers.push(Arc::clone(&asker.peer));
        }
        self.asker = asker.clone();
    }

    /// It was given vectors of this model.
    fn uses(&mut self, model: &str, space: Option<SpaceId>, at_ms: u64) {
        let known = self.models.iter().position(|known| known.model == model);
        let mut used = match known {
            Some(at) => self.models.remove(at),
            None => ModelUse {
                model: model.to_owned(),
                space: None,
                last_used_ms: at_ms,
            },
        };
        (used.space, used.last_used_ms) = (space, at_ms);
        self.models.insert(0, used);
        self.models.truncate(MAX_MODELS);
    }

    /// Another one has turned out to be the same.
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.texts += other.texts;
        self.tokens += other.tokens;
        self.errors += other.errors;
        self.peers.retain(|peer| peer.is_connected());
        for peer in other.peers {
            if !self.peers.iter().any(|known| Arc::ptr_eq(known, &peer)) {
                self.peers.push(peer);
            }
        }
        if other.last_seen_ms >= self.last_seen_ms {
            self.last_seen_ms = other.last_seen_ms;
            self.dialect = other.dialect;
        }
        for used in other.models {
            let known = self.models.iter().find(|known| known.model == used.model);
            if known.is_none_or(|known| known.last_used_ms <= used.last_used_ms) {
                self.uses(&used.model, used.space, used.last_used_ms);
            }
        }
        self.models
            .sort_by_key(|used| std::cmp::Reverse(used.last_used_ms));
    }

    fn report(&self) -> ActiveClient {
        let program = self.asker.peer.program().flatten();
        let address = ip(&self.asker.peer);
        ActiveClient {
            client: self.asker.shown(),
            program: program.map(|program| program.name.clone()),
            pid: program.map(|program| program.pid),
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            dialect: self.dialect.to_owned(),
            connections: self.connections() as u64,
            last_seen_ms: self.last_seen_ms,
            requests: self.requests,
            texts: self.texts,
            tokens: self.tokens,
            errors: self.errors,
            models: self
                .models
                .iter()
                .map(|used| ClientModel {
                    model: used.model.clone(),
                    space: used.space.as_ref().map(ToString::to_string),
                    last_used_ms: used.last_used_ms,
                })
                .collect(),
        }
    }
}

/// The time of day, in milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// The text without what controls a terminal or turns the direction of writing around, and cut.
fn cleaned(text: &str, length: usize) -> String {
    let turns = |char| matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = text.chars().filter(|char| !char.is_control() && !turns(*char));
    shown.take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_written_has_nothing_that_a_terminal_obeys() {
        assert_eq!(cleaned("a\x1b]0;b\x07\u{202e}検索", 64), "a]0;b検索");
        assert_eq!(cleaned(&"x".repeat(500), 64).len(), 64);
    }
}
