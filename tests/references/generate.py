"""Makes small random models of every kind that Okibi applies, and the vectors that sentence-transformers gives for them.

Run by hand, after a change of what is supported; the output is committed, and `crates/engine/tests/references.rs` compares:

    python3 -m venv /path/to/venv
    /path/to/venv/bin/pip install -r tests/references/requirements.txt
    /path/to/venv/bin/python tests/references/generate.py

A model is a network (tests/data/references/networks) with modules after it (tests/data/references/models). Several models
share a network, and each keeps only what is its own: the folder that a test loads is both together.
"""

import json
import shutil
import tempfile
import unicodedata
from pathlib import Path

import graphs
import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.base.modules.normalize import Normalize
from sentence_transformers.base.modules.transformer import Transformer
from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling, StaticEmbedding
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3Model,
    XLMRobertaConfig,
    XLMRobertaModel,
)

OUTPUT = Path(__file__).parent.parent / "data" / "references"
WIDTH = 16
OF_NETWORK = ["config.json", "tokenizer.json", "tokenizer_config.json"]

# Short and long, over the limit of the smallest model, in two scripts, with capitals, spaces and signs.
TEXTS = [
    "Ember",
    "The Ember GLOWS under the ash until morning.",
    "灰をかぶせると熾火は朝まで残る。",
    "  spaces  at the ends  ",
    "Ünïcode — café, naïve: 3.14 % of 2026",
    "x",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
]

CORPUS = TEXTS + [
    "query: passage: Represent this : clustering the ember glows under the ash until morning",
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
    "the quick brown fox jumps over the lazy dog The Quick Brown Fox",
]

PROMPTS = {"query": "query: ", "document": "", "passage": "passage: ", "instruct": "Represent this : "}


def word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    # It keeps capitals, so that `do_lower_case` shows.
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=220, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    corpus = [unicodedata.normalize("NFKC", text) for text in CORPUS * 3]
    tokenizer.train_from_iterator(
        corpus, trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>")
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        # The network has two positions more, which it never uses; sentence-transformers would count them.
        model_max_length=32,
    )


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <|end|>", special_tokens=[("<|end|>", 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|end|>", eos_token="<|end|>", padding_side="left"
    )


def networks():
    common = {"hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    tokenizer = word_piece()
    config = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=32, pad_token_id=0, attn_implementation="eager", **common
    )
    yield "bert", tokenizer, BertModel(config, add_pooling_layer=False)
    tokenizer = unigram()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=34,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        attn_implementation="eager",
        **common,
    )
    yield "xlm-roberta", tokenizer, XLMRobertaModel(config, add_pooling_layer=False)
    tokenizer = byte_level()
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        max_position_embeddings=64,
        num_key_value_heads=1,
        head_dim=8,
        pad_token_id=0,
        eos_token_id=0,
        use_cache=False,
        attn_implementation="eager",
        **common,
    )
    yield "qwen3", tokenizer, Qwen3Model(config)


def randomize(model):
    """Weights large enough that every part of the network shows in its vectors."""
    for name, parameter in model.named_parameters():
        scale = 0.4 if parameter.ndim > 1 else 0.1
        center = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
        with torch.no_grad():
            parameter.copy_(center + scale * torch.randn(parameter.shape))
    return model.eval()


class LastHiddenState(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def export(model, path):
    ids = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    shape = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
    program = torch.onnx.export(
        LastHiddenState(model),
        (ids, mask),
        input_names=["input_ids", "attention_mask"],
        output_names=["last_hidden_state"],
        dynamic_shapes={"input_ids": shape, "attention_mask": shape},
        dynamo=True,
        verbose=False,
    )
    for value in program.model.graph.all_nodes():
        value.metadata_props.clear()
        value.doc_string = None
    program.model.metadata_props.clear()
    program.save(path, include_initializers=True, external_data=False)


def dense(given, taken, activation=None, **others):
    layer = Dense(given, taken, activation_function=activation, **others)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape))
    return layer


def norm(width):
    layer = LayerNorm(width)
    with torch.no_grad():
        layer.norm.weight.copy_(1 + 0.3 * torch.randn(width))
        layer.norm.bias.copy_(0.3 * torch.randn(width))
    return layer


def pooling(*modes, **others):
    return Pooling(WIDTH, pooling_mode=modes if len(modes) > 1 else modes[0], **others)


ALL = Pooling.POOLING_MODES

# name: network, modules after the Transformer, and what else there is to it.
MODELS = {
    **{f"pooling-{mode}": ("bert", lambda mode=mode: [pooling(mode)], {}) for mode in ALL},
    "pooling-all-old-layout": ("xlm-roberta", lambda: [pooling(*ALL)], {"old": True}),
    "pooling-in-another-order": ("bert", lambda: [pooling("lasttoken", "mean", "max")], {}),
    "dense-chain": (
        "xlm-roberta",
        lambda: [pooling("mean"), dense(WIDTH, 24, bias=False), dense(24, 6, torch.nn.Tanh()), Normalize()],
        {"prompts": PROMPTS},
    ),
    "dense-activations-old-layout": (
        "bert",
        lambda: [
            pooling("cls"),
            dense(WIDTH, 9, torch.nn.GELU()),
            dense(9, 9, torch.nn.SiLU()),
            dense(9, 9, torch.nn.Sigmoid()),
            dense(9, 8, torch.nn.ReLU()),
        ],
        {"old": True},
    ),
    "dense-residual": (
        "bert",
        lambda: [
            pooling("mean"),
            dense(WIDTH, WIDTH, torch.nn.Tanh(), use_residual=True),
            dense(WIDTH, 5, use_residual=True),
        ],
        {},
    ),
    "layer-norm": ("bert", lambda: [pooling("mean"), norm(WIDTH), dense(WIDTH, 7), Normalize()], {}),
    "normalize-in-the-middle": ("bert", lambda: [pooling("max"), Normalize(), dense(WIDTH, 7, torch.nn.Tanh())], {}),
    "prompts": (
        "bert",
        lambda: [pooling("mean"), Normalize()],
        {"prompts": {**PROMPTS, "clustering": "clustering "}, "default": "clustering"},
    ),
    "without-prompt": ("bert", lambda: [pooling("mean", include_prompt=False)], {"prompts": PROMPTS}),
    "without-prompt-all": ("xlm-roberta", lambda: [pooling(*ALL, include_prompt=False)], {"prompts": PROMPTS}),
    "without-prompt-left-padding": ("qwen3", lambda: [pooling(*ALL, include_prompt=False)], {"prompts": PROMPTS}),
    "left-padding-last-token": ("qwen3", lambda: [pooling("lasttoken"), Normalize()], {"prompts": PROMPTS}),
    "left-padding-all": ("qwen3", lambda: [pooling(*ALL)], {}),
    "lower-case": ("bert", lambda: [pooling("mean")], {"transformer": {"do_lower_case": True}, "prompts": PROMPTS}),
    "lower-case-byte-level": ("qwen3", lambda: [pooling("lasttoken")], {"transformer": {"do_lower_case": True}}),
    "cut-at-the-beginning": (
        "bert",
        lambda: [pooling("mean")],
        {"transformer": {"max_seq_length": 9}, "tokenizer": {"truncation_side": "left"}, "prompts": PROMPTS},
    ),
    "lower-case-of-the-configuration": (
        "bert",
        lambda: [pooling("mean")],
        {"tokenizer": {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}},
    ),
    "static-embedding": (
        None,
        lambda: [StaticEmbedding(word_piece(), embedding_dim=WIDTH), Normalize()],
        {"prompts": PROMPTS},
    ),
    "static-embedding-with-a-layer": (
        None,
        lambda: [StaticEmbedding(unigram(), embedding_dim=WIDTH), dense(WIDTH, 5, torch.nn.Tanh())],
        {},
    ),
    "short-limit": ("bert", lambda: [pooling("mean")], {"transformer": {"max_seq_length": 8}, "prompts": PROMPTS}),
}

OLD_CLASSES = {name: f"sentence_transformers.models.{name}" for name in ["Transformer", "Pooling", "Dense", "Normalize"]}
OLD_POOLING = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}


def write_json(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def to_old_layout(folder):
    """Rewrites a folder as sentence-transformers wrote it before version 5: the Transformer in a folder of its own."""
    modules = json.loads((folder / "modules.json").read_text())
    for module in modules:
        module["type"] = OLD_CLASSES[module["type"].rsplit(".", 1)[-1]]
        if module["path"] == "":
            module["path"] = "0_Transformer"
    write_json(folder / "modules.json", modules)
    own = folder / "0_Transformer"
    own.mkdir()
    for path in list(folder.iterdir()):
        if path.is_file() and path.name not in ("modules.json", "config_sentence_transformers.json"):
            path.rename(own / path.name)
    (own / "sentence_bert_config.json").unlink()
    write_json(own / "sentence_roberta_config.json", {"max_seq_length": 20, "do_lower_case": False})
    path = folder / "1_Pooling" / "config.json"
    modes = json.loads(path.read_text())["pooling_mode"]
    modes = [modes] if isinstance(modes, str) else modes
    booleans = {key: mode in modes for mode, key in OLD_POOLING.items()}
    write_json(path, {"word_embedding_dimension": WIDTH, **booleans})


def vectors(model, texts, **how):
    alone = np.stack([model.encode([text], batch_size=1, **how)[0] for text in texts])
    together = model.encode(texts, batch_size=len(texts), **how)
    difference = np.abs(alone - together).max()
    assert difference < 1e-5, f"a batch gives other vectors: {difference}"
    return [[float(f"{value:.8g}") for value in vector] for vector in alone]


def make(name, folder, parts, network, options):
    model = SentenceTransformer(
        modules=[Transformer(str(network)), *parts] if network else parts,
        prompts=options.get("prompts"),
        default_prompt_name=options.get("default"),
        device="cpu",
    )
    saved = folder / "saved"
    model.save_pretrained(str(saved), create_model_card=False)
    own = {"tokenizer.json", "model.safetensors"}
    if network:
        own = set()
        for file in OF_NETWORK:
            shutil.copyfile(network / file, saved / file)
        # Version 6 writes both into the tokenizer's files; earlier ones wrote them here, and all read them.
        path = saved / "sentence_bert_config.json"
        write_json(path, {**json.loads(path.read_text()), **options.get("transformer", {})})
    if "tokenizer" in options:
        path = saved / "tokenizer_config.json"
        write_json(path, {**json.loads(path.read_text()), **options["tokenizer"]})
        own.add(path.name)
    if options.get("old"):
        to_old_layout(saved)
    # Read again: the vectors are those that its files give.
    model = SentenceTransformer(str(saved), device="cpu")
    reference = {
        "network": network.name if network else None,
        "normalizes": isinstance(model[-1], Normalize),
        "texts": TEXTS,
        "tokens": [model.tokenize([text])["input_ids"].numel() for text in TEXTS],
        # By the prompt's name; "" is a text without one asked for.
        "vectors": {"": vectors(model, TEXTS)},
    }
    for prompt in options.get("prompts", {}):
        reference["vectors"][prompt] = vectors(model, TEXTS, prompt_name=prompt)
    target = OUTPUT / "models" / name
    for path in sorted(saved.rglob("*")):
        relative = path.relative_to(saved)
        is_network = relative.parts[0] == relative.name or relative.parts[0] == "0_Transformer"
        is_shared = is_network and path.name in {*OF_NETWORK, "model.safetensors"} - own
        if path.is_file() and not is_shared:
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / relative)
    (target / "reference.json").write_text(json.dumps(reference, ensure_ascii=False) + "\n")


def main():
    torch.manual_seed(20261127)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    graphs.main(OUTPUT / "graphs")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, tokenizer, model in networks():
            randomize(model)
            whole = folder / name
            model.save_pretrained(whole)
            tokenizer.save_pretrained(whole)
            target = OUTPUT / "networks" / name
            target.mkdir(parents=True)
            for file in OF_NETWORK:
                shutil.copyfile(whole / file, target / file)
            export(model, target / "model.onnx")
        for name, (network, parts, options) in MODELS.items():
            with tempfile.TemporaryDirectory() as own:
                make(name, Path(own), parts(), folder / network if network else None, options)
            print(name)


if __name__ == "__main__":
    main()
