"""Real clients of other servers, unmodified, against a running Okibi.

Usage: clients.py PORT, with what is expected as JSON on standard input: {"texts": [TEXT, …], "many": [TEXT, …],
"long": TEXT, "none": {TEXT: VECTOR}, "query": {TEXT: VECTOR}, "document": {TEXT: VECTOR}}.
Prints a line for each client; the exit code is the number of clients that failed.
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
    one, and the name of a model that is not there. `empty` says what an empty text gets: "embedded", or "refused".
    """
    check(embed(MODEL, TEXTS[:1]), role, TEXTS[:1])
    check(embed(MODEL, TEXTS), role)
    if role == "none":
        check(embed(MODEL, MANY), role, MANY)
        check(embed(MODEL, [LONG]), role, [LONG])
    if empty == "embedded":
        vectors = [list(each) for each in embed(MODEL, ["", TEXTS[0]])]
        assert [len(each) for each in vectors] == [len(EXPECTED[role][TEXTS[0]])] * 2
    else:
        fails(lambda: embed(MODEL, ["", TEXTS[0]]), "")
    if names:
        check(embed(f"{MODEL}:query", TEXTS), "query")
        fails(lambda: embed(UNKNOWN, ["a"]), UNKNOWN)


def openai_client():
    import openai

    client = openai.OpenAI(base_url=f"{BASE}/v1", api_key="okibi", max_retries=0)
    create = client.embeddings.create
    every(lambda model, texts: [each.embedding for each in create(model=model, input=texts).data])
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
    chat = [{"role": "user", "content": "hello"}]
    fails(lambda: client.chat.completions.create(model=MODEL, messages=chat), "embedding model")


def azure_openai():
    import openai

    place = {"azure_endpoint": BASE, "api_key": "okibi", "api_version": "2024-10-21", "max_retries": 0}
    create = openai.AzureOpenAI(azure_deployment=MODEL, **place).embeddings.create
    check([each.embedding for each in create(model="text-embedding-3-small", input=TEXTS).data])


def ollama_client():
    import ollama

    client = ollama.Client(host=BASE)
    every(lambda model, texts: client.embed(model=model, input=texts).embeddings, empty="embedded")
    assert client.pull(f"{MODEL}:query").status == "success"
    check(client.embed(model=MODEL, input=TEXTS[0]).embeddings, texts=TEXTS[:1])
    check(client.embed(model=MODEL, input=TEXTS).embeddings)
    check([client.embeddings(model=MODEL, prompt=TEXTS[0]).embedding], texts=TEXTS[:1])
    check(client.embed(model=f"{MODEL}:query", input=TEXTS).embeddings, role="query")
    assert [model.model for model in client.list().models] == [
        f"{MODEL}{tag}" for tag in ["", ":latest", ":query", ":document"]
    ]
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

    place = {"base_url": BASE, "validate_model_on_init": True}
    every(lambda model, texts: OllamaEmbeddings(model=model, **place).embed_documents(texts), empty="embedded")
    embeddings = OllamaEmbeddings(model=MODEL, base_url=BASE)
    check(embeddings.embed_documents(TEXTS))
    check([embeddings.embed_query(TEXTS[0])], texts=TEXTS[:1])
    fails(lambda: OllamaEmbeddings(model=UNKNOWN, base_url=BASE).embed_query("a"), UNKNOWN)


def llama_index_ollama():
    from llama_index.embeddings.ollama import OllamaEmbedding

    make = lambda model: OllamaEmbedding(model_name=model, base_url=BASE)
    every(lambda model, texts: make(model).get_text_embedding_batch(texts), empty="embedded")
    embedding = make(MODEL)
    check(embedding.get_text_embedding_batch(TEXTS))
    check([embedding.get_text_embedding(TEXTS[0])], texts=TEXTS[:1])
    fails(lambda: OllamaEmbedding(model_name=UNKNOWN, base_url=BASE).get_text_embedding("a"), UNKNOWN)


def huggingface_hub():
    from huggingface_hub import InferenceClient

    client = InferenceClient(model=f"{BASE}/embed")
    check(client.feature_extraction(TEXTS[0]), texts=TEXTS[:1])
    check(client.feature_extraction(TEXTS))
    check(client.feature_extraction(TEXTS, prompt_name="query"), role="query")
    check(client.feature_extraction([LONG], truncate=True, truncation_direction="right"), texts=[LONG])
    every(lambda _, texts: client.feature_extraction(texts), names=False)
    fails(lambda: client.feature_extraction("a", prompt_name="poem"), "prompt_name")


def chromadb_ollama():
    from chromadb.utils.embedding_functions import OllamaEmbeddingFunction

    every(lambda model, texts: OllamaEmbeddingFunction(url=BASE, model_name=model)(texts), empty="embedded")
    fails(lambda: OllamaEmbeddingFunction(url=BASE, model_name=UNKNOWN)(["a"]), UNKNOWN)


def chromadb_openai():
    from chromadb.utils.embedding_functions import OpenAIEmbeddingFunction

    every(lambda model, texts: OpenAIEmbeddingFunction(api_base=f"{BASE}/v1", model_name=model)(texts))
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
    # With nothing else set it sends fields that are null.
    ask = lambda model, texts: litellm.embedding(model=f"openai/{model}", input=texts, **place)
    every(lambda model, texts: [each["embedding"] for each in ask(model, texts).data])
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


def infinity():
    from infinity_client import Client
    from infinity_client.api.default import embeddings
    from infinity_client.models import OpenAIEmbeddingInputText as Input

    client = Client(base_url=BASE, raise_on_unexpected_status=True)

    def embed(model, texts):
        # Its own class, which sends `dimensions` 0 and `modality` by itself.
        return [each.embedding for each in embeddings.sync(client=client, body=Input(input_=texts, model=model)).data]

    every(embed)
    check([each.embedding for each in embeddings.sync(client=client, body=Input(input_=TEXTS)).data])


def langchain_nvidia():
    from langchain_nvidia_ai_endpoints import NVIDIAEmbeddings

    make = lambda model, **more: NVIDIAEmbeddings(
        base_url=f"{BASE}/v1", model=model, nvidia_api_key="okibi", **more
    )
    every(lambda model, texts: make(model).embed_documents(texts), role="document", names=False)
    check([make(MODEL).embed_query(TEXTS[0])], "query", TEXTS[:1])
    fails(lambda: make(MODEL, truncate="NONE").embed_documents([LONG]), "512")
    make(MODEL, truncate="START").embed_documents([LONG])


def llm_ollama():
    import llm

    for tag, role in [("", "none"), (":latest", "none"), (":query", "query")]:
        model = llm.get_embedding_model(f"ollama/{MODEL}{tag}")
        check(list(model.embed_multi(TEXTS)), role)
        check([model.embed(TEXTS[0])], role, TEXTS[:1])
    check(list(llm.get_embedding_model(f"ollama/{MODEL}").embed_multi(MANY)), texts=MANY)


def haystack_ollama():
    from haystack import Document
    from haystack_integrations.components.embedders.ollama import OllamaDocumentEmbedder, OllamaTextEmbedder

    def embed(model, texts):
        embedder = OllamaDocumentEmbedder(model=model, url=BASE, progress_bar=False)
        return [each.embedding for each in embedder.run([Document(content=text) for text in texts])["documents"]]

    every(embed, empty="embedded")
    found = OllamaTextEmbedder(model=MODEL, url=BASE).run(TEXTS[0])
    check([found["embedding"]], texts=TEXTS[:1])


def llama_index_openai_like():
    from llama_index.embeddings.openai_like import OpenAILikeEmbedding

    make = lambda model: OpenAILikeEmbedding(
        model_name=model, api_base=f"{BASE}/v1", api_key="okibi", max_retries=0
    )
    every(lambda model, texts: make(model).get_text_embedding_batch(texts))
    check([make(MODEL).get_query_embedding(TEXTS[0])], texts=TEXTS[:1])


def llama_index_tei():
    from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference

    make = lambda model: TextEmbeddingsInference(base_url=BASE, model_name=model, query_instruction="", text_instruction="")
    # It takes an answer of any kind for vectors, so an empty text is not tried.
    check(make(MODEL).get_text_embedding_batch(MANY), texts=MANY)
    check(make(MODEL).get_text_embedding_batch([LONG]), texts=[LONG])
    check([make(MODEL).get_query_embedding(TEXTS[0])], texts=TEXTS[:1])


def pydantic_ai():
    import asyncio

    from pydantic_ai import Embedder
    from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=f"{BASE}/v1", api_key="okibi")

    def embed(model, texts):
        embedder = Embedder(OpenAIEmbeddingModel(model, provider=provider))
        return asyncio.run(embedder.embed_documents(texts)).embeddings

    # Each call has a loop of its own, which the provider's client does not survive.
    check(embed(MODEL, TEXTS))


def agno_openai():
    from agno.knowledge.embedder.openai import OpenAIEmbedder

    make = lambda model: OpenAIEmbedder(id=model, base_url=f"{BASE}/v1", api_key="okibi", dimensions=384)
    check([make(MODEL).get_embedding(text) for text in TEXTS])


def agno_ollama():
    from agno.knowledge.embedder.ollama import OllamaEmbedder

    check([OllamaEmbedder(id=MODEL, host=BASE, dimensions=384).get_embedding(text) for text in TEXTS])


CLIENTS = [
    openai_client,
    azure_openai,
    ollama_client,
    langchain_openai,
    langchain_ollama,
    langchain_nvidia,
    llama_index_ollama,
    llama_index_openai_like,
    llama_index_tei,
    huggingface_hub,
    chromadb_ollama,
    chromadb_openai,
    haystack,
    haystack_ollama,
    litellm_client,
    infinity,
    llm_ollama,
    pydantic_ai,
    agno_openai,
    agno_ollama,
]


def outcome(client):
    try:
        client()
    except Exception:
        return f"{client.__name__} FAILED\n{traceback.format_exc()}"
    return f"{client.__name__} ok"


# Side by side: each waits for the daemon most of the time.
with ThreadPoolExecutor(4) as pool:
    outcomes = list(pool.map(outcome, CLIENTS))
print("\n".join(outcomes), flush=True)
# Some clients leave threads behind.
sys.stdout.flush()
os._exit(sum(not line.endswith(" ok") for line in outcomes))
