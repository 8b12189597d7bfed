"""Keeps sentence-transformers open: answers each line of JSON, as encoder/lines.rs asks them."""

import json
import sys
import time

import torch

folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)

from sentence_transformers import SentenceTransformer  # noqa: E402  the number of threads comes first

model = SentenceTransformer(folder, device="cpu")


def embed(texts):
    model.encode(texts, show_progress_bar=False)


def say(**answer):
    print(json.dumps(answer), flush=True)


embed(["a"])
say(seconds=[])
works = []
for line in sys.stdin:
    question = json.loads(line)
    seconds = []
    if "prepare" in question:
        works.append(question["prepare"]["texts"])
        embed(works[-1])
    else:
        run = question["run"]
        for _ in range(run["times"]):
            began = time.perf_counter()
            embed(works[run["work"]])
            seconds.append(time.perf_counter() - began)
    say(seconds=seconds)
