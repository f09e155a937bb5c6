"""The whole sandbox as it runs for users; see real_runtimes.py. Runs only in the image; see run-tests.sh."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

import processes
from real_runtimes import (
    ENDLESS_LLAMA,
    ENDLESS_OLLAMA,
    MARKS,
    MODEL,
    NAME,
    STORY,
    TOKEN,
    URL,
    all_ready,
    begun,
    health,
    slots_of_llama_server,
    slots_of_ollama,
    until,
    until_freed,
    wait_for,
)

pytestmark = MARKS


@pytest.fixture
def gateway(sandbox_gateway: httpx.AsyncClient) -> httpx.AsyncClient:
    return sandbox_gateway


async def test_every_part_is_ready_and_the_versions_are_told(gateway: httpx.AsyncClient) -> None:
    version = (await gateway.get("/version")).json()
    assert version["image_revision"] == "under-test"
    assert version["ollama"]
    assert version["llama_cpp"]
    assert {name: part["state"] for name, part in health().items()} == {
        "gateway": "ready",
        "ollama": "ready",
        "llama_cpp": "ready",
    }


async def test_without_the_token_health_tells_states_but_no_output(gateway: httpx.AsyncClient) -> None:
    del gateway.headers["Authorization"]
    answer = (await gateway.get("/health")).json()
    assert answer["status"] == "ok"
    assert [part["last_output"] for part in answer["parts"].values()] == [None, None, None]


async def test_llama_server_answers_a_prompt(gateway: httpx.AsyncClient, llama_model: str) -> None:
    wanted = {"cmd": "What is the capital of France? Answer with one word.", "parameters": {"temperature": 0}}
    answer = (await gateway.post("/llama-cpp/", json=wanted)).json()
    assert "Paris" in answer["output"], answer
    assert (answer["model"], answer["finish_reason"]) == (llama_model, "stop")
    assert answer["usage"]["completion_tokens"] > 0
    assert answer["timings"]["tokens_per_second"] > 0


async def test_ollama_answers_a_prompt(gateway: httpx.AsyncClient, ollama_model: str) -> None:
    wanted = {"cmd": "What is the capital of France? Answer with one word.", "parameters": {"temperature": 0}}
    answer = (await gateway.post("/ollama/", json=wanted)).json()
    assert "Paris" in answer["output"], answer
    assert (answer["model"], answer["finish_reason"]) == (f"{ollama_model}:latest", "stop")
    assert answer["usage"]["completion_tokens"] > 0


async def test_both_list_their_models_and_what_is_loaded(
    gateway: httpx.AsyncClient, llama_model: str, ollama_model: str
) -> None:
    await gateway.post(
        "/ollama/", json={"cmd": "hi", "model": ollama_model, "parameters": {"num_predict": 1}}
    )
    await gateway.post(
        "/llama-cpp/", json={"cmd": "hi", "model": llama_model, "parameters": {"max_tokens": 1}}
    )
    (listed,) = (await gateway.get("/llama-cpp/models")).json()["data"]
    assert (listed["id"], listed["status"]["value"]) == (NAME, "loaded")
    (loaded,) = (await gateway.get("/ollama/api/ps")).json()["models"]
    assert loaded["name"] == f"{NAME}:latest"
    assert loaded["size"] > 0
    assert loaded["expires_at"]


async def test_stopping_a_streamed_answer_of_llama_server_frees_its_slot(
    gateway: httpx.AsyncClient, llama_model: str
) -> None:
    slots = slots_of_llama_server(gateway)
    async with begun(gateway, "/llama-cpp/v1/chat/completions", ENDLESS_LLAMA):
        assert len(await slots()) == 1
    await until_freed(slots)


async def test_stopping_a_prompt_frees_the_slot(gateway: httpx.AsyncClient, llama_model: str) -> None:
    slots = slots_of_llama_server(gateway)
    parameters = {"max_tokens": 100_000, "ignore_eos": True}
    asking = asyncio.create_task(
        gateway.post("/llama-cpp/", json={"cmd": "A long story", "model": NAME, "parameters": parameters})
    )

    async def busy() -> bool:
        return bool(await slots())

    await until(busy)
    asking.cancel()
    await until_freed(slots)


async def test_stopping_a_streamed_answer_of_ollama_stops_its_runner(
    gateway: httpx.AsyncClient, ollama_model: str
) -> None:
    async with begun(gateway, "/ollama/api/generate", ENDLESS_OLLAMA):
        assert len(await slots_of_ollama()) == 1
    await until_freed(slots_of_ollama)

    # One answer at a time is Ollama's default: the next is answered only if the first has ended.
    short = {**STORY, "model": NAME, "stream": False, "options": {"num_predict": 1}}
    answer = await gateway.post("/ollama/api/chat", json=short)
    assert answer.json()["done"] is True


async def test_a_model_of_llama_server_can_be_unloaded_and_loaded(
    gateway: httpx.AsyncClient, llama_model: str
) -> None:
    async def state() -> str:
        (listed,) = (await gateway.get("/llama-cpp/models")).json()["data"]
        value: str = listed["status"]["value"]
        return value

    async def is_loaded() -> bool:
        return await state() == "loaded"

    async def is_unloaded() -> bool:
        return await state() == "unloaded"

    if await is_unloaded():
        await gateway.post("/llama-cpp/models/load", json={"model": llama_model})
        await until(is_loaded)
    assert (await gateway.post("/llama-cpp/models/unload", json={"model": llama_model})).json() == {
        "success": True
    }
    await until(is_unloaded)
    assert (await gateway.post("/llama-cpp/models/load", json={"model": llama_model})).json() == {
        "success": True
    }
    await until(is_loaded)


async def test_errors_of_the_runtimes_reach_the_caller_as_they_are(
    gateway: httpx.AsyncClient, llama_model: str, ollama_model: str
) -> None:
    missing = await gateway.post("/ollama/api/chat", json={**STORY, "model": "no-such-model"})
    assert missing.status_code == 404
    assert "not found" in missing.json()["error"]
    told = await gateway.post("/ollama/", json={"cmd": "x", "model": "no-such-model"})
    assert (told.status_code, told.json()["code"]) == (404, "not_found")
    unknown = await gateway.post("/llama-cpp/", json={"cmd": "x", "model": "no-such-model"})
    assert unknown.status_code in (400, 404)
    assert "no-such-model" in unknown.json()["error"] or "not found" in unknown.json()["error"]
    long = {"cmd": "word " * 20_000, "model": llama_model}
    too_long = await gateway.post("/llama-cpp/", json=long)
    assert too_long.status_code == 400
    assert too_long.json()["details"]["upstream_error"]["type"] == "exceed_context_size_error"


async def test_a_broken_model_file_is_told_and_harms_nothing_else(
    gateway: httpx.AsyncClient, llama_model: str
) -> None:
    broken = MODEL.read_bytes()[:200_000]
    assert (await gateway.put("/models/gguf/broken.gguf", content=broken)).status_code == 201
    try:
        answer = await gateway.post("/llama-cpp/", json={"cmd": "hi", "model": "broken"})
        assert answer.status_code >= 400, answer.text
        assert answer.json()["error"]
        wanted = {"cmd": "hi", "model": llama_model, "parameters": {"max_tokens": 1}}
        assert (await gateway.post("/llama-cpp/", json=wanted)).status_code == 200
    finally:
        await gateway.delete("/models/gguf/broken.gguf")
    names = [model["id"] for model in (await gateway.get("/llama-cpp/models")).json()["data"]]
    assert names == [NAME]


@pytest.mark.parametrize("part", ["llama_cpp", "ollama", "gateway"])
async def test_a_killed_part_comes_back_and_the_others_stay(gateway: httpx.AsyncClient, part: str) -> None:
    wait_for(all_ready)
    before = health()
    pid = before[part]["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: health()[part]["restarts"] == int(str(before[part]["restarts"])) + 1 and all_ready())
    after = health()
    assert after[part]["last_error"] == "ended by SIGKILL"
    assert {name: after[name]["pid"] for name in after if name != part} == {
        name: before[name]["pid"] for name in before if name != part
    }


async def test_a_runtime_that_dies_in_the_middle_of_an_answer_is_told_in_the_stream(
    gateway: httpx.AsyncClient, llama_model: str
) -> None:
    pid = health()["llama_cpp"]["pid"]
    assert isinstance(pid, int)
    last = ""
    async with gateway.stream("POST", "/llama-cpp/v1/chat/completions", json=ENDLESS_LLAMA) as answer:
        async for line in answer.aiter_lines():
            if not last:
                os.kill(pid, signal.SIGKILL)
            last = line or last
    assert "broke off" in json.loads(last.removeprefix("data: "))["error"]["message"]
    wait_for(all_ready)
    assert processes.with_argument(f"{NAME}.gguf") == []


async def test_while_a_runtime_is_down_its_callers_are_told_its_state(gateway: httpx.AsyncClient) -> None:
    pid = health()["ollama"]["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    answer = await gateway.get("/ollama/api/tags")
    while answer.status_code == 200:  # until the kernel has closed its socket
        answer = await gateway.get("/ollama/api/tags")
    assert answer.status_code in (502, 503)
    assert answer.json()["details"]["part"] == "ollama"
    wait_for(all_ready)


async def test_callers_wait_while_the_gateway_starts_again(gateway: httpx.AsyncClient) -> None:
    pid = health()["gateway"]["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    # A new connection: the old one died with the gateway. The supervisor still holds the port.
    answer = await asyncio.to_thread(httpx.get, URL + "/health", timeout=60, trust_env=False)
    assert answer.status_code == 200
    wait_for(all_ready)


async def test_no_process_of_the_same_user_can_read_the_token(
    gateway: httpx.AsyncClient, sandbox: subprocess.Popen[bytes]
) -> None:
    pids = [sandbox.pid, *(int(str(part["pid"])) for part in health().values())]
    for pid in pids[:2]:  # supervisor and gateway: not even a process outside the commands' domain can
        with pytest.raises(PermissionError):
            Path(f"/proc/{pid}/environ").read_bytes()
        with pytest.raises(PermissionError):
            Path(f"/proc/{pid}/maps").read_bytes()
        with pytest.raises(PermissionError):
            list(Path(f"/proc/{pid}/fd").iterdir())
    for pid in pids[2:]:
        assert TOKEN.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        assert TOKEN.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_command_cannot_find_the_token_nor_take_the_port(gateway: httpx.AsyncClient) -> None:
    search = (
        "cat /run/lm-sandbox/api-token /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c 0123456789"
    )
    take = "python3 -c 'import socket; socket.create_server((\"0.0.0.0\", 8000))' 2>&1 | tail -1"
    answer = (await gateway.post("/run-bash/", json={"cmd": f"{search}; {take}"})).json()
    count, _, error = answer["output"].partition("\n")
    assert "Address already in use" in error
    if (await gateway.get("/version")).json()["command_isolation"] == "none":
        pytest.skip("this kernel has no Landlock: a command can read the token's file")
    assert count == "0"


async def test_model_servers_are_the_first_to_go_when_memory_ends(sandbox: subprocess.Popen[bytes]) -> None:
    scores = {
        name: int(Path(f"/proc/{part['pid']}/oom_score_adj").read_text()) for name, part in health().items()
    }
    assert scores["gateway"] < scores["ollama"] == scores["llama_cpp"] == 800


async def test_the_gateway_comes_first_on_the_processor_then_models_then_commands(
    gateway: httpx.AsyncClient,
) -> None:
    def nice(pid: object) -> int:
        return os.getpriority(os.PRIO_PROCESS, int(str(pid)))

    parts = health()
    command = (await gateway.post("/run-bash/", json={"cmd": "nice"})).json()["output"]
    assert nice(parts["gateway"]["pid"]) < nice(parts["ollama"]["pid"]) < int(command)
    assert nice(parts["ollama"]["pid"]) == nice(parts["llama_cpp"]["pid"])
