//! The state machine without a model: single stories, and any interleaving of what can happen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use okibi_protocol::{model_ref::ModelRef, models::Variant};
use proptest::{prelude::*, sample::Index};
use tokio::sync::{Notify, oneshot::error::TryRecvError};

use crate::{
    failure::ModelFailure,
    models::{
        lease::{Lease, Retired},
        load::Load,
        request::{LoadRequest, Purpose, SlotId},
        slot::{Effects, Loaded, Model, State},
        slots::Slots,
    },
    options::KeepAlive,
};

/// Counts the engines that live.
#[derive(Clone, Debug, Default)]
struct Alive(Arc<AtomicUsize>);

#[derive(Debug)]
struct TestEngine(Alive);

impl TestEngine {
    fn new(alive: &Alive) -> Arc<Self> {
        alive.0.fetch_add(1, SeqCst);
        Arc::new(Self(alive.clone()))
    }
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

impl Model for TestEngine {
    type Info = String;

    fn name(info: &String) -> &str {
        info
    }

    fn weight_bytes(_: &String) -> u64 {
        1
    }
}

const REPLACE: Purpose = Purpose::Switch {
    replace: true,
    keep: false,
};
const SWITCH: Purpose = Purpose::Switch {
    replace: false,
    keep: false,
};

fn request(model: &str) -> LoadRequest {
    LoadRequest {
        model: model.into(),
        variant: Variant::Auto,
    }
}

fn failure() -> Arc<ModelFailure> {
    Arc::new(ModelFailure::load_died())
}

/// A daemon's models with what is around them: threads that load, requests that wait, requests that work.
struct World {
    slots: Slots<TestEngine>,
    alive: Alive,
    now: Instant,
    /// Loads that go on, each on its thread.
    running: Vec<SlotId>,
    waiting: Vec<Waiting>,
    leases: Vec<Lease<TestEngine>>,
    /// Engines that were let go and are not closed yet.
    retired: Vec<Retired<TestEngine>>,
    wake: Arc<Notify>,
}

/// Somebody who waits for a model.
struct Waiting {
    /// `None` for a request that names no model.
    model: Option<String>,
    load: Load<TestEngine>,
}

impl World {
    fn new() -> Self {
        Self {
            slots: Slots::default(),
            alive: Alive::default(),
            now: Instant::now(),
            running: Vec::new(),
            waiting: Vec::new(),
            leases: Vec::new(),
            retired: Vec::new(),
            wake: Arc::default(),
        }
    }

    /// One whose first model, `a`, is loaded.
    fn started() -> Self {
        let mut world = Self::new();
        world.begin("a", SWITCH);
        world.settle_ok("a");
        world
    }

    fn perform(&mut self, effects: Effects<TestEngine>) {
        for (id, _) in effects.start {
            assert!(!self.running.contains(&id), "one thread loads a slot");
            self.running.push(id);
        }
        self.retired.extend(effects.retired);
    }

    fn begin(&mut self, model: &str, purpose: Purpose) {
        let (load, effects) = self.slots.begin(&request(model), purpose, self.now);
        self.perform(effects);
        let model = Some(model.to_owned());
        self.waiting.push(Waiting { model, load });
    }

    /// A request; says whether the model it names is held.
    fn request(&mut self, model: Option<&str>) -> bool {
        let asked = model.map(ModelRef::parse);
        let Some((load, effects)) = self.slots.lease(asked.as_ref(), &[], self.now) else {
            return false;
        };
        self.perform(effects);
        let model = model.map(str::to_owned);
        self.waiting.push(Waiting { model, load });
        true
    }

    fn id(&self, model: &str) -> SlotId {
        let slots = self.slots.all();
        slots
            .iter()
            .find(|slot| slot.request.model == model)
            .expect("it is held")
            .id
    }

    fn settle(&mut self, id: SlotId, is_ok: bool) {
        self.running.retain(|running| *running != id);
        let name = self.slots.get(id).map(|slot| slot.request.model.clone());
        let outcome = if is_ok {
            Ok(Loaded {
                engine: TestEngine::new(&self.alive),
                info: Arc::new(name.unwrap_or_default()),
                warning: None,
            })
        } else {
            Err(failure())
        };
        let effects = self.slots.settle(id, outcome, self.now);
        self.perform(effects);
    }

    fn settle_ok(&mut self, model: &str) {
        self.settle(self.id(model), true);
    }

    fn settle_err(&mut self, model: &str) {
        self.settle(self.id(model), false);
    }

    fn evict(&mut self, model: &str) -> bool {
        let evicted = self.slots.evict(self.id(model));
        let is_evicted = evicted.is_some();
        self.retired.extend(evicted);
        is_evicted
    }

    fn unload(&mut self, model: &str) {
        if let Some(unloaded) = self.slots.unload(&ModelRef::parse(model), &[], self.now) {
            self.perform(unloaded.effects);
        }
    }

    /// Those who have been answered: what they had asked for, and with whose model or that there is none.
    fn answers(&mut self) -> Vec<(Option<String>, Result<String, &'static str>)> {
        let mut answers = Vec::new();
        let mut waiting = Vec::new();
        for mut waiter in std::mem::take(&mut self.waiting) {
            let outcome = match waiter.load.outcome.try_recv() {
                Err(TryRecvError::Empty) => {
                    waiting.push(waiter);
                    continue;
                }
                Err(TryRecvError::Closed) => Err("interrupted"),
                Ok(Err(failure)) => Err(failure.kind),
                Ok(Ok(lease)) => {
                    let slot = self
                        .slots
                        .get(lease.id)
                        .expect("a lease is given by a slot that is held");
                    let model = slot.request.model.clone();
                    self.leases.push(lease);
                    Ok(model)
                }
            };
            answers.push((waiter.model, outcome));
        }
        self.waiting = waiting;
        answers
    }

    fn current(&self) -> Option<&str> {
        Some(self.slots.current()?.request.model.as_str())
    }

    fn state(&self, model: &str) -> &'static str {
        let slots = self.slots.all();
        match slots.iter().find(|slot| slot.request.model == model) {
            None => "not held",
            Some(slot) => match &slot.state {
                State::Loading { .. } => "loading",
                State::Ready { .. } => "ready",
                State::Idle => "idle",
                State::Failed { .. } => "failed",
            },
        }
    }

    /// Closes the engines that nobody uses any more; none may be in use by somebody who is not known.
    fn close_retired(&mut self) {
        for retired in std::mem::take(&mut self.retired) {
            if retired.usage.wait_until_unused(Some(Duration::ZERO)) {
                let engine = Arc::into_inner(retired.engine);
                assert!(engine.is_some(), "an unused engine has one owner");
            } else {
                self.retired.push(retired);
            }
        }
    }
}

fn of(model: &str) -> (Option<String>, Result<String, &'static str>) {
    (None, Ok(model.to_owned()))
}

#[test]
fn only_so_many_models_are_loaded_at_once_and_the_others_are_answered() {
    let mut world = World::started();
    for model in 0..8 {
        world.begin(&format!("slow-{model}"), Purpose::Memory);
    }
    let (load, effects) = world
        .slots
        .begin(&request("one-more"), Purpose::Memory, world.now);
    assert!(effects.start.is_empty(), "no thread for it");
    let mut outcome = load.outcome;
    let Ok(Err(failure)) = outcome.try_recv() else {
        panic!("it is answered at once");
    };
    assert_eq!(failure.kind, "busy");
    assert_eq!(world.slots.all().len(), 9, "nothing is left of it");
    // One that is being loaded already can be joined, and a place that is free again is taken.
    world.begin("slow-0", Purpose::Memory);
    world.settle_err("slow-0");
    let (_load, effects) = world
        .slots
        .begin(&request("one-more"), Purpose::Memory, world.now);
    assert_eq!(effects.start.len(), 1);
}

#[test]
fn models_that_do_not_exist_leave_little_behind_however_many_are_asked_for() {
    let mut world = World::started();
    for model in 0..3000 {
        let model = format!("nobody-has-{model}");
        world.begin(
            &model,
            if model.ends_with('7') {
                SWITCH
            } else {
                Purpose::Memory
            },
        );
        world.settle_err(&model);
        world.now += Duration::from_millis(1);
    }
    let held: Vec<_> = world
        .slots
        .all()
        .iter()
        .map(|slot| slot.request.model.clone())
        .collect();
    assert_eq!(held.len(), 9, "{held:?}");
    assert!(
        held.contains(&"a".to_owned()) && held.contains(&"nobody-has-2999".to_owned()),
        "{held:?}"
    );
}

#[test]
fn the_first_load_is_one_like_any_other() {
    let mut world = World::new();
    world.begin("a", SWITCH);
    assert!(world.request(None), "a request waits for it");
    assert_eq!((world.current(), world.state("a")), (None, "loading"));
    world.settle_ok("a");
    assert_eq!(world.current(), Some("a"));
    let answers = world.answers();
    assert_eq!(answers, [(Some("a".into()), Ok("a".into())), of("a")]);
}

#[test]
fn a_first_load_that_fails_leaves_no_current_model() {
    let mut world = World::new();
    world.begin("a", SWITCH);
    world.request(None);
    world.settle_err("a");
    assert_eq!(world.current(), None);
    let failed = |model: Option<&str>| (model.map(str::to_owned), Err("load_failed"));
    assert_eq!(world.answers(), [failed(Some("a")), failed(None)]);
}

#[test]
fn the_current_model_answers_until_the_next_one_does_and_goes_then() {
    let mut world = World::started();
    world.answers();
    world.leases.clear();
    world.begin("b", SWITCH);
    world.request(None);
    assert_eq!(world.answers(), [of("a")], "nobody waits");
    world.settle_ok("b");
    assert_eq!((world.current(), world.state("a")), (Some("b"), "not held"));
    world.close_retired();
    assert_eq!(
        world.retired.len(),
        1,
        "a request still works with the model that was left"
    );
    world.leases.clear();
    world.close_retired();
    assert!(world.retired.is_empty());
}

#[test]
fn a_model_that_is_kept_stays_beside_the_next_one() {
    let mut world = World::started();
    let keep = Purpose::Switch {
        replace: false,
        keep: true,
    };
    world.begin("b", keep);
    world.settle_ok("b");
    assert_eq!((world.current(), world.state("a")), (Some("b"), "ready"));
}

#[test]
fn a_current_model_that_is_replaced_is_unloaded_before_the_next_one_is_opened_busy_or_not() {
    let mut world = World::started();
    world.answers();
    assert_eq!(world.leases.len(), 1, "it is busy");
    world.begin("b", REPLACE);
    assert!(world.slots.must_unload_current_first(world.id("b")));
    world.request(None);
    assert!(
        world.answers().is_empty(),
        "a request without a name waits for the next one"
    );
    assert!(world.evict("b"));
    assert_eq!((world.state("a"), world.current()), ("idle", Some("a")));
    assert!(!world.slots.must_unload_current_first(world.id("b")));
    world.settle_ok("b");
    assert_eq!((world.current(), world.state("a")), (Some("b"), "not held"));
    assert_eq!(world.answers(), [(Some("b".into()), Ok("b".into())), of("b")]);
}

#[test]
fn a_replaced_model_comes_back_when_the_load_fails_and_answers_those_who_waited() {
    let mut world = World::started();
    world.begin("b", REPLACE);
    world.evict("b");
    world.answers();
    world.request(None);
    world.settle_err("b");
    assert_eq!((world.current(), world.state("a")), (Some("a"), "loading"));
    assert_eq!(world.running, [world.id("a")]);
    assert_eq!(world.answers(), [(Some("b".into()), Err("load_failed"))]);
    world.settle_ok("a");
    assert_eq!(world.answers(), [of("a")]);
}

#[test]
fn a_replacing_load_that_fails_before_anything_was_unloaded_changes_nothing() {
    let mut world = World::started();
    world.begin("b", REPLACE);
    world.answers();
    world.request(None);
    world.settle_err("b");
    assert_eq!((world.current(), world.state("a")), (Some("a"), "ready"));
    assert_eq!(world.answers(), [(Some("b".into()), Err("load_failed")), of("a")]);
}

#[test]
fn a_replacing_load_that_is_unloaded_brings_the_replaced_model_back() {
    let mut world = World::started();
    world.begin("b", REPLACE);
    world.evict("b");
    world.answers();
    world.request(None);
    let id = world.id("b");
    world.unload("b");
    assert_eq!((world.current(), world.state("a")), (Some("a"), "loading"));
    assert_eq!(world.answers(), [(Some("b".into()), Err("interrupted"))]);
    world.settle_ok("a");
    assert_eq!(world.answers(), [of("a")]);
    // The thread of the load that nobody wants any more ends too.
    world.settle(id, true);
    assert_eq!(
        world.retired.len(),
        2,
        "its engine goes as that which was replaced"
    );
}

#[test]
fn of_two_switches_the_later_one_counts() {
    let mut world = World::started();
    world.begin("b", SWITCH);
    world.begin("c", SWITCH);
    world.settle_ok("c");
    assert_eq!(world.current(), Some("c"));
    world.settle_ok("b");
    assert_eq!((world.current(), world.state("b")), (Some("c"), "ready"));
    world.begin("b", SWITCH);
    assert_eq!(
        (world.current(), world.state("c")),
        (Some("b"), "not held"),
        "a model that is loaded takes over at once"
    );
}

#[test]
fn the_models_not_used_for_longest_make_room_and_neither_a_busy_nor_the_current_one() {
    let mut world = World::started();
    for model in ["b", "c", "d"] {
        world.now += Duration::from_secs(1);
        world.begin(model, Purpose::Request);
        world.settle_ok(model);
    }
    world.answers();
    world
        .leases
        .retain(|lease| lease.id != world.slots.find(&ModelRef::parse("b")).unwrap().id);
    world.begin("e", Purpose::Request);
    assert!(world.evict("e"));
    assert_eq!(world.state("b"), "idle");
    assert!(!world.evict("e"), "the others are current or busy");
}

#[test]
fn a_model_that_failed_is_tried_again_at_once_only_for_who_says_so() {
    let mut world = World::started();
    world.begin("b", Purpose::Memory);
    world.settle_err("b");
    world.answers();
    world.request(Some("b"));
    assert_eq!(world.answers(), [(Some("b".into()), Err("load_failed"))]);
    world.begin("b", Purpose::Memory);
    assert_eq!(world.state("b"), "loading");
    world.settle_err("b");
    world.now += Duration::from_secs(6);
    world.request(Some("b"));
    assert_eq!(world.state("b"), "loading");
}

#[test]
fn a_busy_model_without_keep_alive_is_unloaded_with_its_last_request() {
    let mut world = World::started();
    world.answers();
    let at_once = Some(KeepAlive::For(Duration::ZERO));
    let later = world.now + Duration::from_secs(3600);
    let (retired, next) = world.slots.unload_idle(later, at_once, &world.wake);
    assert!(retired.is_empty() && next.is_none(), "its last request wakes");
    world.leases.clear();
    let (retired, _) = world.slots.unload_idle(later, at_once, &world.wake);
    assert_eq!((retired.len(), world.state("a")), (1, "idle"));
}

#[test]
fn every_way_to_name_a_model_finds_it() {
    let mut world = World::new();
    world.begin("cl-nagoya/ruri-v3-30m", SWITCH);
    world.settle_ok("cl-nagoya/ruri-v3-30m");
    for model in ["/models/tiny", "someone/e5@v1", "multilingual-e5-small"] {
        world.begin(model, Purpose::Memory);
    }
    let slots = &world.slots;
    let name = |slot: Option<&super::slot::Slot<TestEngine>>| slot.map(|slot| slot.request.model.clone());
    let by_files = |asked| name(slots.find_by_files(&ModelRef::parse(asked)));
    let found = |asked| name(slots.find(&ModelRef::parse(asked)));
    for (asked, model) in [
        ("cl-nagoya/ruri-v3-30m", "cl-nagoya/ruri-v3-30m"),
        ("Ruri-V3-30M", "cl-nagoya/ruri-v3-30m"),
        ("ruri-v3-30m:latest", "cl-nagoya/ruri-v3-30m"),
        ("onnx-community/ruri-v3-30m-ONNX", "cl-nagoya/ruri-v3-30m"),
        ("/models/tiny", "/models/tiny"),
        ("tiny", "/models/tiny"),
        ("someone/e5", "someone/e5@v1"),
        ("someone/e5@v1", "someone/e5@v1"),
        ("multilingual-e5-small", "multilingual-e5-small"),
    ] {
        assert_eq!(by_files(asked).as_deref(), Some(model), "{asked}");
        assert_eq!(found(asked).as_deref(), Some(model), "{asked}");
    }
    // A request that pins a revision wants that one; deleting it deletes the repository.
    for asked in ["cl-nagoya/ruri-v3-30m@v2", "ruri-v3-30m@v2", "someone/e5@v2"] {
        assert!(by_files(asked).is_some() && found(asked).is_none(), "{asked}");
    }
    // What answers for another model does not lend it its files.
    assert!(found("intfloat/multilingual-e5-small").is_some());
    for asked in [
        "intfloat/multilingual-e5-small",
        "anyone/ruri-v3-30m",
        "other",
        "/models/tiny2",
    ] {
        assert!(by_files(asked).is_none(), "{asked}");
    }
    let further = ["text-embedding-3-small".to_owned()];
    let asked = ModelRef::parse("Text-Embedding-3-small");
    let by_alias = slots.find_for_request(&asked, &further);
    assert_eq!(name(by_alias).as_deref(), Some("cl-nagoya/ruri-v3-30m"));
}

/// What can happen next. Models are named by a number, loads and leases by an index into those there are.
#[derive(Clone, Debug)]
enum Event {
    Begin(usize, Purpose),
    Request(Option<usize>),
    Settle(Index, bool),
    /// The thread of a load makes room.
    Evict(Index),
    Unload(usize),
    /// A request ends.
    End(Index),
    /// A request gives up.
    Leave(Index),
    KeepAlive(Index),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let model = 0..4_usize;
    let purpose = prop_oneof![
        Just(Purpose::Request),
        Just(Purpose::Memory),
        (any::<bool>(), any::<bool>()).prop_map(|(replace, keep)| Purpose::Switch { replace, keep }),
    ];
    prop_oneof![
        4 => (model.clone(), purpose).prop_map(|(model, purpose)| Event::Begin(model, purpose)),
        4 => proptest::option::of(model.clone()).prop_map(Event::Request),
        5 => (any::<Index>(), any::<bool>()).prop_map(|(load, is_ok)| Event::Settle(load, is_ok)),
        3 => any::<Index>().prop_map(Event::Evict),
        2 => model.prop_map(Event::Unload),
        3 => any::<Index>().prop_map(Event::End),
        1 => any::<Index>().prop_map(Event::Leave),
        1 => any::<Index>().prop_map(Event::KeepAlive),
        2 => (0..40_u64).prop_map(Event::Pass),
    ]
}

const MODELS: [&str; 4] = ["a", "b", "c", "d"];

impl World {
    fn happen(&mut self, event: &Event) {
        match event {
            Event::Begin(model, purpose) => self.begin(MODELS[*model], *purpose),
            Event::Request(model) => {
                self.request(model.map(|model| MODELS[model]));
            }
            Event::Settle(load, is_ok) if !self.running.is_empty() => {
                let id = *load.get(&self.running);
                let before = self.slots.current().map(|slot| slot.id);
                let incoming = self.slots.incoming();
                let is_held = self.slots.get(id).is_some();
                let is_next = incoming == Some(id) || (incoming, before) == (None, None) && is_held;
                self.settle(id, *is_ok);
                let after = self.slots.current().map(|slot| slot.id);
                let expected = if is_next && *is_ok { Some(id) } else { before };
                assert_eq!(
                    after, expected,
                    "only the incoming model, or the first, becomes current, and only loaded"
                );
            }
            Event::Evict(load) if !self.running.is_empty() => {
                let id = *load.get(&self.running);
                let is_current_first = self.slots.must_unload_current_first(id);
                let current = self.slots.current().map(|slot| slot.id);
                let ready = |world: &Self| -> Vec<SlotId> {
                    let slots = world.slots.all();
                    slots
                        .iter()
                        .filter(|slot| slot.is_ready())
                        .map(|slot| slot.id)
                        .collect()
                };
                let before = ready(self);
                let evicted = self.slots.evict(id);
                let gone: Vec<SlotId> = before
                    .into_iter()
                    .filter(|id| !ready(self).contains(id))
                    .collect();
                assert_eq!(gone.len(), usize::from(evicted.is_some()));
                // A lease may be of an earlier engine of the slot, which is no reason to keep this one.
                let is_leased = |engine: &Arc<TestEngine>| {
                    let mut leased = self.leases.iter();
                    leased.any(|lease| std::ptr::eq::<TestEngine>(&**lease, &**engine))
                };
                match (gone.first(), &evicted) {
                    (Some(gone), Some(retired)) => {
                        assert_eq!(Some(*gone) == current, is_current_first);
                        assert!(
                            is_current_first || !is_leased(&retired.engine),
                            "a busy model stays"
                        );
                    }
                    _ => assert!(!is_current_first),
                }
                self.retired.extend(evicted);
            }
            Event::Unload(model) => self.unload(MODELS[*model]),
            Event::End(lease) if !self.leases.is_empty() => {
                self.leases.swap_remove(lease.index(self.leases.len()));
            }
            Event::Leave(waiter) if !self.waiting.is_empty() => {
                self.waiting.swap_remove(waiter.index(self.waiting.len()));
            }
            Event::KeepAlive(lease) if !self.leases.is_empty() => {
                let id = lease.get(&self.leases).id;
                self.slots
                    .set_keep_alive(id, KeepAlive::For(Duration::from_secs(1)));
            }
            Event::Pass(seconds) => {
                // Leases take the real time when they end, so the world's time only goes ahead of it.
                self.now += Duration::from_secs(*seconds);
                let setting = Some(KeepAlive::For(Duration::from_secs(60)));
                let (retired, _) = self.slots.unload_idle(self.now, setting, &self.wake);
                self.retired.extend(retired);
            }
            _ => {}
        }
    }

    /// What holds at every moment.
    fn check(&mut self) {
        let answers = self.answers();
        let current = self.current().map(str::to_owned);
        for (asked, outcome) in answers {
            if let Ok(by) = outcome {
                let expected = asked.or_else(|| current.clone());
                assert_eq!(Some(by), expected, "the model that was asked for answers");
            }
        }
        let slots = self.slots.all();
        for slot in &slots {
            let is_running = self.running.contains(&slot.id);
            assert!(!slot.is_loading() || is_running, "a slot that loads has a thread");
        }
        if let Some(incoming) = self.slots.incoming() {
            assert!(!self.slots.is_current(incoming));
            assert!(self.slots.get(incoming).is_some_and(|slot| slot.is_loading()));
        }
        let ready = slots.iter().filter(|slot| slot.is_ready()).count();
        assert_eq!(
            self.alive.0.load(SeqCst),
            ready + self.retired.len(),
            "an engine is in a slot or has been let go"
        );
        self.close_retired();
        for lease in &self.leases {
            assert!(lease.0.0.load(SeqCst) > 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_everybody_is_answered(
        events in proptest::collection::vec(event(), 0..60),
        outcomes in proptest::collection::vec(any::<bool>(), 8),
    ) {
        let mut world = World::new();
        world.begin("a", SWITCH);
        for event in &events {
            world.happen(event);
            world.check();
        }
        // Every thread ends at last; those that start for it end too.
        for round in 0.. {
            let Some(id) = world.running.first().copied() else { break };
            prop_assert!(round < 100, "loads follow each other without an end");
            world.settle(id, *outcomes.get(round).unwrap_or(&true));
            world.check();
        }
        prop_assert!(world.waiting.is_empty(), "somebody was never answered");
        // And every engine does.
        let (retired, is_loading) = world.slots.close();
        prop_assert!(!is_loading);
        world.retired.extend(retired);
        world.leases.clear();
        world.close_retired();
        prop_assert!(world.retired.is_empty());
        prop_assert_eq!(world.alive.0.load(SeqCst), 0);
    }
}
