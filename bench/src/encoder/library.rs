//! The libraries that a process of this program keeps open: ours, ONNX Runtime's, fastembed.

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use fastembed::{InitOptionsUserDefined, Pooling, TextEmbedding, UserDefinedEmbeddingModel};
use okibi_encoder::{Encoder, Options, Precision};
use okibi_engine::DEFAULT_BATCH_TOKENS;
use ort::{session::Session, value::Tensor};

use super::{
    lines::{Answer, Question},
    works::Work,
};
use crate::pieces;

/// Padded tokens of a batch that ONNX Runtime is tried with: the first gives it one text at a time.
const BUDGETS: [usize; 4] = [1, 256, 512, 1024];

/// Tokens of a text that fastembed may have.
const MOST_TOKENS: usize = 512;

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, clap::ValueEnum)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Library {
    Int8,
    Bf16,
    F32,
    Onnx,
    Fastembed,
}

/// What a process keeps open.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Kept {
    pub(crate) library: Library,
    /// The model's file
    pub(crate) model: PathBuf,
    pub(crate) threads: usize,
    /// Where packed weights are kept
    #[arg(long)]
    pub(crate) packed: Option<PathBuf>,
}

/// Computes a work in batches of a budget of tokens, of which it may have several to choose from.
trait Compute {
    fn budgets(&self) -> &'static [usize] {
        &[DEFAULT_BATCH_TOKENS]
    }

    fn run(&mut self, work: &Work, budget: usize) -> Result<()>;
}

/// Does such a process's work: answers until its standard input ends.
pub(crate) fn stay(kept: &Kept) -> Result<()> {
    let mut library = open(kept)?;
    library.run(&Work::first(), DEFAULT_BATCH_TOKENS)?;
    say(&Answer::default())?;
    let mut works = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let mut answer = Answer::default();
        match serde_json::from_str(&line?)? {
            Question::Prepare(work) => {
                let budget = settle(library.as_mut(), &work)?;
                works.push((work, budget));
            }
            Question::Run { work, times } => {
                let (work, budget) = works.get(work).context("a work that was prepared")?;
                for _ in 0..times {
                    let began = Instant::now();
                    library.run(work, *budget)?;
                    answer.seconds.push(began.elapsed().as_secs_f64());
                }
            }
        }
        say(&answer)?;
    }
    Ok(())
}

fn say(answer: &Answer) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(answer)?)?;
    Ok(output.flush()?)
}

/// The budget with which a work takes the least time. Budgets that give the same batches are tried once.
fn settle(library: &mut dyn Compute, work: &Work) -> Result<usize> {
    let mut tried = Vec::new();
    let mut best = (f64::MAX, DEFAULT_BATCH_TOKENS);
    // So that the first that is tried is not the slower for it.
    library.run(work, DEFAULT_BATCH_TOKENS)?;
    if library.budgets().len() == 1 {
        return Ok(best.1);
    }
    for &budget in library.budgets() {
        let sizes: Vec<usize> = batches(&work.ids, budget, padded).iter().map(Vec::len).collect();
        if tried.contains(&sizes) {
            continue;
        }
        tried.push(sizes);
        let began = Instant::now();
        library.run(work, budget)?;
        let took = began.elapsed().as_secs_f64();
        if took < best.0 {
            best = (took, budget);
        }
    }
    Ok(best.1)
}

/// What a batch costs whose texts are padded to the longest.
fn padded(longest: usize, count: usize, _sum: usize) -> usize {
    longest * count
}

/// What a batch costs without padding.
fn packed(_longest: usize, _count: usize, sum: usize) -> usize {
    sum
}

/// Texts from long to short, in batches that cost at most the budget, or of one text.
fn batches(ids: &[Vec<u32>], budget: usize, cost: fn(usize, usize, usize) -> usize) -> Vec<Vec<&[u32]>> {
    let mut sorted: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
    sorted.sort_by_key(|ids| std::cmp::Reverse(ids.len()));
    let mut batches: Vec<Vec<&[u32]>> = Vec::new();
    let mut sum = 0;
    for ids in sorted {
        let current = batches.last_mut();
        match current.filter(|batch| cost(batch[0].len(), batch.len() + 1, sum + ids.len()) <= budget) {
            Some(batch) => {
                batch.push(ids);
                sum += ids.len();
            }
            None => {
                batches.push(vec![ids]);
                sum = ids.len();
            }
        }
    }
    batches
}

fn open(kept: &Kept) -> Result<Box<dyn Compute>> {
    Ok(match kept.library {
        Library::Int8 => Box::new(Ours::open(kept, Precision::Int8)?),
        Library::Bf16 => Box::new(Ours::open(kept, Precision::Bf16)?),
        Library::F32 => Box::new(Ours::open(kept, Precision::F32)?),
        Library::Onnx => Box::new(Onnx(pieces::open_graph(&kept.model, kept.threads)?)),
        Library::Fastembed => Box::new(Fastembed(open_fastembed(&kept.model, kept.threads)?)),
    })
}

struct Ours(Encoder);

impl Ours {
    fn open(kept: &Kept, precision: Precision) -> Result<Self> {
        Ok(Self(Encoder::open(&Options {
            config: &kept.model.with_file_name("config.json"),
            weights: &kept.model,
            precision,
            threads: kept.threads,
            cache: kept.packed.as_deref(),
            kernel: None,
        })?))
    }
}

impl Compute for Ours {
    fn run(&mut self, work: &Work, budget: usize) -> Result<()> {
        for batch in batches(&work.ids, budget, packed) {
            self.0.run(&batch, &|| false)?;
        }
        Ok(())
    }
}

struct Onnx(Session);

impl Compute for Onnx {
    fn budgets(&self) -> &'static [usize] {
        &BUDGETS
    }

    fn run(&mut self, work: &Work, budget: usize) -> Result<()> {
        for batch in batches(&work.ids, budget, padded) {
            let width = batch[0].len();
            let fill = |at: &dyn Fn(Option<u32>) -> i64| {
                let values = batch
                    .iter()
                    .flat_map(|ids| (0..width).map(|place| at(ids.get(place).copied())));
                Tensor::from_array(([batch.len(), width], values.collect::<Vec<i64>>()))
            };
            let ids = fill(&|id| id.map_or(0, i64::from))?;
            let mask = fill(&|id| i64::from(id.is_some()))?;
            self.0
                .run(ort::inputs!["input_ids" => ids, "attention_mask" => mask])?;
        }
        Ok(())
    }
}

struct Fastembed(TextEmbedding);

impl Compute for Fastembed {
    /// In its own batches.
    fn run(&mut self, work: &Work, _budget: usize) -> Result<()> {
        self.0.embed(&work.texts, None).map(drop)?;
        Ok(())
    }
}

fn open_fastembed(model: &Path, threads: usize) -> Result<TextEmbedding> {
    let folders = model.ancestors().skip(1).take(2);
    let folder = folders
        .into_iter()
        .find(|folder| folder.join("tokenizer.json").is_file())
        .context("a tokenizer beside the model")?;
    let tokenizer_files = pieces::tokenizer_files(folder)?;
    let mut described =
        UserDefinedEmbeddingModel::new(std::fs::read(model)?, tokenizer_files).with_pooling(Pooling::Mean);
    let data = model.with_extension("onnx_data");
    if data.is_file() {
        described = described.with_external_initializer("model.onnx_data".into(), std::fs::read(data)?);
    }
    let options = InitOptionsUserDefined::new()
        .with_environment(pieces::environment()?)
        .with_max_length(MOST_TOKENS)
        .with_intra_threads(threads);
    Ok(TextEmbedding::try_new_from_user_defined(described, options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_go_from_long_to_short_and_stay_within_the_budget() {
        let ids: Vec<Vec<u32>> = [3, 10, 4, 6].iter().map(|length| vec![0; *length]).collect();
        let lengths = |budget, cost| -> Vec<Vec<usize>> {
            let batches = batches(&ids, budget, cost);
            batches
                .iter()
                .map(|batch| batch.iter().map(|ids| ids.len()).collect())
                .collect()
        };
        assert_eq!(lengths(12, padded), [vec![10], vec![6, 4], vec![3]]);
        assert_eq!(lengths(13, packed), [vec![10], vec![6, 4, 3]]);
        assert_eq!(
            lengths(1, padded),
            [[10], [6], [4], [3]],
            "a text is never left out"
        );
        assert_eq!(lengths(1024, packed), [[10, 6, 4, 3]]);
    }
}
