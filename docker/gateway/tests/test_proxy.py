"""The pass-through: nothing changed, nothing buffered, and the runtime stops when the caller leaves."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from conftest import MakeSettings, Serve, StartGateway
from scripted import ScriptedRuntime, events, ndjson

JSON = {"Content-Type": "application/json"}


async def through(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings, runtime: ScriptedRuntime
) -> httpx.AsyncClient:
    """A gateway whose two runtimes are the scripted one."""
    url = await serve(runtime)
    return await start_gateway(make_settings(ollama_url=url, llama_cpp_url=url))


@pytest.mark.parametrize("prefix", ["/ollama", "/llama-cpp"])
async def test_path_query_method_and_body_arrive_as_they_were(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings, prefix: str
) -> None:
    runtime = ScriptedRuntime()
    gateway = await through(serve, start_gateway, make_settings, runtime)
    answer = await gateway.request("DELETE", prefix + "/a%2Fb/c?x=1&y=%20", content=b'{"k":1}', headers=JSON)
    assert runtime.requests == [("DELETE", "/a%2Fb/c", "x=1&y=%20")]
    assert runtime.bodies == [b'{"k":1}']
    assert answer.json() == {"length": 7}


async def test_the_token_stays_at_the_gateway_and_cors_headers_of_the_runtime_too(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime()
    gateway = await through(serve, start_gateway, make_settings, runtime)
    answer = await gateway.get("/ollama/x", headers={"Cookie": "a=b", "X-Mine": "kept"})
    assert "authorization" not in runtime.headers
    assert "cookie" not in runtime.headers
    assert runtime.headers["x-mine"] == "kept"
    assert runtime.headers["host"].startswith("127.0.0.1:")
    assert "access-control-allow-origin" not in answer.headers


async def test_status_and_headers_of_an_error_are_the_runtimes_own(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await through(serve, start_gateway, make_settings, ScriptedRuntime())
    answer = await gateway.get("/llama-cpp/teapot")
    assert (answer.status_code, answer.headers["x-kept"]) == (418, "yes")
    assert answer.json() == {"error": "short and stout"}


async def test_the_first_piece_arrives_while_the_second_is_still_to_come(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime("first\n", "WAIT")
    gateway = await through(serve, start_gateway, make_settings, runtime)
    async with gateway.stream("POST", "/ollama/api/chat", json={}) as answer:
        async for piece in answer.aiter_raw():
            assert piece == b"first\n"
            assert runtime.waiting.is_set() or await asyncio.wait_for(runtime.waiting.wait(), 5)
            break
    await asyncio.wait_for(runtime.left.wait(), 5)


async def test_leaving_before_the_answer_has_begun_stops_the_runtime(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime()
    gateway = await through(serve, start_gateway, make_settings, runtime)
    asking = asyncio.create_task(gateway.post("/llama-cpp/wait-before-answer", json={}))
    await asyncio.wait_for(runtime.waiting.wait(), 5)
    asking.cancel()
    await asyncio.wait_for(runtime.left.wait(), 5)


async def test_an_upload_streams_through_without_a_limit_of_memory(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime()
    gateway = await through(serve, start_gateway, make_settings, runtime)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 1_000_000

    answer = await gateway.post("/ollama/api/blobs/sha256:0", content=pieces())
    assert answer.json() == {"length": 80_000_000}


@pytest.mark.parametrize(
    ("media_type", "prefix"), [("application/x-ndjson", ""), ("text/event-stream", "data: ")]
)
async def test_a_runtime_that_breaks_off_is_told_in_the_streams_own_form(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings, media_type: str, prefix: str
) -> None:
    runtime = ScriptedRuntime("one\n\n", ConnectionError("scripted"), media_type=media_type)
    gateway = await through(serve, start_gateway, make_settings, runtime)
    answer = await gateway.post("/ollama/api/chat", json={})
    assert answer.status_code == 200
    last = answer.text.strip().splitlines()[-1]
    assert last.startswith(prefix)
    error = json.loads(last.removeprefix(prefix))["error"]
    assert "broke off" in (error if prefix == "" else error["message"])


async def test_another_kind_of_stream_that_breaks_off_ends_incomplete(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime("one\n", ConnectionError("scripted"), media_type="text/plain")
    gateway = await through(serve, start_gateway, make_settings, runtime)
    with pytest.raises(httpx.RemoteProtocolError):
        await gateway.post("/ollama/api/chat", json={})


@pytest.mark.parametrize("path", ["/ollama/api/tags", "/llama-cpp/models", "/ollama/", "/llama-cpp/"])
async def test_a_runtime_that_is_down_is_named_with_its_state(gateway: httpx.AsyncClient, path: str) -> None:
    started = time.monotonic()
    answer = await (gateway.post(path, json={"cmd": "x"}) if path.endswith("/") else gateway.get(path))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    body = answer.json()
    assert (body["code"], body["retryable"]) == ("runtime_unavailable", True)
    assert body["details"]["part"] in ("ollama", "llama_cpp")
    assert body["details"]["state"] == "unknown"
    assert time.monotonic() - started < 5


OLLAMA_ANSWER = ndjson(
    {"message": {"content": "", "thinking": "hm"}, "done": False},
    {"message": {"content": "Pa"}, "done": False},
    {"message": {"content": "ris"}, "done": False},
    {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 9}
    | {"eval_count": 3, "eval_duration": 1_500_000_000},
)
LLAMA_ANSWER = [
    ": ping\n\n",
    *events(
        {"choices": [{"delta": {"reasoning_content": "hm"}, "finish_reason": None}]},
        {"choices": [{"delta": {"content": "Pa"}, "finish_reason": None}]},
        {"choices": [{"delta": {"content": "ris"}, "finish_reason": None}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
        | {"timings": {"predicted_per_second": 2.0}},
    ),
    "data: [DONE]\n\n",
]
OLLAMA_PIECE = OLLAMA_ANSWER[1]
LLAMA_PIECE = LLAMA_ANSWER[2]
BOTH = pytest.mark.parametrize(
    ("path", "lines"),
    [("/ollama/", OLLAMA_ANSWER), ("/llama-cpp/", LLAMA_ANSWER)],
    ids=["ollama", "llama-cpp"],
)


@BOTH
async def test_both_runtimes_answer_a_prompt_in_the_same_words(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings, path: str, lines: list[str]
) -> None:
    gateway = await through(serve, start_gateway, make_settings, ScriptedRuntime(*lines))
    answer = (await gateway.post(path, json={"cmd": "capital?", "model": "m"})).json()
    timings = answer.pop("timings")
    assert answer == {
        "output": "Paris",
        "error": "",
        "thinking": "hm",
        "model": "m",
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 9, "completion_tokens": 3},
    }
    assert timings["tokens_per_second"] == 2.0
    assert timings["first_token_ms"] <= timings["duration_ms"]


@BOTH
async def test_a_streamed_prompt_gives_deltas_and_then_the_whole(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings, path: str, lines: list[str]
) -> None:
    gateway = await through(serve, start_gateway, make_settings, ScriptedRuntime(*lines))
    answer = await gateway.post(path, json={"cmd": "capital?", "model": "m", "stream": True})
    received = [json.loads(line) for line in answer.text.splitlines()]
    assert [event["type"] for event in received] == ["delta", "delta", "delta", "done"]
    assert [event["seq"] for event in received] == [0, 1, 2, 3]
    assert "".join(event["output"] for event in received[:-1]) == received[-1]["output"] == "Paris"


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/ollama/", [OLLAMA_PIECE, *ndjson({"error": "out of memory"})]),
        ("/llama-cpp/", [LLAMA_PIECE, *events({"error": {"message": "out of memory"}})]),
        ("/llama-cpp/", [LLAMA_PIECE, 'error: {"message": "out of memory"}\n\n']),
        ("/ollama/", [OLLAMA_PIECE]),
        ("/llama-cpp/", [LLAMA_PIECE, "data: [DONE]\n\n"]),
    ],
    ids=["ollama", "llama-cpp", "llama-cpp before 2026", "ollama without an end", "llama-cpp without an end"],
)
async def test_an_error_after_status_200_reaches_the_caller_as_an_error(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings, path: str, lines: list[str]
) -> None:
    gateway = await through(serve, start_gateway, make_settings, ScriptedRuntime(*lines))
    whole = await gateway.post(path, json={"cmd": "x", "model": "m"})
    assert (whole.status_code, whole.json()["code"]) == (502, "upstream_failed")
    streamed = await gateway.post(path, json={"cmd": "x", "model": "m", "stream": True})
    last = json.loads(streamed.text.splitlines()[-1])
    assert (last["type"], last["code"], last["retryable"]) == ("error", "upstream_failed", True)
    assert "out of memory" in last["error"] or "without saying" in last["error"]


async def test_leaving_a_prompt_stops_the_runtime(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime(OLLAMA_ANSWER[0], "WAIT")
    gateway = await through(serve, start_gateway, make_settings, runtime)
    asking = asyncio.create_task(gateway.post("/ollama/", json={"cmd": "x", "model": "m"}))
    await asyncio.wait_for(runtime.waiting.wait(), 5)
    asking.cancel()
    await asyncio.wait_for(runtime.left.wait(), 5)


async def test_without_a_model_named_a_loaded_one_is_taken_and_none_is_an_error(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime(*LLAMA_ANSWER)
    gateway = await through(serve, start_gateway, make_settings, runtime)
    assert (await gateway.post("/llama-cpp/", json={"cmd": "x"})).json()["model"] == "b"
    none = await gateway.post("/ollama/", json={"cmd": "x"})
    assert (none.status_code, none.json()["code"]) == (409, "no_model")
    assert "/ollama/api/pull" in none.json()["error"]


async def test_messages_come_before_the_prompt_and_parameters_go_where_the_runtime_wants_them(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    runtime = ScriptedRuntime(*OLLAMA_ANSWER)
    gateway = await through(serve, start_gateway, make_settings, runtime)
    wanted: dict[str, object] = {"cmd": "now", "model": "m"}
    wanted |= {"messages": [{"role": "system", "content": "be brief"}]}
    wanted |= {"parameters": {"temperature": 0, "think": False, "model": "other", "stream": False}}
    await gateway.post("/ollama/", json=wanted)
    sent = json.loads(runtime.bodies[-1])
    assert sent["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "now"}]
    assert (sent["think"], sent["options"]["temperature"], sent["model"], sent["stream"]) == (
        False,
        0,
        "m",
        True,
    )


@pytest.mark.parametrize(
    "body", [{}, {"cmd": ""}, {"cmd": "x", "messages": [{"role": "tool", "content": "x"}]}]
)
async def test_a_prompt_that_says_nothing_is_refused(
    gateway: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await gateway.post("/ollama/", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
