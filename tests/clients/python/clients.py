"""Real clients of other servers, unmodified, against a running Okibi: see `checks` for the arguments.

Prints a line for each client; the exit code is the number of clients that failed.
"""

from checks import BASE, LONG, MANY, MODEL, TEXTS, UNKNOWN, check, every, fails, run


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

    def embed(model, texts):
        # The deployment is the model, whatever a request names.
        create = openai.AzureOpenAI(azure_deployment=model, **place).embeddings.create
        return [each.embedding for each in create(model="text-embedding-3-small", input=texts).data]

    every(embed)


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

    place = {"base_url": f"{BASE}/v1", "api_key": "okibi", "max_retries": 0}
    # By default it sends token ids of OpenAI's own vocabulary.
    for way in [{"tiktoken_model_name": "text-embedding-3-small"}, {"check_embedding_ctx_length": False}]:
        make = lambda model: OpenAIEmbeddings(model=model, **place, **way)
        every(lambda model, texts: make(model).embed_documents(texts))
        check([make(MODEL).embed_query(TEXTS[0])], texts=TEXTS[:1])


def langchain_ollama():
    from langchain_ollama import OllamaEmbeddings

    place = {"base_url": BASE, "validate_model_on_init": True}
    every(lambda model, texts: OllamaEmbeddings(model=model, **place).embed_documents(texts), empty="embedded")
    embeddings = OllamaEmbeddings(model=MODEL, base_url=BASE)
    check([embeddings.embed_query(TEXTS[0])], texts=TEXTS[:1])
    fails(lambda: OllamaEmbeddings(model=UNKNOWN, base_url=BASE).embed_query("a"), UNKNOWN)


def llama_index_ollama():
    from llama_index.embeddings.ollama import OllamaEmbedding

    make = lambda model: OllamaEmbedding(model_name=model, base_url=BASE)
    every(lambda model, texts: make(model).get_text_embedding_batch(texts), empty="embedded")
    check([make(MODEL).get_text_embedding(TEXTS[0])], texts=TEXTS[:1])


def huggingface_hub():
    from huggingface_hub import InferenceClient

    client = InferenceClient(model=f"{BASE}/embed")
    every(lambda _, texts: client.feature_extraction(texts), names=False)
    check(client.feature_extraction(TEXTS[0]), texts=TEXTS[:1])
    check(client.feature_extraction(TEXTS, prompt_name="query"), role="query")
    check(client.feature_extraction([LONG], truncate=True, truncation_direction="right"), texts=[LONG])
    fails(lambda: client.feature_extraction("a", prompt_name="poem"), "prompt_name")


def chromadb_ollama():
    from chromadb.utils.embedding_functions import OllamaEmbeddingFunction

    every(lambda model, texts: OllamaEmbeddingFunction(url=BASE, model_name=model)(texts), empty="embedded")


def chromadb_openai():
    from chromadb.utils.embedding_functions import OpenAIEmbeddingFunction

    every(lambda model, texts: OpenAIEmbeddingFunction(api_base=f"{BASE}/v1", model_name=model)(texts))


def chromadb_huggingface_server():
    from chromadb.utils.embedding_functions import HuggingFaceEmbeddingServer

    server = HuggingFaceEmbeddingServer(url=f"{BASE}/embed")

    def embed(_, texts):
        # It waits for five seconds, which is little for many texts beside three other clients.
        parts = [texts[at : at + 8] for at in range(0, len(texts), 8)]
        return [vector for part in parts for vector in server(part)]

    every(embed, names=False)


def haystack():
    from haystack import Document
    from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
    from haystack.utils import Secret

    place = {"api_base_url": f"{BASE}/v1", "api_key": Secret.from_token("okibi"), "max_retries": 0}

    def embed(model, texts):
        embedder = OpenAIDocumentEmbedder(model=model, progress_bar=False, raise_on_failure=True, **place)
        return [each.embedding for each in embedder.run([Document(content=text) for text in texts])["documents"]]

    every(embed)
    found = OpenAITextEmbedder(model=MODEL, **place).run(TEXTS[0])
    check([found["embedding"]], texts=TEXTS[:1])
    fails(lambda: OpenAITextEmbedder(model=UNKNOWN, **place).run("a"), UNKNOWN)


def litellm_client():
    import base64
    import struct

    import litellm

    place = {"api_base": f"{BASE}/v1", "api_key": "okibi", "max_retries": 0}

    def embed(model, texts, **more):
        return [each["embedding"] for each in litellm.embedding(model=model, input=texts, **more).data]

    # With nothing else set it sends fields that are null.
    every(lambda model, texts: embed(f"openai/{model}", texts, **place))
    every(lambda model, texts: embed(f"ollama/{model}", texts, api_base=BASE), empty="embedded")
    check(embed(f"openai/{MODEL}", TEXTS, encoding_format="float", **place))
    decode = lambda text: struct.unpack(f"<{len(base64.b64decode(text)) // 4}f", base64.b64decode(text))
    vectors = embed(f"openai/{MODEL}", TEXTS, encoding_format="base64", **place)
    check([decode(each) if isinstance(each, str) else each for each in vectors])


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
    # By default it has long texts refused.
    every(lambda model, texts: make(model, truncate="END").embed_documents(texts), role="document", names=False)
    check([make(MODEL).embed_query(TEXTS[0])], "query", TEXTS[:1])
    fails(lambda: make(MODEL, truncate="NONE").embed_documents([LONG]), "512")
    make(MODEL, truncate="START").embed_documents([LONG])


def llm_ollama():
    import llm

    # It asks for the list of models once, and a name that is not on it does not leave this machine.
    every(lambda model, texts: list(llm.get_embedding_model(f"ollama/{model}").embed_multi(texts)), empty="embedded")
    check([llm.get_embedding_model(f"ollama/{MODEL}:latest").embed(TEXTS[0])], texts=TEXTS[:1])


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

    embedding = TextEmbeddingsInference(
        base_url=BASE, model_name=MODEL, query_instruction="", text_instruction="", embed_batch_size=len(MANY)
    )
    # It takes an answer of any kind for vectors, also that with the error.
    every(lambda _, texts: embedding.get_text_embedding_batch(texts), names=False)
    check([embedding.get_query_embedding(TEXTS[0])], texts=TEXTS[:1])


def pydantic_ai():
    import asyncio

    from pydantic_ai import Embedder
    from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=f"{BASE}/v1", api_key="okibi")
    # One loop for all calls: the provider's connections belong to that in which they were made.
    with asyncio.Runner() as runner:

        def embed(model, texts):
            embedder = Embedder(OpenAIEmbeddingModel(model, provider=provider))
            return runner.run(embedder.embed_documents(texts)).embeddings

        every(embed)


def agno_openai():
    from agno.knowledge.embedder.openai import OpenAIEmbedder

    make = lambda model: OpenAIEmbedder(id=model, base_url=f"{BASE}/v1", api_key="okibi", dimensions=384)

    def embed(model, texts):
        embedder = make(model)
        return [embedder.get_embedding(text) for text in texts]

    every(embed)


def agno_ollama():
    from agno.knowledge.embedder.ollama import OllamaEmbedder

    def embed(model, texts):
        embedder = OllamaEmbedder(id=model, host=BASE, dimensions=384)
        return [embedder.get_embedding(text) for text in texts]

    # What it gives for an empty text is no vector.
    every(embed, empty="left out")


def mem0_openai():
    from mem0.configs.embeddings.base import BaseEmbedderConfig
    from mem0.embeddings.openai import OpenAIEmbedding

    make = lambda model: OpenAIEmbedding(
        BaseEmbedderConfig(model=model, openai_base_url=f"{BASE}/v1", api_key="okibi", embedding_dims=384)
    )
    every(lambda model, texts: make(model).embed_batch(texts))
    check([make(MODEL).embed(TEXTS[0])], texts=TEXTS[:1])


def mem0_ollama():
    from mem0.configs.embeddings.base import BaseEmbedderConfig
    from mem0.embeddings.ollama import OllamaEmbedding

    # It looks for the model in the list, and pulls it where it is not there.
    make = lambda model: OllamaEmbedding(BaseEmbedderConfig(model=model, ollama_base_url=BASE, embedding_dims=384))
    every(lambda model, texts: make(model).embed_batch(texts), empty="embedded")
    check([make(MODEL).embed(TEXTS[0])], texts=TEXTS[:1])


def txtai_litellm():
    import txtai

    def embed(model, texts):
        place = {"api_base": f"{BASE}/v1", "api_key": "okibi", "max_retries": 0}
        embeddings = txtai.Embeddings(path=f"openai/{model}", method="litellm", vectors=place)
        return embeddings.batchtransform(texts)

    every(embed)


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
    chromadb_huggingface_server,
    haystack,
    haystack_ollama,
    litellm_client,
    infinity,
    llm_ollama,
    pydantic_ai,
    agno_openai,
    agno_ollama,
    mem0_openai,
    mem0_ollama,
    txtai_litellm,
]


run(CLIENTS)
