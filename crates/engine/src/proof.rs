//! Whether a model is computed in 8-bit integers: only where that has proved itself on this very model.
//!
//! At a model's first load thirty sentences are computed both exactly and in integers, and what they agree in decides. The
//! outcome is kept beside our other facts about models, for as long as the model's files are the same.

use std::path::Path;

use okibi_encoder::{Precision, proof::Agreement};
use okibi_models::{ModelFiles, Precisions};
use okibi_protocol::models::PrecisionProof;

use crate::{
    encoder::Encoder,
    error::{Cause, LoadError},
    sequence::Sequence,
    tokenizer::{Overflow, Tokenizer},
};

/// What is computed: sentences as people search them, in several languages and of several lengths.
const SENTENCES: [&str; 30] = [
    "熾火",
    "灰をかぶせると熾火は朝まで残る。",
    "会議は来週の火曜日、午後三時からに変更になりました。",
    "このコマンドは指定したディレクトリの中身を一覧表示します。",
    "昨日見た映画の感想を書いておく。音楽がとても良かった。",
    "エラー: ファイル '/etc/okibi/config.toml' を開けませんでした (権限がありません)",
    "猫が窓辺で日向ぼっこをしている",
    "明日の朝は冷え込むので、水道管の凍結に注意してください。山沿いでは雪になるところもあるでしょう。",
    "確定申告に必要な書類のリスト",
    "東京から京都まで新幹線で二時間十五分",
    "ember",
    "How do I keep a fire alive until morning?",
    "The meeting has been moved to next Tuesday at 3 pm.",
    "This command lists the contents of the given directory, one entry per line, sorted by name.",
    "error: could not open '/var/log/okibi.log': permission denied (os error 13)",
    "A cat basking in the sun on the window sill",
    "Frost is expected tomorrow morning; protect your water pipes. In the mountains it may snow.",
    "documents needed for the tax return",
    "fn main() { println!(\"hello\"); }",
    "RT @someone: we just released v0.2.0, thanks to everybody who reported bugs!",
    "2026-11-27T12:00:00Z INFO ready model=multilingual-e5-small dimension=384 load_ms=402",
    "Wie hält man ein Feuer bis zum Morgen am Leben?",
    "Das Treffen wurde auf nächsten Dienstag um 15 Uhr verschoben.",
    "Comment garder un feu jusqu'au matin ?",
    "Une ligne par entrée, triée par nom.",
    "¿Cómo se mantiene vivo el fuego hasta la mañana?",
    "如何让火一直燃到早上？",
    "明天早上会有霜冻，请注意保护水管。",
    "아침까지 불을 살려 두려면 어떻게 해야 하나요?",
    "Как сохранить огонь до утра?",
];

/// Computes the sentences by `exact` and in integers, keeps the outcome, and returns the encoder that is to be used.
///
/// Errors: [`LoadError`] where the integers cannot be opened; what fails in a run means that the exact one stays.
pub(crate) fn settle(
    mut exact: Encoder,
    files: &ModelFiles,
    tokenizer: &Tokenizer,
    threads: usize,
    known: Precisions,
    cache_folder: &Path,
) -> Result<Encoder, LoadError> {
    let mut integers = Encoder::open(files, threads, Precision::Int8, cache_folder)?;
    let agreement = match compare(&mut exact, &mut integers, tokenizer) {
        Ok(agreement) => agreement,
        Err(error) => {
            tracing::warn!(model = files.name, %error, "8-bit integers could not be compared; 32-bit floats are used");
            return Ok(exact);
        }
    };
    let proof = PrecisionProof {
        int8: agreement.is_good(),
        worst_cosine: agreement.worst_cosine,
        mean_cosine: agreement.mean_cosine,
        neighbors: agreement.neighbors,
    };
    tracing::info!(
        model = files.name,
        ?proof,
        "8-bit integers were compared with 32-bit floats"
    );
    if let Err(error) = known.keep(files, proof) {
        tracing::debug!(model = files.name, %error, "the outcome is not kept");
    }
    Ok(if proof.int8 { integers } else { exact })
}

/// The precision that a proof decides on.
pub(crate) fn precision(proof: PrecisionProof) -> Precision {
    if proof.int8 {
        Precision::Int8
    } else {
        Precision::F32
    }
}

fn compare(exact: &mut Encoder, integers: &mut Encoder, tokenizer: &Tokenizer) -> Result<Agreement, Cause> {
    let texts = SENTENCES.map(Into::into);
    let tokenized = tokenizer.encode(&texts, None, Overflow::Truncate)?;
    let sequences: Vec<Sequence> = tokenized
        .into_iter()
        .flat_map(|text| text.windows)
        .map(Sequence::from)
        .collect();
    let ids: Vec<&[u32]> = sequences.iter().map(|sequence| sequence.ids.as_slice()).collect();
    exact.compare(integers, &ids)
}
