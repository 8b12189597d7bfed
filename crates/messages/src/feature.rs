//! What a model needs and Okibi does not support, in words.

use std::path::Path;

use okibi_models::Feature;

use crate::lang::Lang;

/// Returns that a model cannot be used, which of its files says so, and what to do.
pub(crate) fn unsupported(path: &Path, feature: &Feature, lang: Lang) -> String {
    let path = path.display();
    match feature {
        Feature::Module(module) => phrase!(
            lang,
            "The model has the module {module} ({path}), which Okibi does not support; without it its vectors would be \
             wrong. Choose another model.",
            "このモデルはモジュール {module} を使いますが ({path})、Okibi は対応していません。\
             省くとベクトルが正しくならないため、別のモデルを選んでください。"
        ),
        Feature::ModuleOrder => phrase!(
            lang,
            "The modules of the model ({path}) do not come in an order that Okibi supports: Transformer, Pooling, then \
             layers. Choose another model.",
            "このモデルのモジュールの順序 ({path}) には対応していません。Transformer、Pooling、その後の層の順である必要があります。\
             別のモデルを選んでください。"
        ),
        Feature::ModuleOf(name) => phrase!(
            lang,
            "A module of the model works on {name} ({path}); Okibi supports modules of a text's vector only. Choose \
             another model.",
            "このモデルには {name} を扱うモジュールがあります ({path})。Okibi が対応するのは文のベクトルを扱うモジュールだけです。\
             別のモデルを選んでください。"
        ),
        Feature::PoolingMode(mode) => phrase!(
            lang,
            "The model pools by {mode:?} ({path}), which Okibi does not support. Choose a model with mean, CLS, max, \
             last-token or weighted-mean pooling.",
            "このモデルのプーリング方式「{mode}」({path}) には対応していません。\
             平均、CLS、最大、最終トークン、加重平均のいずれかの方式のモデルを選んでください。"
        ),
        Feature::Activation(class) => phrase!(
            lang,
            "A layer of the model has the activation {class} ({path}), which Okibi does not support. Choose another model, \
             or an ONNX export with the output sentence_embedding.",
            "このモデルの層の活性化関数 {class} ({path}) には対応していません。\
             別のモデルか、出力 sentence_embedding を持つ ONNX 版を選んでください。"
        ),
        Feature::PickledWeights => phrase!(
            lang,
            "A layer of the model has its weights only as {path}, which can run code when it is opened, so Okibi does not \
             read it. Save the model again with a recent sentence-transformers, which writes model.safetensors.",
            "このモデルの層の重みは {path} しかありません。開くとコードが実行される可能性があるため、Okibi では読みません。\
             新しい sentence-transformers で保存し直すと model.safetensors が作られます。"
        ),
        Feature::ModelType(kind) => phrase!(
            lang,
            "The model is a {kind} ({path}), not an embedding model of single vectors. Choose another model.",
            "このモデルは {kind} です ({path})。1 つのベクトルを返す埋め込みモデルではないため、別のモデルを選んでください。"
        ),
        Feature::Task(task) => phrase!(
            lang,
            "The model is made for the task {task:?} ({path}), not for embeddings. Choose another model.",
            "このモデルのタスクは「{task}」です ({path})。埋め込み用ではないため、別のモデルを選んでください。"
        ),
        Feature::HiddenState(name) => phrase!(
            lang,
            "The model's vectors come from {name} ({path}); Okibi supports the last hidden state. Choose another model.",
            "このモデルのベクトルは {name} から作られます ({path})。Okibi が対応するのは最終層の出力だけです。\
             別のモデルを選んでください。"
        ),
        Feature::PromptInGraph => phrase!(
            lang,
            "The model {path} leaves its prompt out of the pooling, but its graph pools by itself and cannot. Use an ONNX \
             export with the output last_hidden_state.",
            "モデル {path} はプロンプトを除いてプーリングする必要がありますが、グラフ自体がプーリングするためできません。\
             出力 last_hidden_state を持つ ONNX 版を使ってください。"
        ),
        Feature::Reranker => phrase!(
            lang,
            "The model {path} is a reranker, not an embedding model: it gives scores of pairs of texts. Choose an \
             embedding model from the list of models.",
            "モデル {path} はリランカーで、埋め込みモデルではありません。2 つの文の組にスコアを付けるものです。\
             モデル一覧から埋め込みモデルを選んでください。"
        ),
        Feature::Classifier => phrase!(
            lang,
            "The model {path} is a classifier, not an embedding model: it gives scores of classes. Choose an embedding \
             model from the list of models.",
            "モデル {path} は分類モデルで、埋め込みモデルではありません。\
             モデル一覧から埋め込みモデルを選んでください。"
        ),
        Feature::LanguageModel => phrase!(
            lang,
            "The model {path} is a language model, not an embedding model: it gives scores of words. Choose an embedding \
             model from the list of models.",
            "モデル {path} は言語モデルで、埋め込みモデルではありません。単語のスコアを返すものです。\
             モデル一覧から埋め込みモデルを選んでください。"
        ),
        Feature::TextGeneration => phrase!(
            lang,
            "The model {path} is a text-generation export with a key-value cache, not an embedding model. Export it for \
             embeddings: `optimum-cli export onnx --task feature-extraction`.",
            "モデル {path} は KV キャッシュ付きのテキスト生成用エクスポートで、埋め込みモデルではありません。\
             埋め込み用にエクスポートし直してください: `optimum-cli export onnx --task feature-extraction`"
        ),
        Feature::Network(part) => phrase!(
            lang,
            "Okibi does not compute {part} ({path}). Use an ONNX export of the model: \
             `optimum-cli export onnx --model MODEL ./folder`, then add the folder.",
            "{part} ({path}) の計算には対応していません。モデルの ONNX 版を使ってください: \
             `optimum-cli export onnx --model MODEL ./folder` で変換し、そのフォルダーを追加してください。"
        ),
        Feature::Pooler => phrase!(
            lang,
            "The model {path} gives only pooler_output, which is not the vector of a text. Use an ONNX export with the \
             output last_hidden_state or sentence_embedding.",
            "モデル {path} の出力は pooler_output だけで、これは文のベクトルではありません。\
             出力 last_hidden_state か sentence_embedding を持つ ONNX 版を使ってください。"
        ),
        Feature::Outputs(names) => phrase!(
            lang,
            "The outputs of the model {path} ({names}) hold no vectors that Okibi knows. Use an ONNX export with the \
             output last_hidden_state or sentence_embedding.",
            "モデル {path} の出力 ({names}) には、Okibi の知るベクトルがありません。\
             出力 last_hidden_state か sentence_embedding を持つ ONNX 版を使ってください。"
        ),
        Feature::Input(input) => phrase!(
            lang,
            "The model {path} has the input {input}, which Okibi cannot fill; it knows input_ids, attention_mask, \
             token_type_ids and position_ids as whole numbers. Use another ONNX export.",
            "モデル {path} の入力 {input} には対応していません。対応するのは整数の input_ids、attention_mask、token_type_ids、\
             position_ids です。別の ONNX 版を使ってください。"
        ),
        Feature::Length { found, expected } => phrase!(
            lang,
            "The graph of the model {path} gives vectors of {found} values, but its modules make vectors of {expected}: \
             it was exported without its last layers. Use an ONNX export with the output last_hidden_state.",
            "モデル {path} のグラフは {found} 次元のベクトルを返しますが、モジュールの定義では {expected} 次元です。\
             最後の層なしでエクスポートされています。出力 last_hidden_state を持つ ONNX 版を使ってください。"
        ),
    }
}
