"""Real clients of other servers, unmodified, against a running Okibi.

Usage: clients.py PORT, with the expected vectors as JSON on standard input: {"query": {TEXT: VECTOR}, "none": …}.
Prints a line for each client; the exit code is the number of clients that failed.
"""

import json
import os
import sys
import traceback

# No client may look for anything outside.
os.environ.update(
    {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "ANONYMIZED_TELEMETRY": "False",
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OPENAI_API_KEY": "okibi",
        "CHROMA_OPENAI_API_KEY": "okibi",
    }
)

PORT = int(sys.argv[1])
BASE = f"http://127.0.0.1:{PORT}"
EXPECTED = json.load(sys.stdin)
MODEL = "multilingual-e5-small"
TEXTS = list(EXPECTED["none"])
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


def openai_client():
    import openai

    client = openai.OpenAI(base_url=f"{BASE}/v1", api_key="okibi", max_retries=0)
    create = client.embeddings.create
    check([create(model=MODEL, input=TEXTS[0]).data[0].embedding], texts=TEXTS[:1])
    # Without a format it asks for base64 by itself.
    check([each.embedding for each in create(model=MODEL, input=TEXTS).data])
    check([each.embedding for each in create(model=MODEL, input=TEXTS, encoding_format="float").data])
    check([each.embedding for each in create(model=f"{MODEL}:query", input=TEXTS).data], role="query")
    check(
        [each.embedding for each in create(model=MODEL, input=TEXTS, extra_body={"input_type": "query"}).data],
        role="query",
    )
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).id == MODEL
    fails(lambda: create(model=UNKNOWN, input="a"), UNKNOWN)
    try:
        create(model=UNKNOWN, input="a")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error.code
    fails(lambda: create(model=MODEL, input=""), "empty")


def ollama_client():
    import ollama

    client = ollama.Client(host=BASE)
    check(client.embed(model=MODEL, input=TEXTS[0]).embeddings, texts=TEXTS[:1])
    check(client.embed(model=MODEL, input=TEXTS).embeddings)
    check([client.embeddings(model=MODEL, prompt=TEXTS[0]).embedding], texts=TEXTS[:1])
    check(client.embed(model=f"{MODEL}:query", input=TEXTS).embeddings, role="query")
    assert [model.model for model in client.list().models] == [MODEL]
    assert [model.model for model in client.ps().models] == [MODEL]
    assert "embedding" in client.show(MODEL).capabilities
    fails(lambda: client.embed(model=UNKNOWN, input="a"), UNKNOWN)


def langchain_openai():
    from langchain_openai import OpenAIEmbeddings

    for by_ids in [True, False]:
        # By default it sends token ids of OpenAI's own vocabulary.
        embeddings = OpenAIEmbeddings(
            model=MODEL,
            base_url=f"{BASE}/v1",
            api_key="okibi",
            max_retries=0,
            check_embedding_ctx_length=by_ids,
            tiktoken_model_name="text-embedding-3-small" if by_ids else None,
        )
        check(embeddings.embed_documents(TEXTS))
        check([embeddings.embed_query(TEXTS[0])], texts=TEXTS[:1])
    fails(
        lambda: OpenAIEmbeddings(
            model=UNKNOWN, base_url=f"{BASE}/v1", api_key="okibi", max_retries=0, check_embedding_ctx_length=False
        ).embed_query("a"),
        UNKNOWN,
    )


def langchain_ollama():
    from langchain_ollama import OllamaEmbeddings

    embeddings = OllamaEmbeddings(model=MODEL, base_url=BASE)
    check(embeddings.embed_documents(TEXTS))
    check([embeddings.embed_query(TEXTS[0])], texts=TEXTS[:1])
    fails(lambda: OllamaEmbeddings(model=UNKNOWN, base_url=BASE).embed_query("a"), UNKNOWN)


def llama_index_ollama():
    from llama_index.embeddings.ollama import OllamaEmbedding

    embedding = OllamaEmbedding(model_name=MODEL, base_url=BASE)
    check(embedding.get_text_embedding_batch(TEXTS))
    check([embedding.get_text_embedding(TEXTS[0])], texts=TEXTS[:1])
    fails(lambda: OllamaEmbedding(model_name=UNKNOWN, base_url=BASE).get_text_embedding("a"), UNKNOWN)


def huggingface_hub():
    from huggingface_hub import InferenceClient

    client = InferenceClient(model=f"{BASE}/embed")
    check(client.feature_extraction(TEXTS[0]), texts=TEXTS[:1])
    check(client.feature_extraction(TEXTS))
    check(client.feature_extraction(TEXTS, prompt_name="query"), role="query")
    fails(lambda: client.feature_extraction("a", prompt_name="poem"), "prompt_name")


def chromadb_ollama():
    from chromadb.utils.embedding_functions import OllamaEmbeddingFunction

    check(OllamaEmbeddingFunction(url=BASE, model_name=MODEL)(TEXTS))
    fails(lambda: OllamaEmbeddingFunction(url=BASE, model_name=UNKNOWN)(["a"]), UNKNOWN)


def chromadb_openai():
    from chromadb.utils.embedding_functions import OpenAIEmbeddingFunction

    check(OpenAIEmbeddingFunction(api_base=f"{BASE}/v1", model_name=MODEL)(TEXTS))
    fails(lambda: OpenAIEmbeddingFunction(api_base=f"{BASE}/v1", model_name=UNKNOWN)(["a"]), UNKNOWN)


def haystack():
    from haystack import Document
    from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
    from haystack.utils import Secret

    place = {"api_base_url": f"{BASE}/v1", "api_key": Secret.from_token("okibi"), "max_retries": 0}
    found = OpenAITextEmbedder(model=MODEL, **place).run(TEXTS[0])
    check([found["embedding"]], texts=TEXTS[:1])
    documents = [Document(content=text) for text in TEXTS]
    embedder = OpenAIDocumentEmbedder(model=MODEL, progress_bar=False, **place)
    check([each.embedding for each in embedder.run(documents)["documents"]])
    fails(lambda: OpenAITextEmbedder(model=UNKNOWN, **place).run("a"), UNKNOWN)


def litellm_client():
    import litellm

    place = {"api_base": f"{BASE}/v1", "api_key": "okibi", "max_retries": 0}
    for encoding in ["float", "base64"]:
        answer = litellm.embedding(model=f"openai/{MODEL}", input=TEXTS, encoding_format=encoding, **place)
        vectors = [each["embedding"] for each in answer.data]
        if encoding == "base64":
            import base64
            import struct

            decode = lambda text: struct.unpack(f"<{len(base64.b64decode(text)) // 4}f", base64.b64decode(text))
            vectors = [decode(each) if isinstance(each, str) else each for each in vectors]
        check(vectors)
    answer = litellm.embedding(model=f"ollama/{MODEL}", input=TEXTS, api_base=BASE)
    check([each["embedding"] for each in answer.data])
    fails(lambda: litellm.embedding(model=f"openai/{UNKNOWN}", input=["a"], **place), UNKNOWN)


CLIENTS = [
    openai_client,
    ollama_client,
    langchain_openai,
    langchain_ollama,
    llama_index_ollama,
    huggingface_hub,
    chromadb_ollama,
    chromadb_openai,
    haystack,
    litellm_client,
]

failed = 0
for client in CLIENTS:
    try:
        client()
    except Exception:
        failed += 1
        print(f"{client.__name__} FAILED\n{traceback.format_exc()}", flush=True)
    else:
        print(f"{client.__name__} ok", flush=True)
sys.exit(failed)
