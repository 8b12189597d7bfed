//! Which tensor is which part: a description and a table of names, put together with a file's tensors.

use std::collections::HashSet;

use super::{Weights, WeightsError};
use crate::{
    description::{Attention, Description, Layer, Norm, NormKind, Norms},
    families::{Names, ProductName},
    parameters::{LayerNorms, LayerParameters, Matrix, NormParameters, Parameters, Product},
};

/// The learned values of an encoder, and what its table of tokens is called.
#[derive(Debug)]
pub struct Parts<'a> {
    /// All of them.
    pub parameters: Parameters<'a>,
    /// The tensor of [`Parameters::tokens`].
    pub tokens: String,
}

/// Names of the end of a norm's tensors in the oldest files.
const OLD_NORM: &str = "LayerNorm";

/// Tensors in a layer that are computed from the configuration, and need not be there.
const COMPUTED: [&str; 3] = [
    "rotary_emb.inv_freq",
    "rotary_fn.inv_freq",
    "attention.self.position_ids",
];

/// Finds the tensors of a description.
///
/// The names may stand below any prefix, as the makers put a model into another one. A tensor in a layer that the family
/// does not have is refused: leaving it out would give other vectors.
///
/// Errors: [`WeightsError`].
pub fn assemble<'a>(
    weights: &'a Weights,
    description: &Description,
    tables: &[Names],
) -> Result<Parts<'a>, WeightsError> {
    let (prefix, names) = choose(weights, description, tables)?;
    let mut finder = Finder {
        weights,
        taken: HashSet::new(),
    };
    let Description {
        hidden,
        vocabulary,
        embedding,
        ..
    } = description;
    let whole = |name: &str| format!("{prefix}{name}");
    let tokens = whole(names.tokens);
    let parameters = Parameters {
        tokens: finder.matrix(&tokens, &[*vocabulary, *hidden])?,
        positions: match embedding.positions {
            Some(positions) => Some(finder.matrix(&whole(names.positions), &[positions.count, *hidden])?),
            None => None,
        },
        token_type: match embedding.has_token_type {
            true => Some(finder.first_row(&whole(names.token_types), *hidden)?),
            false => None,
        },
        embedding_norm: finder.norm(&whole(names.embedding_norm), embedding.norm, *hidden)?,
        relative: match description.layers.iter().find_map(|layer| {
            let attention = &layer.attention;
            attention
                .relative
                .map(|relative| [relative.buckets, attention.heads])
        }) {
            Some(shape) => Some(finder.matrix(&whole(names.relative), &shape)?),
            None => None,
        },
        layers: description
            .layers
            .iter()
            .enumerate()
            .map(|(number, layer)| {
                let path = format!("{prefix}{}{number}.", names.layer);
                finder.layer(&path, names, layer, *hidden)
            })
            .collect::<Result<_, _>>()?,
        final_norm: finder.norm(&whole(names.final_norm), description.final_norm, *hidden)?,
    };
    refuse_foreign(&finder, &whole(names.layer), description.layers.len())?;
    Ok(Parts { parameters, tokens })
}

/// Finds the prefix, and the table whose names the file has.
fn choose<'t>(
    weights: &Weights,
    description: &Description,
    tables: &'t [Names],
) -> Result<(String, &'t Names), WeightsError> {
    let mut found: Option<(String, &Names)> = None;
    for names in tables {
        let mut prefixes: Vec<&str> = weights
            .names()
            .filter_map(|name| name.strip_suffix(names.tokens))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .collect();
        prefixes.sort_unstable();
        for prefix in prefixes {
            let layer = format!("{prefix}{}0.", names.layer);
            let product = |name| format!("{layer}{}.weight", tensor_of(name));
            let is_there = [names.query, names.up]
                .into_iter()
                .all(|name| weights.has(&product(name)));
            if !is_there {
                continue;
            }
            match &found {
                Some((first, _)) if first != prefix => {
                    return Err(WeightsError::Ambiguous {
                        first: format!("{first}{}", names.tokens),
                        second: format!("{prefix}{}", names.tokens),
                    });
                }
                Some(_) => {}
                None => found = Some((prefix.to_owned(), names)),
            }
        }
    }
    let first = &tables[0];
    found.ok_or_else(|| {
        let has_tokens = weights.names().any(|name| name.ends_with(first.tokens));
        let name = match has_tokens && !description.layers.is_empty() {
            true => format!("{}0.{}.weight", first.layer, tensor_of(first.query)),
            false => first.tokens.to_owned(),
        };
        WeightsError::Missing { name }
    })
}

fn tensor_of(name: ProductName) -> &'static str {
    match name {
        ProductName::Own(name) | ProductName::Packed { name, .. } => name,
    }
}

/// Refuses tensors of the layers that no part has taken.
fn refuse_foreign(finder: &Finder<'_>, path: &str, layers: usize) -> Result<(), WeightsError> {
    let is_foreign = |name: &&str| {
        let Some((number, part)) = name.strip_prefix(path).and_then(|rest| rest.split_once('.')) else {
            return false;
        };
        // The makers' code leaves out layers that the configuration does not count.
        let is_computed = number.parse::<usize>().is_ok_and(|number| number < layers);
        is_computed && !finder.taken.contains(*name) && !COMPUTED.iter().any(|end| part.ends_with(end))
    };
    match finder.weights.names().filter(is_foreign).min() {
        None => Ok(()),
        Some(name) => Err(WeightsError::Foreign {
            name: name.to_owned(),
        }),
    }
}

/// Takes tensors, and remembers which.
struct Finder<'a> {
    weights: &'a Weights,
    taken: HashSet<String>,
}

impl<'a> Finder<'a> {
    fn matrix(&mut self, name: &str, shape: &[usize]) -> Result<Matrix<'a>, WeightsError> {
        let matrix = self.weights.matrix(name, shape)?;
        self.taken.insert(name.to_owned());
        Ok(matrix)
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, WeightsError> {
        let matrix = self.matrix(name, &[length])?;
        let mut values = vec![0.0; length];
        matrix.read_row(0, &mut values);
        Ok(values)
    }

    /// The first row of a table of which no more is needed, whatever its number of rows.
    fn first_row(&mut self, name: &str, width: usize) -> Result<Vec<f32>, WeightsError> {
        let rows = match self.weights.tensors.get(name).map(|place| place.shape.as_slice()) {
            Some([rows, _]) => (*rows).max(1) as usize,
            _ => 1,
        };
        let matrix = self.matrix(name, &[rows, width])?;
        let mut values = vec![0.0; width];
        matrix.read_row(0, &mut values);
        Ok(values)
    }

    fn norm(
        &mut self,
        name: &str,
        norm: Option<Norm>,
        width: usize,
    ) -> Result<Option<NormParameters>, WeightsError> {
        let Some(norm) = norm else {
            return Ok(None);
        };
        let old = format!("{name}.gamma");
        let is_old = name.ends_with(OLD_NORM) && self.weights.has(&old);
        let (weight, bias) = match is_old {
            true => (old, format!("{name}.beta")),
            false => (format!("{name}.weight"), format!("{name}.bias")),
        };
        Ok(Some(NormParameters {
            weight: self.vector(&weight, width)?,
            bias: match norm.kind {
                NormKind::Layer => Some(self.vector(&bias, width)?),
                NormKind::LayerWithoutBias | NormKind::Rms | NormKind::RmsPlusOne => None,
            },
        }))
    }

    fn product(
        &mut self,
        layer: &str,
        name: ProductName,
        [outputs, inputs]: [usize; 2],
        has_bias: bool,
    ) -> Result<Product<'a>, WeightsError> {
        let path = format!("{layer}{}", tensor_of(name));
        let (part, of) = match name {
            ProductName::Own(_) => (0, 1),
            ProductName::Packed { part, of, .. } => (part, of),
        };
        let whole = self.matrix(&format!("{path}.weight"), &[outputs * of, inputs])?;
        let weights = whole
            .slice(part * outputs, outputs)
            .expect("the whole has as many rows as its parts");
        let bias = if has_bias {
            let whole = self.vector(&format!("{path}.bias"), outputs * of)?;
            Some(whole[part * outputs..][..outputs].to_vec())
        } else {
            None
        };
        Ok(Product { weights, bias })
    }

    fn layer(
        &mut self,
        path: &str,
        names: &Names,
        layer: &Layer,
        hidden: usize,
    ) -> Result<LayerParameters<'a>, WeightsError> {
        let Attention {
            heads,
            key_value_heads,
            head_width,
            has_bias,
            has_output_bias,
            query_key_norm,
            ..
        } = layer.attention;
        let feed_forward = layer.feed_forward;
        let (queries, keys) = (heads * head_width, key_value_heads * head_width);
        let (up, has_up_bias) = ([feed_forward.inner, hidden], feed_forward.has_up_bias);
        let down = [hidden, feed_forward.inner];
        let under = |name: &str| format!("{path}{name}");
        Ok(LayerParameters {
            query: self.product(path, names.query, [queries, hidden], has_bias)?,
            key: self.product(path, names.key, [keys, hidden], has_bias)?,
            value: self.product(path, names.value, [keys, hidden], has_bias)?,
            output: self.product(path, names.output, [hidden, queries], has_output_bias)?,
            query_norm: self.norm(&under(names.query_norm), query_key_norm, head_width)?,
            key_norm: self.norm(&under(names.key_norm), query_key_norm, head_width)?,
            up: self.product(path, names.up, up, has_up_bias)?,
            gate: match feed_forward.is_gated {
                true => Some(self.product(path, names.gate, up, has_up_bias)?),
                false => None,
            },
            down: self.product(path, names.down, down, feed_forward.has_down_bias)?,
            norms: self.norms(path, names, &layer.norms, hidden)?,
        })
    }

    fn norms(
        &mut self,
        path: &str,
        names: &Names,
        norms: &Norms,
        hidden: usize,
    ) -> Result<LayerNorms, WeightsError> {
        let mut take = |name: &str, norm: Option<Norm>| self.norm(&format!("{path}{name}"), norm, hidden);
        Ok(match *norms {
            Norms::After {
                attention,
                feed_forward,
            } => LayerNorms {
                after_attention: take(names.after_attention, Some(attention))?,
                after_feed_forward: take(names.after_feed_forward, Some(feed_forward))?,
                ..LayerNorms::default()
            },
            Norms::Before {
                attention,
                feed_forward,
            } => LayerNorms {
                before_attention: take(names.before_attention, attention)?,
                before_feed_forward: take(names.before_feed_forward, feed_forward)?,
                ..LayerNorms::default()
            },
            Norms::Around {
                before_attention,
                after_attention,
                before_feed_forward,
                after_feed_forward,
            } => LayerNorms {
                before_attention: take(names.before_attention, Some(before_attention))?,
                after_attention: take(names.after_attention, Some(after_attention))?,
                before_feed_forward: take(names.before_feed_forward, Some(before_feed_forward))?,
                after_feed_forward: take(names.after_feed_forward, Some(after_feed_forward))?,
            },
        })
    }
}
