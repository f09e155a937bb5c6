"""The sandbox as it runs for users, for the tests marked `runtimes`: the supervisor of the image with the
real llama-server and the real Ollama, and SmolLM2 (135M)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest

import processes

PYTHON = Path("/opt/lm-sandbox/venv/bin/python")
MODEL = Path(os.environ.get("LM_TEST_MODEL", "/opt/lm-test/model.gguf"))
TOKEN = "a-token-for-the-runtimes-0123456789"
URL = "http://127.0.0.1:8000"
NAME = "smollm2"
OLLAMA_NAME = f"{NAME}:latest"
STORY = {"messages": [{"role": "user", "content": "Tell a very long story."}], "stream": True}
ENDLESS_LLAMA = {**STORY, "model": NAME, "max_tokens": 100_000, "ignore_eos": True}
# Nothing forbids Ollama the end of an answer, but counting SmolLM2 finds none.
COUNTING = {"prompt": "1 2 3 4 5 6 7 8 9 10 11", "stream": True}
ENDLESS_OLLAMA = {
    **COUNTING,
    "model": NAME,
    "raw": True,
    "options": {"num_predict": 100_000, "temperature": 0, "num_thread": 1},
}
# An answer that goes on after its caller has left writes more than this, on whatever machine: its context has
# room for some thousands. One that stops writes a few until the news has come.
TOKENS_AFTER_LEAVING = 1_000

MARKS = [
    pytest.mark.runtimes,
    pytest.mark.skipif(not PYTHON.exists(), reason="only the sandbox image has the real runtimes"),
    pytest.mark.skipif(not MODEL.exists(), reason=f"no model at {MODEL} (set LM_TEST_MODEL)"),
]

Slots: TypeAlias = Callable[[], Awaitable[list[int]]]


def health() -> dict[str, dict[str, object]]:
    parts: dict[str, dict[str, object]] = httpx.get(
        URL + "/health", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, trust_env=False
    ).json()["parts"]
    return parts


def wait_for(condition: Callable[[], bool], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, health()
        time.sleep(0.05)


def all_ready() -> bool:
    return all(part["state"] == "ready" for part in health().values())


async def until(condition: Callable[[], Awaitable[bool]], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    """The supervisor, started as the image starts it, its token in a file."""
    token_file = Path("/run/lm-sandbox/api-token")
    token_file.write_text(TOKEN)
    token_file.chmod(0o600)
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {"LM_API_TOKEN_FILE": str(token_file), "LM_IMAGE_REVISION": "under-test"}
    # With more threads each token waits for the last of them, on a busy machine for seconds.
    environment |= {"LLAMA_ARG_THREADS": "1"}
    log = (tmp_path_factory.mktemp("log") / "sandbox.log").open("wb")
    supervisor = subprocess.Popen(
        [PYTHON, "-I", "-m", "lm_supervisor"], env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        wait_for(all_ready)
        yield supervisor
    finally:
        supervisor.terminate()
        assert supervisor.wait(30) == 0
        log.close()
        token_file.unlink()


@pytest.fixture
async def sandbox_gateway(sandbox: subprocess.Popen[bytes]) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=URL, headers=headers, timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture
async def llama_model(sandbox_gateway: httpx.AsyncClient) -> str:
    """SmolLM2, uploaded to llama-server's folder."""
    if (await sandbox_gateway.get(f"/models/gguf/{NAME}.gguf")).status_code == 404:
        with MODEL.open("rb") as file:
            answer = await sandbox_gateway.put(f"/models/gguf/{NAME}.gguf", content=pieces_of(file.read()))
        assert answer.json() | {"size_bytes": 0} == {
            "name": f"{NAME}.gguf",
            "size_bytes": 0,
            "complete": True,
            "listed": True,
        }
    return NAME


@pytest.fixture
async def ollama_model(sandbox_gateway: httpx.AsyncClient) -> str:
    """SmolLM2, imported into Ollama over its blobs."""
    names = [model["name"] for model in (await sandbox_gateway.get("/ollama/api/tags")).json()["models"]]
    if OLLAMA_NAME not in names:
        content = MODEL.read_bytes()
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        blob = await sandbox_gateway.post(f"/ollama/api/blobs/{digest}", content=pieces_of(content))
        assert blob.status_code in (200, 201), blob.text
        wanted = {"model": NAME, "files": {"model.gguf": digest}, "parameters": {"num_thread": 1}}
        created = await sandbox_gateway.post("/ollama/api/create", json={**wanted, "stream": False})
        assert created.json() == {"status": "success"}
    return NAME


async def pieces_of(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 1_000_000):
        yield content[start : start + 1_000_000]


@asynccontextmanager
async def begun(gateway: httpx.AsyncClient, path: str, body: dict[str, object]) -> AsyncIterator[None]:
    """A streamed answer of which something has come. It is left with the context and not before: breaking out
    of a loop over an answer's lines would drop them, and that closes the connection at some later moment."""
    async with gateway.stream("POST", path, json=body) as answer:
        lines = answer.aiter_lines()
        first = await anext(line async for line in lines if line)
        assert answer.status_code == 200, first
        assert "error" not in first, first
        yield


def slots_of_llama_server(gateway: httpx.AsyncClient) -> Slots:
    """How many tokens each answer that is being written has. `autoload=false`: asking must not load it."""

    async def written() -> list[int]:
        return _written(await gateway.get(f"/llama-cpp/slots?model={NAME}&autoload=false"))

    return written


async def slots_of_ollama() -> list[int]:
    """The same of the llama-server that Ollama runs its models with."""
    (pid,) = processes.with_argument("--load-mode")
    arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    port = arguments[arguments.index("--port") + 1]
    async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
        return _written(await client.get(f"http://127.0.0.1:{port}/slots"))


def _written(answer: httpx.Response) -> list[int]:
    return [slot["next_token"][0]["n_decoded"] for slot in answer.json() if slot["is_processing"]]


async def until_freed(slots: Slots) -> None:
    """Returns when no answer is being written; fails when one goes on that nobody waits for."""
    while working := await slots():
        assert max(working) < TOKENS_AFTER_LEAVING, "the answer goes on"
        await asyncio.sleep(0.05)
