"""/v1 in front of scripted runtimes: how failures are told."""

from __future__ import annotations

import json

import openai
import pytest

from conftest import MakeSettings, Serve, StartGateway
from openai_bench import HELLO, LLAMA_ANSWER, NAMES, OLLAMA_ANSWER, OVERFLOW, MakeBench
from scripted import ScriptedRuntime, events, ndjson

MIDDLE = pytest.mark.parametrize(
    ("model", "lines"),
    [
        ("only", [OLLAMA_ANSWER[1], *ndjson({"error": "out of memory"})]),
        ("file", [LLAMA_ANSWER[3], *events({"error": {"message": "out of memory", "code": 500}})]),
        ("file", [LLAMA_ANSWER[3], 'error: {"message": "out of memory"}\n\n']),
        ("file", [LLAMA_ANSWER[3], *events({"error": {"message": "out of memory"}}), "data: [DONE]\n\n"]),
        ("only", [OLLAMA_ANSWER[1], ConnectionError("scripted")]),
        ("file", [LLAMA_ANSWER[3], ConnectionError("scripted")]),
        ("only", [OLLAMA_ANSWER[1]]),
        ("file", [LLAMA_ANSWER[3]]),
    ],
    ids=[
        "ollama",
        "llama.cpp",
        "llama.cpp before 2026",
        "llama.cpp with an end",
        "ollama breaks off",
        "llama.cpp breaks off",
        "ollama just ends",
        "llama.cpp just ends",
    ],
)


@MIDDLE
async def test_an_error_in_the_middle_is_the_last_thing_that_comes(
    bench: MakeBench, model: str, lines: list[str]
) -> None:
    made = await bench(lines, lines)
    answer = await made.chat(model, stream=True)
    assert answer.status_code == 200
    first, *_, last = answer.text.strip().split("\n\n")
    assert '"Pa"' in first
    error = json.loads(last.removeprefix("data: "))["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["code"], error["type"]) == ("upstream_failed", "server_error")
    assert any(why in error["message"] for why in ("out of memory", "broke off", "without saying"))
    assert "[DONE]" not in answer.text


@pytest.mark.parametrize(
    "end",
    [
        events({"error": {"message": "out of memory", "code": 500}}),
        [ConnectionError("scripted")],
        [],
    ],
    ids=["told", "breaks off", "just ends"],
)
async def test_an_error_in_the_middle_of_a_whole_answer_of_llama_server_is_all_that_comes(
    bench: MakeBench, end: list[str]
) -> None:
    made = await bench(llama_lines=[LLAMA_ANSWER[3], *end])
    answer = await made.chat("file")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_failed")


@pytest.mark.parametrize("done", [False, None])
async def test_a_whole_answer_of_ollama_that_is_not_done_is_an_error(
    bench: MakeBench, done: bool | None
) -> None:
    made = await bench(ollama_lines=ndjson({"message": {"content": "Pa"}, "done": done}))
    answer = await made.chat("only")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_failed")
    assert "without saying that it was complete" in answer.json()["error"]["message"]
    answer = await made.http.post("/v1/completions", json={"model": "only", "prompt": "Hello"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_failed")


@MIDDLE
async def test_openais_client_raises_an_error_in_the_middle(
    bench: MakeBench, model: str, lines: list[str]
) -> None:
    made = await bench(lines, lines)
    stream = await made.client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Hello"}], stream=True
    )
    received = ""
    with pytest.raises(openai.APIError):  # noqa: PT012 # what came before counts too
        async for chunk in stream:
            received += chunk.choices[0].delta.content or ""
    assert received == "Pa"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "status", "told", "expected"),
    [
        ("file", 400, {"error": OVERFLOW}, (400, "context_length_exceeded")),
        ("only", 400, {"error": json.dumps({"error": OVERFLOW})}, (400, "context_length_exceeded")),
        (
            "only",
            400,
            {"error": "the input length exceeds the context length"},
            (400, "context_length_exceeded"),
        ),
        ("file", 400, {"error": {"message": "model 'x' not found"}}, (404, "model_not_found")),
        ("only", 404, {"error": "model 'x' not found"}, (404, "model_not_found")),
        (
            "file",
            500,
            {"error": {"message": "image input is not supported - hint: mmproj"}},
            (400, "not_supported"),
        ),
        ("only", 400, {"error": '"only" does not support thinking'}, (400, "not_supported")),
        ("only", 500, {"error": 'option "seed" must be of type integer'}, (400, "invalid_request")),
        ("only", 503, {"error": "server busy"}, (503, "runtime_unavailable")),
        ("file", 500, {"error": {"message": "boom"}}, (502, "upstream_failed")),
        ("file", 400, {"error": {"message": "Expected 'x'"}}, (400, "invalid_request")),
    ],
)
async def test_refusals_of_both_runtimes_have_one_set_of_codes(
    bench: MakeBench,
    model: str,
    status: int,
    told: dict[str, object],
    expected: tuple[int, str],
    stream: bool,
) -> None:
    refused = (status, told)
    made = await bench(answers={"/api/chat": refused, "/v1/chat/completions": refused})
    answer = await made.chat(model, stream=stream)
    assert (answer.status_code, answer.json()["error"]["code"]) == expected


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("path", "wanted", "param"),
    [
        ("/v1/chat/completions", HELLO, "messages"),
        ("/v1/completions", {"prompt": "a"}, "prompt"),
        ("/v1/embeddings", {"input": "a"}, "input"),
    ],
)
@pytest.mark.parametrize("model", ["only", "file"])
async def test_what_is_too_long_is_named_as_it_was_sent(
    bench: MakeBench, model: str, path: str, wanted: dict[str, object], param: str, stream: bool
) -> None:
    asked = ("/api/chat", "/api/generate", "/api/embed")
    refused = (400, {"error": OVERFLOW})
    made = await bench(answers=dict.fromkeys((*asked, path), refused))
    answer = await made.http.post(path, json={**wanted, "model": model, "stream": stream})
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("context_length_exceeded", param)


async def test_refusals_at_the_door_have_the_same_shape(bench: MakeBench) -> None:
    made = await bench()
    with pytest.raises(openai.AuthenticationError):
        await made.client.with_options(api_key="wrong").models.list()
    for body, content_type in (("{}", "application/json"), ("{", "application/json"), ("a=b", "text/plain")):
        refused = await made.http.post(
            "/v1/chat/completions", content=body, headers={"Content-Type": content_type}
        )
        assert refused.status_code in (400, 415)
        assert sorted(refused.json()["error"]) == ["code", "message", "param", "type"]
    assert (await made.http.get("/v1/nothing")).json()["error"]["code"] == "not_found"


async def test_a_runtime_that_is_down_is_missing_from_the_list_but_not_from_an_answer(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    up = await serve(ScriptedRuntime(*LLAMA_ANSWER, media_type="text/event-stream", answers=NAMES))
    gateway = await start_gateway(make_settings(llama_cpp_url=up))
    assert [model["id"] for model in (await gateway.get("/v1/models")).json()["data"]] == ["both", "file"]
    body = {**HELLO, "stream": True}
    assert (await gateway.post("/v1/chat/completions", json={**body, "model": "file"})).text.endswith(
        "[DONE]\n\n"
    )
    for name in ("perhaps", "ollama/only"):
        answer = await gateway.post("/v1/chat/completions", json={**body, "model": name})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "runtime_unavailable")
        assert answer.headers["retry-after"] == "2"
    nothing = await start_gateway(make_settings())
    assert (await nothing.get("/v1/models")).status_code == 503
