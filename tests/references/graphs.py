"""Makes graphs of the shapes that exports have, as small as they can be, for what no network is needed for.

`generate.py` calls it. Every graph takes ids of forty words, and gives each word's row of a table as its last hidden state;
`expected.json` has the vectors that follow.
"""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers
from safetensors.numpy import save_file

WORDS = 40
WIDTH = 8
TEXTS = ["w3", "w1 w2 w3", "w9 w9 w8 w7 w6 w5 w4"]

# Rows of the table whose file is too large to be copied into memory: over 64 MB.
MANY_ROWS = 2_200_000

INT32, INT64, FLOAT, HALF, DOUBLE = (
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
)


def ids_of(text):
    return [int(word[1:]) for word in text.split()]


def value(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, list(shape))


def save(path, nodes, outputs, tensors, ids=INT64, further_inputs=()):
    inputs = [value(name, ids, "batch", "tokens") for name in ("input_ids", "attention_mask")]
    graph = helper.make_graph(nodes, "g", inputs + list(further_inputs), outputs, initializer=tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    # The large table's file is made by its test.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def external(name, shape, location):
    tensor = TensorProto(name=name, data_type=FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def tokenizer():
    words = {f"w{at}": at for at in range(WORDS)}
    made = Tokenizer(models.WordLevel(words, unk_token="w0"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    # A token whose id the table has no row for.
    made.add_tokens(["<img>"])
    return made


def main(output):
    random = np.random.default_rng(20261127)

    def weights(*shape):
        return random.standard_normal(shape).astype(np.float32)

    table, first, second, bias = weights(WORDS, WIDTH), weights(WIDTH, 32), weights(32, WIDTH), weights(4)
    output.mkdir(parents=True)
    tokenizer().save(str(output / "tokenizer.json"))
    gather = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    tensor = numpy_helper.from_array
    hidden = value("last_hidden_state", FLOAT, "batch", "tokens", WIDTH)
    of_table = tensor(table, "table")

    save(output / "plain.onnx", [gather], [hidden], [of_table])
    save(output / "int32.onnx", [gather], [hidden], [of_table], ids=INT32)
    for name, kind in [("half", HALF), ("double", DOUBLE)]:
        cast = helper.make_node("Cast", ["rows"], ["last_hidden_state"], to=kind)
        rows = helper.make_node("Gather", ["table", "input_ids"], ["rows"])
        converted = value("last_hidden_state", kind, "batch", "tokens", WIDTH)
        save(output / f"{name}.onnx", [rows, cast], [converted], [of_table])

    # The whole pipeline of EmbeddingGemma in the graph: mean, two layers, unit length. Texts are not padded by the mask
    # alone: the mean is of the tokens that it names.
    whole = [
        gather,
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Mul", ["last_hidden_state", "mask3"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "one"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask3", "one"], ["count"], keepdims=0),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("MatMul", ["mean", "first"], ["wide"]),
        helper.make_node("MatMul", ["wide", "second"], ["narrow"]),
        helper.make_node("LpNormalization", ["narrow"], ["sentence_embedding"], axis=-1, p=2),
    ]
    axes = [tensor(np.array([axis]), name) for name, axis in [("last", -1), ("one", 1)]]
    tensors = [of_table, tensor(first, "first"), tensor(second, "second"), *axes]
    sentence = value("sentence_embedding", FLOAT, "batch", WIDTH)
    save(output / "whole.onnx", whole, [hidden, sentence], tensors)

    for name, shape in [("reranker", ["batch", 1]), ("language-model", ["batch", "tokens", WORDS])]:
        width = shape[-1]
        nodes = [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
            helper.make_node("MatMul", ["rows", "head"], ["scores"]),
        ]
        if len(shape) == 2:
            nodes.append(helper.make_node("ReduceMean", ["scores"], ["logits"], axes=[1], keepdims=0))
        else:
            nodes.append(helper.make_node("Identity", ["scores"], ["logits"]))
        head = tensor(weights(WIDTH, width), "head")
        save(output / f"{name}.onnx", nodes, [value("logits", FLOAT, *shape)], [of_table, head])
    past = value("past_key_values.0.key", FLOAT, "batch", 1, "past", WIDTH)
    save(output / "text-generation.onnx", [gather], [hidden], [of_table], further_inputs=[past])
    odd = value("images", FLOAT, "batch", 3, 2, 2)
    save(output / "images.onnx", [gather], [hidden], [of_table], further_inputs=[odd])

    save(output / "external.onnx", [gather], [hidden], [external("table", [WORDS, WIDTH], "weights.bin")])
    save(output / "large.onnx", [gather], [hidden], [external("table", [MANY_ROWS, WIDTH], "weights.bin")])
    (output / "weights.bin").write_bytes(table.tobytes())

    dense = weights(4, WIDTH)
    save_file({"linear.weight": dense, "linear.bias": bias}, output / "dense.safetensors")

    means = np.stack([table[ids_of(text)].mean(axis=0) for text in TEXTS])

    def unit(vectors):
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).tolist()

    expected = {
        "texts": TEXTS,
        "mean": unit(means),
        "whole": unit(means @ first @ second),
        "dense": unit(np.tanh(means @ dense.T + bias)),
    }
    (output / "expected.json").write_text(json.dumps(expected) + "\n")
    onnx.checker.check_model(str(output / "whole.onnx"))
