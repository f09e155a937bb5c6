"""/models in front of the real llama-server and the real Ollama; see real_runtimes.py."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Serve
from model_registry import ModelRegistry
from real_runtimes import MARKS, MODEL, NAME, OLLAMA_NAME

pytestmark = MARKS

MODELS_DIR = Path(os.environ.get("LM_MODELS_DIR", "/models"))
BOTH = pytest.mark.parametrize(
    ("runtime", "name"), [("llama.cpp", NAME), ("ollama", OLLAMA_NAME)], ids=["llama.cpp", "ollama"]
)
# One thread for Ollama as for llama-server: see real_runtimes.py. A shared model has no setting for it.
CAPITAL = {
    "messages": [{"role": "user", "content": "What is the capital of France? Answer with one word."}],
    "temperature": 0,
    "max_tokens": 12,
    "options": {"num_thread": 1},
}
HELD_AT = 30_000_000


@pytest.fixture
def gateway(sandbox_gateway: httpx.AsyncClient, llama_model: str, ollama_model: str) -> httpx.AsyncClient:
    """The gateway, with the same model in both runtimes."""
    return sandbox_gateway


async def listed(gateway: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    """The models by `RUNTIME/NAME`. Both runtimes must have answered."""
    answer = (await gateway.get("/models")).json()
    assert answer["runtimes"] == {
        name: {"reachable": True, "error": None} for name in ("llama.cpp", "ollama")
    }
    return {f"{model['runtime']}/{model['name']}": model for model in answer["models"]}


async def knows_paris(gateway: httpx.AsyncClient, model: str) -> None:
    answer = await gateway.post("/v1/chat/completions", json={**CAPITAL, "model": model})
    assert answer.status_code == 200, answer.text
    assert "Paris" in answer.json()["choices"][0]["message"]["content"]


async def remove(gateway: httpx.AsyncClient, runtime: str, name: str) -> None:
    answer = await gateway.delete(f"/models/{runtime}/{name}")
    assert answer.json() == {"runtime": runtime, "name": name}
    assert f"{runtime}/{name}" not in await listed(gateway)
    asked = await gateway.post("/v1/chat/completions", json={**CAPITAL, "model": f"{runtime}/{name}"})
    assert (asked.status_code, asked.json()["error"]["code"]) == (404, "model_not_found")


def files_of_size(size_bytes: int) -> dict[int, list[Path]]:
    """The names of files of a size among all models, by inode."""
    found: dict[int, list[Path]] = {}
    for path in MODELS_DIR.rglob("*"):
        if path.is_file() and path.stat().st_size == size_bytes:
            found.setdefault(path.stat().st_ino, []).append(path)
    return found


def another_model(more: int) -> bytes:
    """SmolLM2 with some bytes behind its weights that nobody reads: the same answers, another digest."""
    return MODEL.read_bytes() + b"\0" * more


async def upload(gateway: httpx.AsyncClient, name: str, content: bytes) -> None:
    assert (await gateway.put(f"/models/gguf/{name}.gguf", content=content)).status_code == 201


async def test_the_models_of_both_are_listed_with_what_is_known_of_them(gateway: httpx.AsyncClient) -> None:
    models = await listed(gateway)
    assert sorted(models) == [f"llama.cpp/{NAME}", f"ollama/{OLLAMA_NAME}"]
    for model in models.values():
        assert model["size_bytes"] == pytest.approx(MODEL.stat().st_size, rel=0.001)
        assert model["modified_at"]
        assert model["error"] is None
    assert models[f"ollama/{OLLAMA_NAME}"]["quantization"] == "Q4_1"


@BOTH
async def test_a_model_is_loaded_and_unloaded_when_the_answer_comes(
    gateway: httpx.AsyncClient, runtime: str, name: str
) -> None:
    async def state() -> str:
        value: str = (await listed(gateway))[f"{runtime}/{name}"]["state"]
        return value

    for _ in range(2):  # twice: what is so already is no error
        loaded = (await gateway.post("/models/load", json={"model": name, "runtime": runtime})).json()
        assert (loaded["state"], await state()) == ("loaded", "loaded")
        assert loaded["context"] in (4096, 8192)
    await knows_paris(gateway, f"{runtime}/{name}")
    for _ in range(2):
        unloaded = (await gateway.post("/models/unload", json={"model": name, "runtime": runtime})).json()
        assert (unloaded["state"], await state()) == ("unloaded", "unloaded")


async def test_ollama_loads_a_model_with_the_context_that_is_wanted(gateway: httpx.AsyncClient) -> None:
    wanted = {"model": OLLAMA_NAME, "context": 2048, "keep_alive": "10m"}
    loaded = (await gateway.post("/models/load", json=wanted)).json()
    assert (loaded["state"], loaded["context"]) == ("loaded", 2048)
    assert loaded["memory_bytes"] > MODEL.stat().st_size / 2
    await gateway.post("/models/unload", json={"model": OLLAMA_NAME})


@BOTH
async def test_a_model_that_is_not_there_cannot_be_loaded_or_deleted(
    gateway: httpx.AsyncClient, runtime: str, name: str
) -> None:
    for answer in (
        await gateway.post("/models/load", json={"model": "nothing", "runtime": runtime}),
        await gateway.post("/models/unload", json={"model": "nothing", "runtime": runtime}),
        await gateway.delete(f"/models/{runtime}/nothing"),
    ):
        assert answer.status_code == 404, answer.text


@pytest.mark.parametrize("deleted_first", ["llama.cpp", "ollama"])
async def test_one_file_is_served_by_both_runtimes_and_stays_until_both_have_deleted_it(
    gateway: httpx.AsyncClient, deleted_first: str
) -> None:
    content = another_model(64)
    await upload(gateway, "shared", content)
    before = files_of_size(len(content))
    assert [len(names) for names in before.values()] == [1]
    answer = await gateway.post("/models/share", json={"model": "shared", "runtime": "llama.cpp"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"]["id"] == "shared:latest"
    after = files_of_size(len(content))
    assert after.keys() == before.keys()
    assert [len(names) for names in after.values()] == [2]
    for name in ("llama.cpp/shared", "ollama/shared:latest"):
        await knows_paris(gateway, name)

    runtimes = {"llama.cpp": "shared", "ollama": "shared:latest"}
    await remove(gateway, deleted_first, runtimes.pop(deleted_first))
    ((other, other_name),) = runtimes.items()
    assert [len(names) for names in files_of_size(len(content)).values()] == [1]
    # Not from memory: it must find its file.
    await gateway.post("/models/unload", json={"model": other_name, "runtime": other})
    await gateway.post("/models/load", json={"model": other_name, "runtime": other})
    await knows_paris(gateway, f"{other}/{other_name}")
    await remove(gateway, other, other_name)
    assert files_of_size(len(content)) == {}


async def test_two_copies_become_one(gateway: httpx.AsyncClient) -> None:
    size_bytes = MODEL.stat().st_size
    assert [len(names) for names in files_of_size(size_bytes).values()] == [1, 1]
    answer = await gateway.post("/models/share", json={"model": OLLAMA_NAME, "name": NAME})
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"]["id"] == NAME
    assert answer.json()["saved_bytes"] == size_bytes
    assert [len(names) for names in files_of_size(size_bytes).values()] == [2]
    for name in (NAME, OLLAMA_NAME):
        await knows_paris(gateway, name)


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    async for line in lines:
        yield json.loads(line)


async def test_a_download_that_is_left_in_the_middle_goes_on_from_there(
    gateway: httpx.AsyncClient, serve: Serve
) -> None:
    weights = another_model(128)
    registry = ModelRegistry("library/pulled", weights)
    registry.held_at = HELD_AT
    host = (await serve(registry)).removeprefix("http://")
    name = f"{host}/library/pulled:latest"
    wanted = {"model": name, "insecure": True}

    async with gateway.stream("POST", "/models/pull", json=wanted) as answer:
        events = events_of(answer.aiter_lines())
        seen = [0]
        while seen[-1] < HELD_AT:
            event = await anext(events)
            assert event["type"] == "progress", event
            if event["digest"] == registry.weights_digest and event["completed_bytes"] is not None:
                assert event["total_bytes"] == len(weights)
                seen.append(event["completed_bytes"])
    assert seen == sorted(seen)
    assert f"ollama/{name}" not in await listed(gateway)

    registry.held_at = None
    registry.ranges.clear()
    told = [json.loads(line) for line in (await gateway.post("/models/pull", json=wanted)).text.splitlines()]
    assert [event["seq"] for event in told] == list(range(len(told)))
    assert told[-1] == {"seq": len(told) - 1, "type": "done", "model": name, "runtime": "ollama"}
    # Nothing that had come was asked for again.
    assert registry.ranges == [(HELD_AT, len(weights) - 1)]
    assert f"ollama/{name}" in await listed(gateway)
    await knows_paris(gateway, f"ollama/{name}")
    await remove(gateway, "ollama", name)


async def test_a_download_that_cannot_be_is_told(gateway: httpx.AsyncClient, serve: Serve) -> None:
    host = (await serve(ModelRegistry("library/pulled", b"GGUF"))).removeprefix("http://")
    for model, insecure, code, why in (
        (f"{host}/library/nothing", True, "model_not_found", "file does not exist"),
        ("127.0.0.1:9/library/nothing", True, "upstream_failed", "connection refused"),
        (f"{host}/library/pulled", False, "upstream_failed", "HTTP response to HTTPS client"),
    ):
        answer = await gateway.post("/models/pull", json={"model": model, "insecure": insecure})
        last = json.loads(answer.text.splitlines()[-1])
        assert (last["type"], last["code"]) == ("error", code), last
        assert why in last["error"]
