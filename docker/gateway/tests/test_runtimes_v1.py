"""/v1 in front of the real llama-server and the real Ollama; see real_runtimes.py."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest

from conftest import MakeSettings, StartGateway
from real_runtimes import (
    COUNTING,
    MARKS,
    MODEL,
    NAME,
    OLLAMA_NAME,
    TOKEN,
    URL,
    begun,
    slots_of_llama_server,
    slots_of_ollama,
    until,
    until_freed,
)

pytestmark = MARKS

BOTH = pytest.mark.parametrize("model", [NAME, OLLAMA_NAME])
WHOLE_OR_NOT = pytest.mark.parametrize("stream", [False, True])
CAPITAL: dict[str, object] = {
    "messages": [{"role": "user", "content": "What is the capital of France? Answer with one word."}],
    "temperature": 0,
}
BEGINNING: dict[str, object] = {"prompt": "The capital of France is", "temperature": 0, "max_tokens": 6}
TOO_LONG = "word " * 20_000
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def gateway(sandbox_gateway: httpx.AsyncClient, llama_model: str, ollama_model: str) -> httpx.AsyncClient:
    """The gateway, with the same model in both runtimes."""
    return sandbox_gateway


def chunks_of(text: str) -> list[dict[str, Any]]:
    """What a stream says, which must end as OpenAI's do."""
    *events, last = [event for event in text.strip().split("\n\n") if not event.startswith(":")]
    assert last == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events]


def require_sane(answer: dict[str, Any]) -> None:
    """Usage and timings fit each other."""
    usage, timings = answer["usage"], answer["timings"]
    assert usage["prompt_tokens"] >= 5
    assert usage["completion_tokens"] >= 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert timings["cache_n"] == usage["prompt_tokens_details"]["cached_tokens"]
    assert timings["cache_n"] + timings["prompt_n"] == usage["prompt_tokens"]
    assert timings["predicted_n"] == usage["completion_tokens"]
    assert timings["predicted_ms"] > 0
    # One of them counts the first token as part of the reading.
    per_second = 1000 / timings["predicted_ms"]
    assert timings["predicted_n"] * per_second * 1.01 > timings["predicted_per_second"] > per_second


@asynccontextmanager
async def llama_server_for_embeddings() -> AsyncIterator[str]:
    """A llama-server of its own: one that makes embeddings does nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--embeddings", "--pooling", "mean", "--threads", "1", "--no-ui", "--offline"]
    with subprocess.Popen(
        ["llama-server", "--model", MODEL, "--alias", NAME, "--port", str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            url = f"http://127.0.0.1:{port}"

            async def ready() -> bool:
                assert server.poll() is None
                async with httpx.AsyncClient(trust_env=False) as client:
                    try:
                        return (await client.get(url + "/health")).is_success
                    except httpx.TransportError:
                        return False

            await until(ready)
            yield url
        finally:
            server.terminate()


async def test_the_models_of_both_runtimes_are_listed(gateway: httpx.AsyncClient) -> None:
    listed = (await gateway.get("/v1/models")).json()
    assert {(model["id"], model["owned_by"]) for model in listed["data"]} == {
        (NAME, "llama.cpp"),
        (OLLAMA_NAME, "ollama"),
    }
    for model in listed["data"]:
        assert model["created"] > 1_700_000_000
        assert (await gateway.get(f"/v1/models/{model['id']}")).json() == model


@BOTH
async def test_an_answer_comes_whole_and_measured(gateway: httpx.AsyncClient, model: str) -> None:
    answer = (await gateway.post("/v1/chat/completions", json={**CAPITAL, "model": model})).json()
    assert (answer["object"], answer["model"]) == ("chat.completion", model)
    (choice,) = answer["choices"]
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
    assert "Paris" in choice["message"]["content"]
    require_sane(answer)


@BOTH
async def test_an_answer_comes_in_chunks_and_ends_with_done(gateway: httpx.AsyncClient, model: str) -> None:
    body = {**CAPITAL, "model": model, "stream": True}
    chunks = chunks_of((await gateway.post("/v1/chat/completions", json=body)).text)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"]["role"] == "assistant"
    words = [text for choice in choices if (text := choice["delta"].get("content"))]
    assert len(words) > 2
    assert "Paris" in "".join(words)
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]
    # Nobody has asked for it.
    assert not any(chunk.get("usage") for chunk in chunks)


@BOTH
async def test_usage_comes_last_when_it_is_asked_for(gateway: httpx.AsyncClient, model: str) -> None:
    body = {**CAPITAL, "model": model, "stream": True, "stream_options": {"include_usage": True}}
    *others, last = chunks_of((await gateway.post("/v1/chat/completions", json=body)).text)
    assert last["choices"] == []
    assert not any(chunk.get("usage") for chunk in others)
    require_sane(last)


@BOTH
@WHOLE_OR_NOT
async def test_a_text_is_continued_up_to_its_limit(
    gateway: httpx.AsyncClient, model: str, stream: bool
) -> None:
    body = {**BEGINNING, "model": model, "stream": stream, "stream_options": {"include_usage": True}}
    answer = await gateway.post("/v1/completions", json=body)
    chunks = chunks_of(answer.text) if stream else [answer.json()]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert "".join(choice["text"] for choice in choices).startswith(" Paris")
    assert choices[-1]["finish_reason"] == "length"
    assert chunks[-1]["usage"]["completion_tokens"] == BEGINNING["max_tokens"]
    require_sane(chunks[-1])


@BOTH
async def test_openais_client_talks_to_both(gateway: httpx.AsyncClient, model: str) -> None:
    async with openai.AsyncOpenAI(api_key=TOKEN, base_url=URL + "/v1", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "What is the capital of France? Answer with one word."}],
            temperature=0,
            stream=True,
        )
        said = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "Paris" in "".join(said)


@BOTH
async def test_embeddings_of_a_model_that_only_talks_are_refused(
    gateway: httpx.AsyncClient, model: str
) -> None:
    answer = await gateway.post("/v1/embeddings", json={"model": model, "input": "Paris"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "not_supported")
    assert "does not support embeddings" in error["message"]


async def test_a_llama_server_for_embeddings_gives_vectors(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    async with llama_server_for_embeddings() as url:
        gateway = await start_gateway(make_settings(llama_cpp_url=url))
        texts = ["The cat sat on the mat.", "A cat is sitting on a mat.", "Stock prices fell sharply today."]
        body = {"model": f"llama.cpp/{NAME}", "input": texts}
        answer = (await gateway.post("/v1/embeddings", json=body)).json()
    vectors = [entry["embedding"] for entry in answer["data"]]
    assert [entry["index"] for entry in answer["data"]] == [0, 1, 2]
    assert {len(vector) for vector in vectors} == {576}
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] > 3
    alike, different = (sum(a * b for a, b in zip(vectors[0], other, strict=True)) for other in vectors[1:])
    assert 1.001 > alike > different


@WHOLE_OR_NOT
async def test_tools_are_no_failure_for_a_model_of_llama_server_that_knows_none(
    gateway: httpx.AsyncClient, stream: bool
) -> None:
    body = {**CAPITAL, "model": NAME, "tools": [WEATHER], "max_tokens": 60, "stream": stream}
    answer = await gateway.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    choices = [chunk["choices"][0] for chunk in (chunks_of(answer.text) if stream else [answer.json()])]
    said = [choice["delta" if stream else "message"] for choice in choices]
    # It may call or talk; both in the shape of OpenAI, and one of them.
    for call in [call for part in said for call in part.get("tool_calls") or []]:
        assert call["type"] == "function"
        assert call["function"]["name"] == "weather"
    assert any(part.get("content") or part.get("tool_calls") for part in said)
    assert choices[-1]["finish_reason"] in ("stop", "length", "tool_calls")


@WHOLE_OR_NOT
async def test_ollama_refuses_tools_for_a_model_that_knows_none(
    gateway: httpx.AsyncClient, stream: bool
) -> None:
    body = {**CAPITAL, "model": OLLAMA_NAME, "tools": [WEATHER], "stream": stream}
    answer = await gateway.post("/v1/chat/completions", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "not_supported")
    assert "does not support tools" in error["message"]


@BOTH
@WHOLE_OR_NOT
async def test_what_is_too_long_is_refused_with_the_numbers(
    gateway: httpx.AsyncClient, model: str, stream: bool
) -> None:
    asked: list[tuple[str, dict[str, object]]] = [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": TOO_LONG}]}),
        ("/v1/completions", {"prompt": TOO_LONG}),
    ]
    for path, body in asked:
        answer = await gateway.post(path, json={**body, "model": model, "stream": stream})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "context_length_exceeded"), path
        assert [error["param"]] == [*body]
        assert re.search(r"request \(200\d\d tokens\) .* \((8192|4096) tokens\)", error["message"])


@pytest.mark.parametrize("model", [NAME, f"ollama/{NAME}"])
async def test_leaving_a_streamed_answer_stops_the_model(gateway: httpx.AsyncClient, model: str) -> None:
    slots = slots_of_llama_server(gateway) if model == NAME else slots_of_ollama
    body = {**COUNTING, "model": model, "max_tokens": 100_000, "temperature": 0}
    async with begun(gateway, "/v1/completions", body):
        assert len(await slots()) == 1
    await until_freed(slots)


@pytest.mark.parametrize("model", [NAME, OLLAMA_NAME])
async def test_leaving_before_a_whole_answer_stops_the_model(gateway: httpx.AsyncClient, model: str) -> None:
    slots = slots_of_llama_server(gateway) if model == NAME else slots_of_ollama
    body = {**COUNTING, "model": model, "max_tokens": 100_000, "temperature": 0, "stream": False}
    # A model that is still to be loaded has no slots to look at.
    await gateway.post("/v1/completions", json={**body, "max_tokens": 1})
    asking = asyncio.create_task(gateway.post("/v1/completions", json=body))

    async def busy() -> bool:
        return bool(await slots())

    await until(busy)
    asking.cancel()
    await until_freed(slots)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/v1/chat/completions", CAPITAL),
        ("/v1/chat/completions", {**CAPITAL, "logprobs": True, "top_logprobs": 2, "max_tokens": 3}),
        ("/v1/completions", BEGINNING),
        ("/v1/completions", {**BEGINNING, "prompt": ["The capital of France is", "One two three"], "n": 1}),
    ],
    ids=["a conversation", "logarithms", "a text", "two texts"],
)
async def test_a_whole_answer_is_the_one_that_llama_server_gives(
    gateway: httpx.AsyncClient, path: str, wanted: dict[str, object]
) -> None:
    body = {**wanted, "model": NAME, "cache_prompt": False}
    ours = (await gateway.post(path, json=body)).json()
    its_own = (await gateway.post(f"/llama-cpp{path}", json=body)).json()
    for name in ("id", "created", "timings"):
        assert bool(ours.pop(name)) == bool(its_own.pop(name))
    assert ours == its_own
