//! Which output of a model's graph its vectors are taken from.
//!
//! A graph gives the vectors of a text's tokens, or that of the text, or both. Where it gives that of the text, as
//! `sentence_embedding`, it has computed the whole pipeline, layers after the pooling too, whose weights then need not be
//! in the folder. The vectors of tokens go through the pipeline that the folder describes.

use std::path::Path;

use serde_json::Value;

use crate::{
    error::{Feature, ModelError},
    onnx::{Port, Signature},
    pipeline::Pipeline,
};

/// The output that sentence-transformers' exports have for a text's vector.
const OF_TEXTS: &str = "sentence_embedding";

/// Outputs with vectors of tokens, the best first.
const OF_TOKENS: [&str; 2] = ["last_hidden_state", "token_embeddings"];

/// An output with a text's vector that other exports have.
const PROJECTED: &str = "text_embeds";

/// The output with scores instead of vectors.
const SCORES: &str = "logits";

/// A vector that a network was trained with and that its embeddings do not come from.
const POOLER: &str = "pooler_output";

/// The start of the names of inputs of a key-value cache.
const CACHE: &str = "past_key_values";

/// An output that vectors are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenOutput {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: Holds,
    /// Why it was chosen.
    pub reason: &'static str,
    /// The output with vectors of tokens, for requests that want these.
    pub of_tokens: Option<String>,
}

/// What an output holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A vector of each text; nothing is left to be computed.
    Texts,
    /// A vector of each token, which go through the pipeline.
    Tokens,
    /// One of the two, which shows when the model runs.
    Either,
}

/// Chooses the output of a graph for a model's pipeline; `has_prompts` says whether a prompt may be put before a text.
///
/// `folder` is the model's, `file` its ONNX file and `config` its `config.json`.
///
/// Errors: [`ModelError::Unsupported`] for a graph without vectors, or with the wrong ones;
/// [`ModelError::MissingFile`] where a layer is missing that has to be computed.
pub(crate) fn choose(
    graph: &Signature,
    pipeline: &Pipeline,
    has_prompts: bool,
    folder: &Path,
    file: &Path,
    config: &Value,
) -> Result<ChosenOutput, ModelError> {
    let unsupported = |feature| ModelError::Unsupported {
        path: file.to_owned(),
        feature,
    };
    if graph.inputs.iter().any(|input| input.name.starts_with(CACHE)) {
        return Err(unsupported(Feature::TextGeneration));
    }
    let tokens = OF_TOKENS.iter().find_map(|name| find(graph, name, 3));
    let chosen = |output: &Port, holds, reason| ChosenOutput {
        name: output.name.clone(),
        holds,
        reason,
        of_tokens: match holds {
            Holds::Texts => tokens.map(|tokens| tokens.name.clone()),
            Holds::Tokens | Holds::Either => Some(output.name.clone()),
        },
    };
    let is_without_prompt = has_prompts && !pipeline.pooling.include_prompt;
    let mut why_tokens = "the vectors of tokens, for the pipeline";
    if let Some(output) = find(graph, OF_TEXTS, 2) {
        match of_texts(output, pipeline, is_without_prompt) {
            Ok(()) => {
                return Ok(chosen(
                    output,
                    Holds::Texts,
                    "the whole pipeline, computed by the graph",
                ));
            }
            Err((feature, _)) if tokens.is_none() => return Err(unsupported(feature)),
            Err((_, reason)) => why_tokens = reason,
        }
    }
    if let Some(output) = tokens {
        pipeline.check_computable(folder)?;
        return Ok(chosen(output, Holds::Tokens, why_tokens));
    }
    let only = match graph.outputs.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let Some(output) = find(graph, PROJECTED, 2).or(only.filter(|only| only.name != SCORES)) else {
        return Err(unsupported(what_it_is(graph, config)));
    };
    if output.name == POOLER {
        return Err(unsupported(Feature::Pooler));
    }
    if let Some(feature) = task(config).filter(|_| output.name != PROJECTED) {
        return Err(unsupported(feature));
    }
    match output.shape.as_ref().map(Vec::len) {
        Some(2) => {
            of_texts(output, pipeline, is_without_prompt).map_err(|(feature, _)| unsupported(feature))?;
            Ok(chosen(
                output,
                Holds::Texts,
                "the graph's only output with vectors, one of each text",
            ))
        }
        Some(3) => {
            pipeline.check_computable(folder)?;
            Ok(chosen(
                output,
                Holds::Tokens,
                "the graph's only output, vectors of tokens for the pipeline",
            ))
        }
        None => Ok(chosen(output, Holds::Either, "the graph's only output")),
        Some(_) => Err(unsupported(outputs(graph))),
    }
}

/// Returns the output of this name, where it has so many dimensions or does not say how many.
fn find<'a>(graph: &'a Signature, name: &str, dimensions: usize) -> Option<&'a Port> {
    let fits = |output: &&Port| {
        output.name == name
            && output
                .shape
                .as_ref()
                .is_none_or(|shape| shape.len() == dimensions)
    };
    graph.outputs.iter().find(fits)
}

/// Checks that a graph's vectors of texts are those of the pipeline. Gives else what is wrong, and why the vectors of
/// tokens are taken where the graph has them too.
fn of_texts(
    output: &Port,
    pipeline: &Pipeline,
    is_without_prompt: bool,
) -> Result<(), (Feature, &'static str)> {
    if is_without_prompt {
        let reason =
            "the vectors of tokens: the prompt's are left out of the pooling, which the graph does not do";
        return Err((Feature::PromptInGraph, reason));
    }
    let found = output.shape.as_ref().and_then(|shape| *shape.last()?);
    match (found, pipeline.dimension()) {
        (Some(found), Some(expected)) if found != expected => {
            let reason = "the vectors of tokens: those of texts have not gone through the layers";
            Err((Feature::Length { found, expected }, reason))
        }
        _ => Ok(()),
    }
}

/// Returns what a graph without vectors is.
fn what_it_is(graph: &Signature, config: &Value) -> Feature {
    let Some(scores) = graph.outputs.iter().find(|output| output.name == SCORES) else {
        return outputs(graph);
    };
    match scores.shape.as_deref() {
        Some([_, Some(1)]) => Feature::Reranker,
        Some([_, _]) => task(config).unwrap_or(Feature::Classifier),
        _ => task(config).unwrap_or(Feature::LanguageModel),
    }
}

fn outputs(graph: &Signature) -> Feature {
    let names: Vec<String> = graph
        .outputs
        .iter()
        .map(|output| format!("{:?}", output.name))
        .collect();
    Feature::Outputs(names.join(", "))
}

/// Returns the task that a model was exported for, where its class says that it is not vectors.
///
/// Exports of embedding models keep the class of the network that they were trained from, `...ForMaskedLM` and
/// `...ForCausalLM` among them, so this is asked only where the outputs leave a doubt.
fn task(config: &Value) -> Option<Feature> {
    let class = config["architectures"][0].as_str()?;
    if class.ends_with("ForSequenceClassification") {
        let labels = config["id2label"].as_object().map(serde_json::Map::len);
        let labels = labels.or_else(|| config["num_labels"].as_u64()?.try_into().ok());
        return Some(if labels.is_none_or(|labels| labels == 1) {
            Feature::Reranker
        } else {
            Feature::Classifier
        });
    }
    if class.ends_with("ForTokenClassification") {
        return Some(Feature::Classifier);
    }
    [
        "ForCausalLM",
        "ForMaskedLM",
        "LMHeadModel",
        "ForConditionalGeneration",
    ]
    .iter()
    .any(|ending| class.ends_with(ending))
    .then_some(Feature::LanguageModel)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pipeline::{Activation, Dense, ModuleWeights, PoolingMode, Step};

    fn port(name: &str, shape: &[Option<usize>]) -> Port {
        Port {
            name: name.into(),
            shape: Some(shape.to_vec()),
        }
    }

    fn graph(outputs: &[Port]) -> Signature {
        Signature {
            inputs: ["input_ids", "attention_mask"]
                .map(|name| port(name, &[None, None]))
                .to_vec(),
            outputs: outputs.to_vec(),
        }
    }

    fn tokens(name: &str) -> Port {
        port(name, &[None, None, Some(8)])
    }

    fn texts(length: usize) -> Port {
        port(OF_TEXTS, &[None, Some(length)])
    }

    fn dense(output: usize, weights: ModuleWeights) -> Pipeline {
        let mut pipeline = Pipeline::of(PoolingMode::Mean);
        pipeline.steps.push(Step::Dense(Dense {
            folder: "2_Dense".into(),
            input: Some(8),
            output: Some(output),
            has_bias: true,
            has_residual: false,
            activation: Activation::Identity,
            weights,
        }));
        pipeline.steps.push(Step::Normalize);
        pipeline
    }

    fn chosen_for(
        pipeline: &Pipeline,
        graph: &Signature,
        has_prompts: bool,
    ) -> Result<(String, Holds), ModelError> {
        let (folder, file) = (Path::new("m"), Path::new("m/model.onnx"));
        let chosen = choose(graph, pipeline, has_prompts, folder, file, &json!({}))?;
        Ok((chosen.name, chosen.holds))
    }

    fn refused(graph: &Signature, config: &Value) -> Feature {
        let (folder, file) = (Path::new("m"), Path::new("m/model.onnx"));
        match choose(
            graph,
            &Pipeline::of(PoolingMode::Mean),
            false,
            folder,
            file,
            config,
        ) {
            Err(ModelError::Unsupported { feature, .. }) => feature,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_graphs_own_pipeline_goes_before_ours_and_needs_no_weights_of_it() {
        let missing = ModuleWeights::Missing("m/2_Dense/model.safetensors".into());
        let both = graph(&[tokens("last_hidden_state"), texts(4)]);
        assert_eq!(
            chosen_for(&dense(4, missing.clone()), &both, true).unwrap(),
            (OF_TEXTS.into(), Holds::Texts)
        );
        let unfixed = graph(&[port(OF_TEXTS, &[None, None]), tokens("token_embeddings")]);
        assert_eq!(
            chosen_for(&dense(4, missing.clone()), &unfixed, true).unwrap().1,
            Holds::Texts
        );
        let only_tokens = graph(&[tokens("token_embeddings")]);
        let error = chosen_for(&dense(4, missing), &only_tokens, true).unwrap_err();
        assert!(matches!(error, ModelError::MissingFile { file, .. } if file == "2_Dense/model.safetensors"));
    }

    #[test]
    fn vectors_of_texts_without_the_layers_or_with_the_prompt_are_not_taken() {
        let here = dense(4, ModuleWeights::Here("m/2_Dense/model.safetensors".into()));
        let both = graph(&[texts(8), tokens("token_embeddings")]);
        assert_eq!(
            chosen_for(&here, &both, false).unwrap(),
            ("token_embeddings".into(), Holds::Tokens)
        );
        let error = chosen_for(&here, &graph(&[texts(8)]), false).unwrap_err();
        assert!(matches!(
            error,
            ModelError::Unsupported {
                feature: Feature::Length {
                    found: 8,
                    expected: 4
                },
                ..
            }
        ));
        let mut bare = Pipeline::of(PoolingMode::Mean);
        bare.pooling.include_prompt = false;
        assert_eq!(chosen_for(&bare, &both, true).unwrap().1, Holds::Tokens);
        assert_eq!(
            chosen_for(&bare, &both, false).unwrap().1,
            Holds::Texts,
            "there is no prompt"
        );
        let error = chosen_for(&bare, &graph(&[texts(8)]), true).unwrap_err();
        assert!(matches!(
            error,
            ModelError::Unsupported {
                feature: Feature::PromptInGraph,
                ..
            }
        ));
    }

    #[test]
    fn an_only_output_is_taken_by_its_shape_whatever_its_name() {
        let mean = Pipeline::of(PoolingMode::Mean);
        let of = |output: Port| chosen_for(&mean, &graph(&[output]), false).unwrap().1;
        assert_eq!(of(port("output_0", &[None, Some(8)])), Holds::Texts);
        assert_eq!(of(tokens("output_0")), Holds::Tokens);
        let unsaid = Port {
            name: "output_0".into(),
            shape: None,
        };
        assert_eq!(of(unsaid), Holds::Either);
        let projected = graph(&[port(PROJECTED, &[None, Some(8)]), tokens("hidden")]);
        assert_eq!(chosen_for(&mean, &projected, false).unwrap().0, PROJECTED);
    }

    #[test]
    fn what_gives_no_vectors_is_refused_by_what_it_is() {
        let class = |class: &str| json!({ "architectures": [class] });
        let pair = graph(&[port(SCORES, &[None, Some(1)])]);
        assert_eq!(
            refused(&pair, &class("XLMRobertaForSequenceClassification")),
            Feature::Reranker
        );
        assert_eq!(refused(&pair, &json!({})), Feature::Reranker);
        let scores = graph(&[port(SCORES, &[None, None])]);
        assert_eq!(
            refused(&scores, &class("BertForSequenceClassification")),
            Feature::Reranker
        );
        let labels =
            json!({ "architectures": ["BertForSequenceClassification"], "id2label": { "0": "a", "1": "b" } });
        assert_eq!(refused(&scores, &labels), Feature::Classifier);
        let words = graph(&[port(SCORES, &[None, None, Some(1000)])]);
        for config in [json!({}), class("BertForMaskedLM"), class("Qwen3ForCausalLM")] {
            assert_eq!(refused(&words, &config), Feature::LanguageModel);
        }
        let renamed = graph(&[port("scores", &[None, Some(1)])]);
        assert_eq!(
            refused(&renamed, &class("BertForSequenceClassification")),
            Feature::Reranker
        );
        let mut cached = graph(&[tokens("last_hidden_state")]);
        cached.inputs.push(port("past_key_values.0.key", &[None; 4]));
        assert_eq!(refused(&cached, &json!({})), Feature::TextGeneration);
        assert_eq!(
            refused(&graph(&[port(POOLER, &[None, Some(8)])]), &json!({})),
            Feature::Pooler
        );
        let two = graph(&[port("a", &[None, Some(8)]), port("b", &[None, Some(8)])]);
        assert_eq!(refused(&two, &json!({})), Feature::Outputs(r#""a", "b""#.into()));
    }

    #[test]
    fn the_class_that_a_model_was_trained_from_does_not_count_where_it_gives_vectors() {
        let config = json!({ "architectures": ["Qwen3ForCausalLM"] });
        let pipeline = Pipeline::of(PoolingMode::LastToken);
        let graph = graph(&[tokens("last_hidden_state"), port(POOLER, &[None, Some(8)])]);
        let chosen = choose(
            &graph,
            &pipeline,
            false,
            Path::new("m"),
            Path::new("m/x"),
            &config,
        )
        .unwrap();
        assert_eq!(chosen.name, "last_hidden_state");
    }
}
