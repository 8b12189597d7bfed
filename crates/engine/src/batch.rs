//! Which texts are computed together: pure decisions, no model.
//!
//! Where ONNX Runtime computes, a batch costs as much as its longest text times its number of texts, because the shorter ones
//! are padded. So each request's texts are sorted from long to short, and a batch takes neighbors. Our own encoder pads
//! nothing: there a batch costs its tokens. Between requests, time is virtual and counts tokens: the
//! request with the earliest start is served, and its start then moves on by the tokens it got.
//!
//! ```text
//! request of A  ████████ ████████ ███████ ██████ ...   start 4096   (a long list)
//! request of B  ██                                     start 2048   (one query: now is 2048)
//! request of C  ███                                    start 2048
//!
//! next batch    ██                    B first: earliest start, earliest arrival
//!               ███                   C fits whole, so it slices the run
//!                                     A does not fit whole, and waits for the batch after this one
//! ```

use std::collections::{HashMap, HashSet};

/// Texts of one request that wait to be computed, longest first.
#[derive(Debug)]
pub struct Waiting {
    /// Which client asked.
    pub client: u64,
    /// Token counts of the texts, sorted from long to short; those before `next` are done.
    pub lengths: Vec<usize>,
    /// First text that waits.
    pub next: usize,
    /// Virtual time at which the request's next batch starts (start-time fair queuing).
    pub start: u64,
    /// Order of arrival.
    pub arrival: u64,
    /// Batches since its client was last served, or since it came.
    pub passed_over: u64,
}

impl Waiting {
    /// Returns the tokens that wait.
    fn tokens(&self) -> usize {
        self.lengths[self.next..].iter().sum()
    }

    fn is_done(&self) -> bool {
        self.next >= self.lengths.len()
    }
}

/// A request's slice of a batch: its texts `first..first + count` in its sorted order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSlice {
    /// Position of the request among those that wait.
    pub request: usize,
    /// First text.
    pub first: usize,
    /// Number of texts.
    pub count: usize,
}

/// Batches without a text of its client after which the oldest request goes first, so that no stream of small ones starves
/// it. A request whose client is being served has no such claim: a small one that comes beside it has the next batch.
const PATIENCE: u64 = 7;

/// Beside small requests of others, a long request's batches have this part of the budget: the next small one waits for the
/// batch under way, and four short batches take little more time than a long one.
const PART: usize = 4;

/// Batches after the last small request until a long one has the whole budget again.
const COMPANY: u64 = 64;

/// Plans batches over the waiting requests.
///
/// Start-time fair queuing (Goyal, Vin, Cheng 1996) decides whose turn it is, with tokens as the cost: a newly
/// arrived request starts at the current virtual time, before whatever a long one has left, and two long ones
/// alternate. The batch is then filled up to the budget: with more texts of the same request, and, when all it
/// has left fits, with other requests that fit whole, so that many small ones share a run and a long one never
/// makes a small one's batch larger. Where small requests of others come meanwhile, a long one's batches are shorter.
#[derive(Debug, Default)]
pub struct Planner {
    /// Whether the shorter texts of a batch cost as much as its longest.
    pads: bool,
    now: u64,
    /// Virtual finish time of each client's last batch, for clients with requests waiting.
    finished: HashMap<u64, u64>,
    /// Batches for which small requests of others are still expected beside long ones.
    company: u64,
}

impl Planner {
    /// Creates one for a model whose batches are padded, or are not.
    pub fn new(pads: bool) -> Self {
        Self {
            pads,
            ..Self::default()
        }
    }

    /// Returns the virtual start time for a request of `client` that arrives now.
    pub fn arrive(&mut self, client: u64) -> u64 {
        self.now.max(self.finished.get(&client).copied().unwrap_or(0))
    }

    /// Plans the next batch of at most `budget` tokens, padding included, or a single text that is longer; empty when nothing
    /// waits. Advances the requests' `next` and `start`.
    pub fn next_batch(&mut self, waiting: &mut [Waiting], budget: usize) -> Vec<BatchSlice> {
        let mut order: Vec<usize> = (0..waiting.len()).filter(|at| !waiting[*at].is_done()).collect();
        let oldest = order.iter().min_by_key(|at| waiting[**at].arrival).copied();
        let starving = oldest.filter(|at| waiting[*at].passed_over >= PATIENCE);
        order.sort_by_key(|at| {
            let request = &waiting[*at];
            (starving != Some(*at), request.start, request.arrival)
        });
        let Some((&first, others)) = order.split_first() else {
            return Vec::new();
        };
        let first_budget = self.budget_of(&waiting[first], budget);
        let slices = self.fill(waiting, first, others, budget, first_budget);
        self.notice_company(waiting, &slices, budget);
        // A starving request is served out of its turn: its start lies ahead, and time must not jump to it.
        if starving.is_none() {
            self.now = self.now.max(waiting[first].start);
        }
        self.charge(waiting, &slices);
        slices
    }

    /// Returns the part of the budget that the batch's first request may fill: less where it is a long one and small
    /// requests of others are expected.
    fn budget_of(&self, first: &Waiting, budget: usize) -> usize {
        match self.company {
            1.. if first.tokens() > budget => budget / PART,
            _ => budget,
        }
    }

    /// Remembers whether a small request is served beside a long one of another client.
    fn notice_company(&mut self, waiting: &[Waiting], slices: &[BatchSlice], budget: usize) {
        let in_bulk: HashSet<u64> = waiting
            .iter()
            .filter(|request| request.tokens() > budget)
            .map(|request| request.client)
            .collect();
        let is_beside_bulk = slices.iter().any(|slice| {
            let small = &waiting[slice.request];
            small.lengths.iter().sum::<usize>() <= budget / PART
                && in_bulk.iter().any(|client| *client != small.client)
        });
        self.company = match is_beside_bulk {
            true => COMPANY,
            false => self.company.saturating_sub(1),
        };
    }

    /// Advances the served requests, and charges their clients for the tokens.
    fn charge(&mut self, waiting: &mut [Waiting], slices: &[BatchSlice]) {
        for slice in slices {
            let request = &mut waiting[slice.request];
            let before = request.tokens();
            request.next += slice.count;
            request.start += (before - request.tokens()) as u64;
            self.finished.insert(request.client, request.start);
        }
        let served: HashSet<u64> = slices.iter().map(|slice| waiting[slice.request].client).collect();
        for request in waiting {
            // A client's requests are one flow: what one of them has been served counts for the others, or a client would
            // get more by sending many.
            if let Some(finish) = self.finished.get(&request.client) {
                request.start = request.start.max(*finish);
            }
            request.passed_over = match served.contains(&request.client) {
                true => 0,
                false => request.passed_over + 1,
            };
        }
        // A client whose last batch lies in the past starts at the current time anyway; so the map stays as small as the
        // queue.
        let now = self.now;
        self.finished.retain(|_, finish| *finish > now);
    }

    /// Fills a batch: with texts of the request `first` up to `first_budget`, then, where these are all that it has left, with
    /// other requests that fit into `budget` whole.
    fn fill(
        &self,
        waiting: &[Waiting],
        first: usize,
        others: &[usize],
        budget: usize,
        first_budget: usize,
    ) -> Vec<BatchSlice> {
        let seed = &waiting[first];
        let mut size = Size::default();
        for length in &seed.lengths[seed.next..] {
            let more = size.with(&[*length]);
            // A text over the budget is a batch of its own, or it would never be computed.
            if size.count > 0 && more.cost(self.pads) > first_budget {
                break;
            }
            size = more;
        }
        let mut slices = vec![BatchSlice {
            request: first,
            first: seed.next,
            count: size.count,
        }];
        if seed.next + size.count < seed.lengths.len() {
            return slices;
        }
        for &at in others {
            let other = &waiting[at];
            let rest = &other.lengths[other.next..];
            let more = size.with(rest);
            if more.cost(self.pads) <= budget {
                size = more;
                slices.push(BatchSlice {
                    request: at,
                    first: other.next,
                    count: rest.len(),
                });
            }
        }
        slices
    }
}

/// How large a batch is.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    /// Its texts.
    count: usize,
    /// Their tokens.
    tokens: usize,
    /// Those of the longest.
    longest: usize,
}

impl Size {
    /// The size with more texts.
    fn with(self, lengths: &[usize]) -> Self {
        Self {
            count: self.count + lengths.len(),
            tokens: self.tokens + lengths.iter().sum::<usize>(),
            longest: lengths.iter().copied().fold(self.longest, usize::max),
        }
    }

    /// The tokens that are computed.
    fn cost(self, pads: bool) -> usize {
        if pads {
            self.longest * self.count
        } else {
            self.tokens
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(planner: &mut Planner, client: u64, arrival: u64, lengths: &[usize]) -> Waiting {
        Waiting {
            client,
            lengths: lengths.to_vec(),
            next: 0,
            start: planner.arrive(client),
            arrival,
            passed_over: 0,
        }
    }

    /// Runs the planner dry and returns the request index of each batch's first slice, and the padded sizes.
    fn drain(planner: &mut Planner, waiting: &mut [Waiting], budget: usize) -> Vec<Vec<BatchSlice>> {
        std::iter::from_fn(|| Some(planner.next_batch(waiting, budget)).filter(|slices| !slices.is_empty()))
            .collect()
    }

    #[test]
    fn batches_keep_to_the_budget_with_padding_counted() {
        let mut planner = Planner::new(true);
        let mut waiting = [request(&mut planner, 1, 0, &[9, 8, 4, 4, 3, 1, 1])];
        let lengths = waiting[0].lengths.clone();
        let batches = drain(&mut planner, &mut waiting, 16);
        for slices in &batches {
            let [slice] = slices[..] else {
                panic!("one request, one slice")
            };
            let texts = &lengths[slice.first..slice.first + slice.count];
            assert!(slice.count == 1 || texts[0] * texts.len() <= 16, "{texts:?}");
        }
        let computed: usize = batches.iter().flatten().map(|slice| slice.count).sum();
        assert_eq!(computed, lengths.len());
    }

    #[test]
    fn without_padding_a_batch_is_as_large_as_its_tokens() {
        let mut planner = Planner::new(false);
        let mut waiting = [request(&mut planner, 1, 0, &[9, 4, 2, 1, 1])];
        let counts: Vec<usize> = drain(&mut planner, &mut waiting, 16)
            .iter()
            .map(|slices| slices[0].count)
            .collect();
        // 9 + 4 + 2 + 1, and the last.
        assert_eq!(counts, [4, 1]);
    }

    #[test]
    fn a_text_over_the_budget_is_a_batch_of_its_own() {
        let mut planner = Planner::new(true);
        let mut waiting = [request(&mut planner, 1, 0, &[100, 2])];
        let batches = drain(&mut planner, &mut waiting, 16);
        assert_eq!(
            batches[0],
            [BatchSlice {
                request: 0,
                first: 0,
                count: 1
            }]
        );
        assert_eq!(batches.len(), 2);
    }

    #[test]
    fn small_requests_share_a_batch() {
        let mut planner = Planner::new(true);
        let mut waiting: Vec<_> = (0..5)
            .map(|client| request(&mut planner, client, client, &[3]))
            .collect();
        let batches = drain(&mut planner, &mut waiting, 16);
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].len(), 5);
    }

    #[test]
    fn a_small_request_overtakes_a_long_one_and_stays_small() {
        let mut planner = Planner::new(true);
        let mut waiting = vec![request(&mut planner, 1, 0, &[4; 100])];
        planner.next_batch(&mut waiting, 16);
        let small = request(&mut planner, 2, 1, &[3]);
        waiting.push(small);
        assert_eq!(
            planner.next_batch(&mut waiting, 16),
            [BatchSlice {
                request: 1,
                first: 0,
                count: 1
            }]
        );
        assert_eq!(planner.next_batch(&mut waiting, 16)[0].request, 0);
    }

    #[test]
    fn two_long_requests_share_evenly() {
        let mut planner = Planner::new(true);
        let mut waiting = [
            request(&mut planner, 1, 0, &[4; 64]),
            request(&mut planner, 2, 1, &[4; 64]),
        ];
        let firsts: Vec<_> = (0..8)
            .map(|_| planner.next_batch(&mut waiting, 16)[0].request)
            .collect();
        let of_second = firsts.iter().filter(|request| **request == 1).count();
        assert!((3..=5).contains(&of_second), "{firsts:?}");
    }

    #[test]
    fn an_endless_stream_of_small_requests_does_not_starve_a_long_one() {
        let mut planner = Planner::new(true);
        let mut waiting = vec![request(&mut planner, 0, 0, &[4; 8])];
        let mut batches = 0;
        while waiting[0].next < 8 {
            batches += 1;
            assert!(batches < 100, "the long request never ends");
            // A new client every time: fairness among clients alone would let them all go first.
            let small = request(&mut planner, batches, batches, &[15]);
            waiting.push(small);
            planner.next_batch(&mut waiting, 16);
        }
    }

    #[test]
    fn beside_a_long_request_that_is_served_a_small_one_is_always_in_the_next_batch() {
        // Small requests with so many batches of the long one between them: every beat that a client may have.
        for pause in 1..=9 {
            let mut planner = Planner::new(true);
            // In two parts, as a streamed list comes: the second waits, unserved, while the first is.
            let mut waiting = vec![
                request(&mut planner, 1, 0, &[4; 200]),
                request(&mut planner, 1, 1, &[4; 10_000]),
            ];
            for batch in 0..100 {
                if batch % (pause + 1) != pause {
                    assert!(planner.next_batch(&mut waiting, 16)[0].request < 2);
                    continue;
                }
                let small = request(&mut planner, 2 + batch, 2 + batch, &[3]);
                waiting.push(small);
                let slices = planner.next_batch(&mut waiting, 16);
                assert_eq!(
                    slices[0].request,
                    waiting.len() - 1,
                    "batch {batch}, pause {pause}"
                );
            }
        }
    }

    #[test]
    fn a_long_request_is_computed_in_shorter_batches_while_small_ones_come() {
        let mut planner = Planner::new(true);
        let mut waiting = vec![
            request(&mut planner, 1, 0, &[4; 1000]),
            request(&mut planner, 2, 1, &[4; 1000]),
        ];
        let of_long = |planner: &mut Planner, waiting: &mut Vec<Waiting>| {
            let slices = planner.next_batch(waiting, 16);
            assert!(slices[0].request < 2);
            slices[0].count
        };
        assert_eq!(of_long(&mut planner, &mut waiting), 4, "two long ones do without");
        assert_eq!(of_long(&mut planner, &mut waiting), 4, "two long ones do without");
        let small = request(&mut planner, 3, 2, &[3]);
        waiting.push(small);
        assert_eq!(planner.next_batch(&mut waiting, 16)[0].request, 2);
        for _ in 0..COMPANY {
            assert_eq!(of_long(&mut planner, &mut waiting), 1);
        }
        assert_eq!(
            of_long(&mut planner, &mut waiting),
            4,
            "the small one was the last"
        );
    }

    #[test]
    fn nothing_waiting_plans_nothing() {
        assert_eq!(Planner::new(true).next_batch(&mut [], 16), []);
    }
}
