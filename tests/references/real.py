"""Writes what sentence-transformers gives for a real model and real sentences, for `crates/encoder/examples/compare.rs`:

    python real.py MODEL FOLDER OUTPUT.safetensors
    cargo run --release -p okibi-encoder --example compare MODEL OUTPUT.safetensors

FOLDER has manual pages (`*.gz`, as Debian's packages `manpages` and `manpages-ja` unpack to); two thousand of their
sentences are taken, half of them Japanese where there are any.
"""

import gzip
import random
import re
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer

COUNT = 2000


def sentences(page):
    """The running text of a manual page, without its macros."""
    text = gzip.decompress(page.read_bytes()).decode("utf-8", errors="replace")
    lines = [line for line in text.splitlines() if not line.startswith((".", "'"))]
    text = re.sub(r"\\f(?:\[[^]]*\]|\(..|.)|\\&|\\s[-+]?\d", "", " ".join(lines))
    text = re.sub(r"\s+", " ", text.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\"))
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+|(?<=。)", text) if 20 <= len(part.strip()) <= 1500]


def main():
    model, pages, output = sys.argv[1:]
    both = ([], [])
    for page in sorted(Path(pages).rglob("*.gz")):
        for sentence in sentences(page):
            both[bool(re.search(r"[ぁ-んァ-ヶ]", sentence))].append(sentence)
    draw = random.Random(20261127)
    japanese = draw.sample(sorted(set(both[1])), min(COUNT // 2, len(set(both[1]))))
    taken = draw.sample(sorted(set(both[0])), COUNT - len(japanese)) + japanese
    model = SentenceTransformer(model, device="cpu", model_kwargs={"dtype": "float32"})
    vectors = model.encode(taken, batch_size=32, normalize_embeddings=True)
    ids = [model.tokenize([sentence])["input_ids"][0].numpy() for sentence in taken]
    pooling = next(module for module in model if type(module).__name__ == "Pooling").pooling_mode
    save_file(
        {
            "ids": np.concatenate(ids).astype(np.int32),
            "lengths": np.array([len(one) for one in ids], dtype=np.int32),
            "vectors": vectors.astype(np.float32),
        },
        output,
        {"pooling": pooling if isinstance(pooling, str) else " ".join(pooling)},
    )
    print(f"{len(taken)} sentences, {len(japanese)} of them Japanese, {sum(map(len, ids))} tokens, {pooling}")


if __name__ == "__main__":
    main()
