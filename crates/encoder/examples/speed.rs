//! Measures encoders with random weights: tokens a second, and where the time goes.
//!
//!     cargo run --release -p okibi-encoder --example speed [KERNEL] [LAYERS HIDDEN HEADS INNER]
//!
//! The times of a shape are taken by turns, so that what else the machine does falls on all of them; the best counts.

#[path = "../src/sample.rs"]
mod sample;

use std::time::{Duration, Instant};

use okibi_encoder::{Encoder, Kernel, Precision, Stage, TokenTable, description, parameters};

const VOCABULARY: usize = 1000;
const SHAPES: [(usize, usize); 4] = [(1, 10), (20, 26), (4, 128), (1, 512)];
const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];
const TURNS: usize = 20;

/// When a run began.
struct Time {
    wall: Instant,
    computed: Option<Duration>,
}

impl Time {
    fn now() -> Self {
        Self {
            wall: Instant::now(),
            computed: Self::computed(),
        }
    }

    /// How long this thread has computed, where the system tells it: what else the machine does is not in it.
    #[cfg(unix)]
    fn computed() -> Option<Duration> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a place for the answer.
        let answer = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
        (answer == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
    }

    #[cfg(not(unix))]
    fn computed() -> Option<Duration> {
        None
    }

    /// The time of a run: what it computed where one thread did, the clock's elsewhere.
    fn elapsed(&self, threads: usize) -> Duration {
        let computed = || Some(Self::computed()? - self.computed?);
        let computed = if threads == 1 { computed() } else { None };
        computed.unwrap_or(self.wall.elapsed())
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let kernel = arguments
        .first()
        .and_then(|name| Kernel::by_name(name))
        .unwrap_or(Kernel::best());
    let sizes: Vec<usize> = arguments
        .iter()
        .skip(1)
        .filter_map(|size| size.parse().ok())
        .collect();
    let [layers, hidden, heads, inner] = sizes.try_into().unwrap_or([12, 384, 12, 1536]);
    let description = sample::bert(layers, hidden, heads, inner, VOCABULARY);
    let parameters = sample::parameters(&description, 1);

    let peaks = [kernel.peak(false), kernel.peak(true)];
    println!(
        "{kernel}: at most {:.1} GMAC/s of floats, {:.1} of integers, a thread; {layers} layers of {hidden}",
        peaks[0] / 1e9,
        peaks[1] / 1e9
    );
    let mut encoders = Vec::new();
    for precision in PRECISIONS {
        for threads in [1, 2] {
            let table = Box::new(sample::Table(parameters.tokens));
            let encoder = Encoder::pack(&description, &parameters, table, precision, kernel, threads);
            encoders.push(encoder);
        }
    }

    // Multiply-adds of a token in the linear layers.
    let linear = layers * (4 * hidden * hidden + 2 * hidden * inner);
    for (texts, length) in SHAPES {
        let random = &mut sample::Random::new(5);
        let texts: Vec<Vec<u32>> = (0..texts).map(|_| random.tokens(length, VOCABULARY)).collect();
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let tokens = texts.len() * length;
        println!("{} x {length}", texts.len());
        let mut best = vec![(Duration::MAX, Default::default()); encoders.len()];
        for _ in 0..TURNS {
            for (encoder, best) in encoders.iter_mut().zip(&mut best) {
                encoder.take_stages();
                let start = Time::now();
                let result = encoder.run(&texts, &|| false);
                let time = start.elapsed(encoder.threads());
                assert!(result.is_ok());
                let stages = encoder.take_stages();
                if time < best.0 {
                    *best = (time, stages);
                }
            }
        }
        for (encoder, (time, stages)) in encoders.iter().zip(best) {
            let seconds = time.as_secs_f64();
            let rate = (linear * tokens) as f64 / seconds / encoder.threads() as f64;
            let peak = peaks[usize::from(encoder.precision() == Precision::Int8)];
            print!(
                "  {:5} {} thread(s): {:8.2} ms {:7.0} tokens/s {:6.1} GMAC/s each ({:2.0} % of the limit) |",
                format!("{:?}", encoder.precision()),
                encoder.threads(),
                seconds * 1e3,
                tokens as f64 / seconds,
                rate / 1e9,
                100.0 * rate / peak,
            );
            let computed = seconds * encoder.threads() as f64;
            for stage in Stage::ALL {
                print!(
                    " {stage:?} {:.1}",
                    100.0 * stages.of(stage).as_secs_f64() / computed
                );
            }
            println!();
        }
    }
}
