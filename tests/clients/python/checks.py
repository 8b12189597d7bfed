"""What every client is tried with: where Okibi is, the inputs, and the vectors that have to come back.

A program that imports this is called with PORT, and has on standard input, as JSON: {"texts": [TEXT, …],
"many": [TEXT, …], "long": TEXT, "none": {TEXT: VECTOR}, "query": {TEXT: VECTOR}, "document": {TEXT: VECTOR}}.
"""

import json
import os
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor

# No client may look for anything outside.
os.environ.update(
    {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "ANONYMIZED_TELEMETRY": "False",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "MEM0_TELEMETRY": "False",
        "OPENAI_API_KEY": "okibi",
        "CHROMA_OPENAI_API_KEY": "okibi",
        "OLLAMA_HOST": f"http://127.0.0.1:{sys.argv[1]}",
        "LLM_USER_PATH": tempfile.mkdtemp(),
    }
)

PORT = int(sys.argv[1])
BASE = f"http://127.0.0.1:{PORT}"
EXPECTED = json.load(sys.stdin)
MODEL = "multilingual-e5-small"
TEXTS, MANY, LONG = EXPECTED["texts"], EXPECTED["many"], EXPECTED["long"]
UNKNOWN = "no-such-model"


def check(vectors, role="none", texts=TEXTS, tolerance=1e-5):
    """Compares vectors with those of a direct call."""
    vectors = [list(map(float, vector)) for vector in vectors]
    assert len(vectors) == len(texts), f"{len(vectors)} vectors for {len(texts)} texts"
    for text, vector in zip(texts, vectors):
        expected = EXPECTED[role][text]
        assert len(vector) == len(expected), f"{len(vector)} values, {len(expected)} expected"
        apart = max(abs(one - other) for one, other in zip(vector, expected))
        assert apart < tolerance, f"{apart} apart at {text!r}"


def fails(call, part):
    """Checks that a call fails and that its message has `part`."""
    try:
        call()
    except Exception as error:  # each client has errors of its own
        assert part in f"{error} {getattr(error, 'body', '')}", f"{part!r} is not in: {error}"
    else:
        raise AssertionError(f"no error with {part!r}")


def every(embed, empty="refused", role="none", names=True):
    """Tries `embed(model, texts)` with one text, several in three languages, 130, one over the model's limit, an empty
    one, and the name of a model that is not there. `empty` says what an empty text gets: "refused", "embedded", or
    "left out", which is no vector or an empty one.
    """
    check(embed(MODEL, TEXTS[:1]), role, TEXTS[:1])
    check(embed(MODEL, TEXTS), role)
    check(embed(MODEL, MANY), role, MANY)
    check(embed(MODEL, [LONG]), role, [LONG])
    if empty == "refused":
        fails(lambda: embed(MODEL, ["", TEXTS[0]]), "")
    else:
        nothing, vector = embed(MODEL, ["", TEXTS[0]])
        check([vector], role, TEXTS[:1])
        size = 0 if nothing is None else len(nothing)
        assert size == (len(vector) if empty == "embedded" else 0), f"an empty text has {size} values"
    if names:
        check(embed(f"{MODEL}:query", TEXTS), "query")
        fails(lambda: embed(UNKNOWN, ["a"]), UNKNOWN)


def run(clients):
    """Runs the clients, prints a line for each, and ends the program with the number of those that failed."""

    def outcome(client):
        try:
            client()
        except Exception:
            return f"{client.__name__} FAILED\n{traceback.format_exc()}"
        return f"{client.__name__} ok"

    # Side by side: each waits for the daemon most of the time.
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(outcome, clients))
    print("\n".join(outcomes), flush=True)
    # Some clients leave threads behind.
    os._exit(sum(not line.endswith(" ok") for line in outcomes))
