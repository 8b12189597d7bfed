//! The bare libraries in a process that keeps running: what a model costs without a server.
//!
//! The process reads one JSON list of texts a line and answers each with one line of what it took.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use okibi_engine::DEFAULT_BATCH_TOKENS;
use ort::{session::Session, value::Tensor};
use serde_json::{Value, json};
use tokenizers::Tokenizer;

use crate::pieces;

/// A handle of the process. Dropping it ends the process.
pub(crate) struct Bare {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// How long some texts took.
pub(crate) struct Took {
    /// Tokenizing, batching and running.
    pub(crate) whole: Duration,
    /// Only running.
    pub(crate) runs: Duration,
    /// Tokens of all texts.
    pub(crate) tokens: usize,
}

impl Bare {
    /// Starts the process; returns once the model in `folder` is loaded and was run once.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("stay")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().context("a pipe to the bare process")?;
        let answers = child.stdout.take().context("a pipe from the bare process")?;
        let mut bare = Self {
            child,
            questions,
            answers: BufReader::new(answers),
        };
        bare.embed(&["warm-up".to_owned()])?;
        Ok(bare)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Embeds texts in that process.
    pub(crate) fn embed(&mut self, texts: &[String]) -> Result<Took> {
        writeln!(self.questions, "{}", serde_json::to_string(texts)?)?;
        self.questions.flush()?;
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the bare process has ended");
        }
        let answer: Value = serde_json::from_str(&line)?;
        let time = |key: &str| answer[key].as_f64().map(Duration::from_secs_f64);
        Ok(Took {
            whole: time("whole").context("the whole time")?,
            runs: time("runs").context("the time of the runs")?,
            tokens: answer["tokens"].as_u64().context("a number of tokens")? as usize,
        })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does that process's work with the model in `folder`: answers until its standard input ends.
pub(crate) fn stay(folder: &Path) -> Result<()> {
    let files = pieces::model_files_in(folder)?;
    let mut session = pieces::open_session(&files, pieces::threads())?;
    let tokenizer = pieces::open_tokenizer(&files)?;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let texts: Vec<String> = serde_json::from_str(&line?)?;
        let took = embed(&mut session, &tokenizer, i64::from(files.pad_id), &texts)?;
        let answer = json!({
            "whole": took.whole.as_secs_f64(),
            "runs": took.runs.as_secs_f64(),
            "tokens": took.tokens,
        });
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// Sorts by length and cuts by padded tokens, as the daemon does, so that batching is not what is compared.
fn embed(session: &mut Session, tokenizer: &Tokenizer, pad: i64, texts: &[String]) -> Result<Took> {
    let began = Instant::now();
    let mut encoded = texts
        .iter()
        .map(|text| tokenizer.encode(text.as_str(), true).map_err(anyhow::Error::msg))
        .collect::<Result<Vec<_>>>()?;
    let tokens = encoded.iter().map(|encoding| encoding.len()).sum();
    encoded.sort_by_key(|encoding| std::cmp::Reverse(encoding.len()));
    let mut runs = Duration::ZERO;
    let mut rest = encoded.as_slice();
    while let Some(longest) = rest.first() {
        let width = longest.len().max(1);
        let count = (DEFAULT_BATCH_TOKENS / width).clamp(1, rest.len());
        let (batch, after) = rest.split_at(count);
        let fill = |at: &dyn Fn(Option<u32>) -> i64| {
            let rows = batch.iter().map(tokenizers::Encoding::get_ids);
            let values = rows.flat_map(|ids| (0..width).map(move |place| at(ids.get(place).copied())));
            Tensor::from_array(([count, width], values.collect::<Vec<i64>>()))
        };
        let ids = fill(&|id| id.map_or(pad, i64::from))?;
        let mask = fill(&|id| i64::from(id.is_some()))?;
        let run = Instant::now();
        session.run(ort::inputs!["input_ids" => ids, "attention_mask" => mask])?;
        runs += run.elapsed();
        rest = after;
    }
    Ok(Took {
        whole: began.elapsed(),
        runs,
        tokens,
    })
}
