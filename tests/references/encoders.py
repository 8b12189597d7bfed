"""Makes small random encoders of every family that Okibi computes, and what their makers' code gives for them.

Run by hand, after a change of what is computed; the output is committed, and `crates/encoder/tests/references.rs` compares:

    python3 -m venv /path/to/venv
    /path/to/venv/bin/pip install -r tests/references/requirements.txt
    /path/to/venv/bin/python tests/references/encoders.py

A folder of tests/data/encoders is a model: `config.json`, its weights, and `expected.safetensors`, with each text's token
ids and the last hidden state: all its rows for a short text, their mean for a long one. The makers' code runs in 64 bits
(with its tables of rotations in 32, as always), so that the numbers are exact to their last place; in 32 bits, which is
what sentence-transformers gives, they differ by no more than the tests allow, and that is checked here too.

For what is only in files of the hub with code of their own, there is a module of a few lines here, written from the formulas
that were published with them: `Nomic`, and the NTK scaling of GTE.
"""

import json
import math
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch.nn import functional

OUTPUT = Path(__file__).parent.parent / "data" / "encoders"
VOCABULARY = 96
SHORT = [1, 2, 5, 17]
LONG = [130, 300]
VERY_LONG = 8192


def randomize(model):
    """Weights large enough that every part shows in the result, and small enough that rounding does not grow."""
    for name, parameter in model.named_parameters():
        is_norm = "norm" in name.lower() or ".ln" in name or "_ln" in name
        scale = 0.2 if is_norm or parameter.ndim == 1 else 0.15
        center = 1.0 if is_norm and name.endswith("weight") else 0.0
        if "embed" in name and parameter.ndim == 2:
            scale = 0.7
        if "relative_attention_bias" in name:
            scale = 1.5
        with torch.no_grad():
            parameter.copy_(center + scale * torch.randn(parameter.shape))
    return model.eval()


def texts(lengths, special):
    """Token ids without those that have a meaning of their own."""
    return [torch.randint(special, VOCABULARY, (length,)) for length in lengths]


def last_hidden(model, ids):
    with torch.no_grad():
        return model(ids[None])[0] if isinstance(model, Nomic) else model(input_ids=ids[None]).last_hidden_state[0]


def unit(rows):
    return functional.normalize(rows.double(), dim=-1)


def expected(model, ids_of_texts):
    """The last hidden state of each text: all rows for a short one, the mean for a long one."""
    values = {}
    exact = model.double()
    results = [last_hidden(exact, ids) for ids in ids_of_texts]
    single = model.float()
    for number, (ids, rows) in enumerate(zip(ids_of_texts, results)):
        rows32 = last_hidden(single, ids)
        if len(ids) > max(SHORT):
            rows, rows32 = rows.mean(0, keepdim=True), rows32.double().mean(0, keepdim=True)
        difference = (unit(rows) - unit(rows32)).abs().max()
        assert difference < 1e-6, f"32 bits differ by {difference}"
        values[f"ids.{number:02}"] = ids.to(torch.uint16)
        values[f"rows.{number:02}"] = rows.float().contiguous()
    return values


# Their padding, where a text names it, has a position of its own and is not counted. sentence-transformers lets it be seen.
PADDED = {"roberta", "xlm-roberta", "camembert", "mpnet"}


def write(name, config, tensors, model, *, dtype=torch.float32, long=False, special=4, shards=None):
    """Writes a model and what is expected of it; `model` is computed with the weights as they are written."""
    folder = OUTPUT / name
    folder.mkdir(parents=True)
    config = {key: value for key, value in config.items() if key not in ("transformers_version", "dtype")}
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    tensors = {key: tensor.to(dtype).contiguous() for key, tensor in tensors.items()}
    if shards:
        keys, places = sorted(tensors), {}
        for number in range(shards):
            file = f"model-{number + 1:05}-of-{shards:05}.safetensors"
            save_file({key: tensors[key] for key in keys[number::shards]}, folder / file, {"format": "pt"})
            places.update({key: file for key in keys[number::shards]})
        index = {"metadata": {"total_size": 0}, "weight_map": places}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
    else:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    lengths = SHORT + LONG + ([VERY_LONG] if long else [])
    ids = texts(lengths, special)
    if "pad_token_id" in config and config["model_type"] in PADDED:
        padding = config["pad_token_id"]
        ids.append(torch.tensor([5, padding, 7, padding, padding, 9, 8, padding]))
    save_file(expected(model, ids), folder / "expected.safetensors")
    print(f"{name}: {sum(file.stat().st_size for file in folder.iterdir())} bytes")


def rounded(model, dtype):
    """Rounds a model's weights as its file will have them."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype))
    return model


def native(name, config, cls, *, prefix="", rename=None, dtype=torch.float32, config_json=None, change=None, **others):
    """A model of a family that transformers has."""
    config._attn_implementation = "eager"
    pooling = {"add_pooling_layer": False} if cls.__name__ in POOLED else {}
    model = rounded(randomize(cls(config, **pooling)), dtype)
    if change:
        change(model)
    tensors = {}
    for key, tensor in (rename or dict)(model.state_dict()).items():
        tensors[prefix + key] = tensor
    write(name, config_json or config.to_diff_dict(), tensors, model, dtype=dtype, **others)


POOLED = {"BertModel", "RobertaModel", "XLMRobertaModel", "CamembertModel", "MPNetModel", "NomicBertModel", "GteModel"}

SIZE = {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT = {**SIZE, "intermediate_size": 44, "max_position_embeddings": 310}


def packed(state, parts, name):
    """Puts products that stand side by side into one."""
    return torch.cat([state.pop(part) for part in parts])


def to_gte(state):
    """The names of GTE's own code, which packs what goes in together."""
    named = {}
    for index in range(SIZE["num_hidden_layers"]):
        own, theirs = f"layers.{index}.", f"encoder.layer.{index}."
        for kind in ["weight", "bias"]:
            parts = [f"{own}self_attn.{part}_proj.{kind}" for part in "qkv"]
            named[f"{theirs}attention.qkv_proj.{kind}"] = packed(state, parts, kind)
        parts = [f"{own}mlp.{part}_proj.weight" for part in ["up", "gate"]]
        named[f"{theirs}mlp.up_gate_proj.weight"] = packed(state, parts, "weight")
    for key, tensor in state.items():
        key = key.replace("layers.", "encoder.layer.").replace("self_attn", "attention")
        key = key.replace("post_attention_layernorm", "attn_ln").replace("post_mlp_layernorm", "mlp_ln")
        named[key] = tensor
    return named


def ntk(theta, factor, width):
    """Fixed NTK scaling, as published with GTE: the base grows by the factor, the highest frequency keeps its share."""
    exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
    return 1.0 / (theta * factor) ** exponents / factor ** (2 / width)


class Nomic(torch.nn.Module):
    """Nomic's encoder with what its configuration can say beyond that of transformers, from the formulas: biases, a part of
    each head turned, and values side by side as pairs."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        width, inner, has_bias = config["n_embd"], config["n_inner"], config["mlp_fc1_bias"]
        self.embeddings = torch.nn.Module()
        self.embeddings.word_embeddings = torch.nn.Embedding(config["vocab_size"], width)
        if config["type_vocab_size"]:
            self.embeddings.token_type_embeddings = torch.nn.Embedding(config["type_vocab_size"], width)
        self.emb_ln = torch.nn.LayerNorm(width, eps=config["layer_norm_epsilon"])
        self.encoder = torch.nn.Module()
        self.encoder.layers = torch.nn.ModuleList()
        for _ in range(config["n_layer"]):
            layer = torch.nn.Module()
            layer.attn = torch.nn.Module()
            layer.attn.Wqkv = torch.nn.Linear(width, 3 * width, bias=config["qkv_proj_bias"])
            layer.attn.out_proj = torch.nn.Linear(width, width, bias=config["qkv_proj_bias"])
            layer.mlp = torch.nn.Module()
            if config["activation_function"] == "gelu":
                layer.mlp.fc1 = torch.nn.Linear(width, inner, bias=has_bias)
            else:
                layer.mlp.fc11 = torch.nn.Linear(width, inner, bias=has_bias)
                layer.mlp.fc12 = torch.nn.Linear(width, inner, bias=has_bias)
            layer.mlp.fc2 = torch.nn.Linear(inner, width, bias=config["mlp_fc2_bias"])
            layer.norm1 = torch.nn.LayerNorm(width, eps=config["layer_norm_epsilon"])
            layer.norm2 = torch.nn.LayerNorm(width, eps=config["layer_norm_epsilon"])
            self.encoder.layers.append(layer)

    def turned(self, x):
        """Turns the pairs of the first values of each head by the token's position. Shape: heads × tokens × width."""
        width = int(x.shape[-1] * self.config["rotary_emb_fraction"])
        turning, rest = x[..., :width], x[..., width:]
        exponents = torch.arange(0, width, 2, dtype=torch.float32) / width
        angles = torch.outer(torch.arange(x.shape[-2]).float(), 1.0 / self.config["rotary_emb_base"] ** exponents)
        turns = torch.polar(torch.ones_like(angles), angles).to(torch.complex128)
        if self.config["rotary_emb_interleaved"]:
            pairs = turning.unflatten(-1, (width // 2, 2))
        else:
            pairs = turning.unflatten(-1, (2, width // 2)).transpose(-1, -2)
        result = torch.view_as_real(torch.complex(*pairs.double().unbind(-1)) * turns).to(x.dtype)
        result = result if self.config["rotary_emb_interleaved"] else result.transpose(-1, -2)
        return torch.cat([result.flatten(-2), rest], dim=-1)

    def forward(self, ids):
        x = self.embeddings.word_embeddings(ids)
        if self.config["type_vocab_size"]:
            x = x + self.embeddings.token_type_embeddings.weight[0]
        x = self.emb_ln(x)
        for layer in self.encoder.layers:
            heads = layer.attn.Wqkv(x).unflatten(-1, (3, self.config["n_head"], -1)).movedim(-3, 0).transpose(-2, -3)
            query, key, value = self.turned(heads[0]), self.turned(heads[1]), heads[2]
            scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
            seen = (scores.softmax(-1) @ value).transpose(-2, -3).flatten(-2)
            x = layer.norm1(x + layer.attn.out_proj(seen))
            match self.config["activation_function"]:
                case "gelu":
                    inner = functional.gelu(layer.mlp.fc1(x))
                case "swiglu":
                    inner = layer.mlp.fc11(x) * functional.silu(layer.mlp.fc12(x))
                case "geglu":
                    inner = layer.mlp.fc11(x) * functional.gelu(layer.mlp.fc12(x))
            x = layer.norm2(x + layer.mlp.fc2(inner))
        return x


NOMIC = {
    "model_type": "nomic_bert",
    "architectures": ["NomicBertModel"],
    "activation_function": "swiglu",
    "causal": False,
    "layer_norm_epsilon": 1e-12,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "n_embd": 32,
    "n_head": 2,
    "n_inner": 48,
    "n_layer": 2,
    "n_positions": 8192,
    "parallel_block": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": None,
    "type_vocab_size": 2,
    "use_rms_norm": False,
    "vocab_size": VOCABULARY,
}


def nomic(name, dtype=torch.float32, **changes):
    config = {**NOMIC, **changes}
    model = rounded(randomize(Nomic(config)), dtype)
    write(name, config, model.state_dict(), model, dtype=dtype)


def gamma_and_beta(state):
    """The names of norms in the oldest files."""
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    return {key.replace(*next(((a, b) for a, b in old.items() if a in key), ("", ""))): value for key, value in state.items()}


def bert_family():
    native("bert", transformers.BertConfig(**BERT), transformers.BertModel)
    native(
        "bert-half",
        transformers.BertConfig(**BERT, hidden_act="gelu_new"),
        transformers.BertModel,
        prefix="bert.",
        rename=gamma_and_beta,
        dtype=torch.float16,
    )
    relu = {**BERT, "hidden_size": 36, "num_attention_heads": 4, "intermediate_size": 41, "layer_norm_eps": 1e-5}
    native(
        "bert-odd",
        transformers.BertConfig(**relu, hidden_act="relu"),
        transformers.BertModel,
        dtype=torch.bfloat16,
        shards=3,
    )
    roberta = {**BERT, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
    native(
        "roberta", transformers.RobertaConfig(**roberta), transformers.RobertaModel, prefix="roberta.", dtype=torch.float16
    )
    native("xlm-roberta", transformers.XLMRobertaConfig(**roberta), transformers.XLMRobertaModel, dtype=torch.bfloat16)
    native(
        "camembert",
        transformers.CamembertConfig(**roberta, pad_token_id=3),
        transformers.CamembertModel,
        dtype=torch.float16,
    )
    distil = {"vocab_size": VOCABULARY, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}
    native(
        "distilbert",
        transformers.DistilBertConfig(**distil, max_position_embeddings=300),
        transformers.DistilBertModel,
        dtype=torch.float16,
    )
    native("mpnet", transformers.MPNetConfig(**BERT), transformers.MPNetModel, dtype=torch.float16)


def modernbert_family():
    size = {**SIZE, "num_hidden_layers": 4, "intermediate_size": 40, "pad_token_id": 3}
    config = transformers.ModernBertConfig(**size, local_attention=16, max_position_embeddings=8192)
    native("modernbert", config, transformers.ModernBertModel, prefix="model.", long=True)
    # As transformers 4 wrote it, with every bias.
    old = {
        **size,
        "num_hidden_layers": 3,
        "attention_bias": True,
        "mlp_bias": True,
        "norm_bias": True,
        "hidden_activation": "silu",
        "local_attention": 9,
    }
    config = transformers.ModernBertConfig(
        **old,
        layer_types=["full_attention", "sliding_attention", "full_attention"],
        rope_parameters={
            "full_attention": {"rope_type": "default", "rope_theta": 80000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
        },
    )
    written = {
        **old,
        "model_type": "modernbert",
        "global_attn_every_n_layers": 2,
        "global_rope_theta": 80000.0,
        "local_rope_theta": 500.0,
        "max_position_embeddings": 8192,
    }
    native("modernbert-biases", config, transformers.ModernBertModel, dtype=torch.bfloat16, config_json=written)


def custom_code_families():
    config = transformers.NomicBertConfig(**SIZE, intermediate_size=48, max_position_embeddings=8192)
    native("nomic-native", config, transformers.NomicBertModel, dtype=torch.float16)
    nomic("nomic", dtype=torch.bfloat16)
    nomic(
        "nomic-parts",
        dtype=torch.float16,
        activation_function="geglu",
        qkv_proj_bias=True,
        mlp_fc1_bias=True,
        mlp_fc2_bias=True,
        rotary_emb_fraction=0.5,
        rotary_emb_interleaved=True,
        type_vocab_size=0,
    )
    nomic("nomic-plain", dtype=torch.bfloat16, activation_function="gelu", mlp_fc1_bias=True, mlp_fc2_bias=True)
    config = transformers.GteConfig(**SIZE, intermediate_size=48, max_position_embeddings=8192)
    native("gte-native", config, transformers.GteModel, dtype=torch.bfloat16)
    written = {
        **SIZE,
        "model_type": "new",
        "architectures": ["NewModel"],
        "hidden_act": "gelu",
        "intermediate_size": 48,
        "layer_norm_eps": 1e-12,
        "layer_norm_type": "layer_norm",
        "logn_attention_clip1": False,
        "logn_attention_scale": False,
        "max_position_embeddings": 8192,
        "pack_qkv": True,
        "position_embedding_type": "rope",
        "rope_scaling": {"factor": 2.0, "type": "ntk"},
        "rope_theta": 500000,
        "type_vocab_size": 0,
        "unpad_inputs": False,
        "use_memory_efficient_attention": False,
    }
    config = transformers.GteConfig(**SIZE, intermediate_size=48, max_position_embeddings=8192, type_vocab_size=0)

    def scaled(model):
        model.rotary_emb.inv_freq.copy_(ntk(500000.0, 2.0, 16))

    native(
        "new",
        config,
        transformers.GteModel,
        prefix="new.",
        rename=to_gte,
        config_json=written,
        dtype=torch.float16,
        long=True,
        change=scaled,
    )


def decoders():
    size = {**SIZE, "intermediate_size": 40, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
    native("qwen3", transformers.Qwen3Config(**size, use_cache=False), transformers.Qwen3Model, dtype=torch.float16, long=True)
    config = transformers.Qwen3Config(
        **{**size, "num_key_value_heads": 1, "num_hidden_layers": 3},
        attention_bias=True,
        use_sliding_window=True,
        sliding_window=12,
        max_window_layers=1,
        rope_parameters={"rope_type": "linear", "rope_theta": 1000000.0, "factor": 4.0},
        use_cache=False,
    )
    native("qwen3-window", config, transformers.Qwen3Model, prefix="model.", dtype=torch.bfloat16)
    gemma = {**size, "query_pre_attn_scalar": 24, "sliding_window": 20, "num_hidden_layers": 3, "use_cache": False}
    gemma["layer_types"] = ["sliding_attention", "full_attention", "sliding_attention"]
    config = transformers.Gemma3TextConfig(**gemma, use_bidirectional_attention=True)
    native("gemma3", config, transformers.Gemma3TextModel, shards=2, dtype=torch.bfloat16)
    # As transformers 4 wrote it.
    gemma.pop("layer_types")
    pattern = {**gemma, "sliding_window_pattern": 2, "num_hidden_layers": 2}
    config = transformers.Gemma3TextConfig(
        **{**pattern, "layer_types": ["sliding_attention", "full_attention"]},
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        },
    )
    written = {
        **pattern,
        "model_type": "gemma3_text",
        "rope_theta": 1000000.0,
        "rope_local_base_freq": 10000.0,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
    }
    native("gemma3-causal", config, transformers.Gemma3TextModel, config_json=written, dtype=torch.float16)


def check_with_sentence_transformers():
    """The mean of rows is what sentence-transformers gives for a model of ours, read from its file."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    for name in ["bert", "modernbert", "mpnet", "qwen3"]:
        folder = OUTPUT / name
        model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)
        values = load_file(folder / "expected.safetensors")
        pooling = Pooling(model.config.hidden_size, pooling_mode="mean")
        for number in range(len(values) // 2):
            ids = values[f"ids.{number:02}"].long()[None]
            with torch.no_grad():
                rows = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            pooled = pooling({"token_embeddings": rows, "attention_mask": torch.ones_like(ids)})["sentence_embedding"]
            mean = values[f"rows.{number:02}"].mean(0, keepdim=True)
            difference = (unit(pooled) - unit(mean)).abs().max()
            assert difference < 1e-6, f"{name}: sentence-transformers differ by {difference}"


def main():
    torch.manual_seed(20261127)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    bert_family()
    modernbert_family()
    custom_code_families()
    decoders()
    check_with_sentence_transformers()


if __name__ == "__main__":
    main()
