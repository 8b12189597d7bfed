"""Real clients of other servers that are large to install, unmodified, against a running Okibi: see `checks`."""

import asyncio

from checks import BASE, MODEL, TEXTS, check, every, run


def lancedb_openai():
    from lancedb.embeddings import get_registry

    # Its key stands in the environment.
    registered = get_registry().get("openai")

    def embed(model, texts):
        return registered.create(name=model, base_url=f"{BASE}/v1").generate_embeddings(texts)

    every(embed, empty="left out")


def lancedb_ollama():
    from lancedb.embeddings import get_registry

    registered = get_registry().get("ollama")

    def embed(model, texts):
        return registered.create(name=model, host=BASE).generate_embeddings(texts)

    every(embed, empty="embedded")


def lancedb_table():
    import tempfile

    import lancedb
    from lancedb.embeddings import get_registry
    from lancedb.pydantic import LanceModel, Vector

    function = get_registry().get("ollama").create(name=MODEL, host=BASE)

    class Row(LanceModel):
        text: str = function.SourceField()
        vector: Vector(function.ndims()) = function.VectorField()

    with tempfile.TemporaryDirectory() as folder:
        table = lancedb.connect(folder).create_table("rows", schema=Row)
        table.add([{"text": text} for text in TEXTS])
        rows = table.to_arrow().to_pylist()
        check([row["vector"] for row in rows], texts=[row["text"] for row in rows])
        assert table.search(TEXTS[1]).limit(1).to_list()[0]["text"] == TEXTS[1]


def semantic_kernel_openai():
    from openai import AsyncOpenAI
    from semantic_kernel.connectors.ai.open_ai import OpenAITextEmbedding

    with asyncio.Runner() as runner:
        client = AsyncOpenAI(base_url=f"{BASE}/v1", api_key="okibi", max_retries=0)

        def embed(model, texts):
            service = OpenAITextEmbedding(ai_model_id=model, async_client=client)
            return runner.run(service.generate_embeddings(texts))

        every(embed)


def semantic_kernel_ollama():
    from semantic_kernel.connectors.ai.ollama import OllamaTextEmbedding

    with asyncio.Runner() as runner:

        def embed(model, texts):
            service = OllamaTextEmbedding(ai_model_id=model, host=BASE)
            return runner.run(service.generate_raw_embeddings(texts))

        # It asks by `prompt`, one text at a time, where an empty one has an empty vector.
        every(embed, empty="left out")


run([lancedb_openai, lancedb_ollama, lancedb_table, semantic_kernel_openai, semantic_kernel_ollama])
