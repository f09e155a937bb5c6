"""/v1 in front of scripted runtimes: what a small model cannot be made to do on demand."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from itertools import pairwise

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send

from conftest import TOKEN, MakeSettings, Serve, StartGateway
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.openai.events import WholeEvents
from lm_gateway.openai.stream import PING, CompletionStream
from scripted import ScriptedRuntime, events, ndjson

HELLO: dict[str, object] = {"messages": [{"role": "user", "content": "Hello"}]}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "…", "parameters": {"type": "object"}},
}
OLLAMA_END: dict[str, object] = {
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 9,
    "prompt_eval_cached_count": 4,
    "prompt_eval_duration": 10_000_000,
    "eval_count": 3,
    "eval_duration": 1_500_000_000,
}
OLLAMA_CALL = {"function": {"name": "weather", "arguments": {"city": "Köln"}}}
OLLAMA_ANSWER = ndjson(
    {"message": {"content": "", "thinking": "hm"}, "done": False},
    {"message": {"content": "Pa"}, "done": False},
    {"message": {"content": "ris"}, "done": False},
    {"message": {"content": "", "tool_calls": [OLLAMA_CALL, OLLAMA_CALL]}, "done": False},
    OLLAMA_END,
)
LLAMA_CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
LLAMA_ANSWER = [
    ":\n\n",
    *events(
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "Pa"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "ris"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [LLAMA_CALL]}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}},
    ),
    "data: [DONE]\n\n",
]
TAGS = {"models": [{"name": "both:latest"}, {"name": "only:latest"}, {"name": "tagged:1b"}]}
NAMES: dict[str, tuple[int, object]] = {
    "/api/tags": (200, TAGS),
    "/api/ps": (200, {"models": []}),
    "/models": (200, {"data": [{"id": "both"}, {"id": "file"}]}),
}
OVERFLOW = {
    "code": 400,
    "message": "request (6010 tokens) exceeds the available context size (4096 tokens), try increasing it",
    "type": "exceed_context_size_error",
    "n_prompt_tokens": 6010,
    "n_ctx": 4096,
}


class Bench:
    """A gateway between two scripted runtimes, and OpenAI's own client for it."""

    def __init__(self, http: httpx.AsyncClient, ollama: ScriptedRuntime, llama_cpp: ScriptedRuntime) -> None:
        self.http = http
        self.ollama = ollama
        self.llama_cpp = llama_cpp
        url = str(http.base_url).rstrip("/") + "/v1"
        self.client = openai.AsyncOpenAI(api_key=TOKEN, base_url=url, max_retries=0)

    async def chat(self, model: str, **more: object) -> httpx.Response:
        return await self.http.post("/v1/chat/completions", json={**HELLO, "model": model, **more})

    def sent(self) -> dict[str, object]:
        body: dict[str, object] = json.loads(self.ollama.bodies[-1])
        return body


def only_http(response: CompletionStream) -> ASGIApp:
    """A response as an application; the server's question about its lifespan is not for it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await response(scope, receive, send)

    return app


type MakeBench = Callable[..., Coroutine[None, None, Bench]]


@pytest.fixture
async def bench(
    serve: Serve, start_gateway: StartGateway, make_settings: MakeSettings
) -> AsyncIterator[MakeBench]:
    made: list[Bench] = []

    async def make(
        ollama_lines: list[str] | None = None,
        llama_lines: list[str] | None = None,
        answers: Mapping[str, tuple[int, object]] | None = None,
    ) -> Bench:
        known = {**NAMES, **(answers or {})}
        ollama = ScriptedRuntime(*(OLLAMA_ANSWER if ollama_lines is None else ollama_lines), answers=known)
        llama_cpp = ScriptedRuntime(
            *(LLAMA_ANSWER if llama_lines is None else llama_lines),
            media_type="text/event-stream",
            answers=known,
        )
        settings = make_settings(ollama_url=await serve(ollama), llama_cpp_url=await serve(llama_cpp))
        made.append(Bench(await start_gateway(settings), ollama, llama_cpp))
        return made[-1]

    yield make
    for each in made:
        await each.client.close()


async def test_models_of_both_runtimes_are_listed_under_names_that_do_not_meet(bench: MakeBench) -> None:
    listed = [(model.id, model.owned_by) async for model in (await bench()).client.models.list()]
    assert listed == [
        ("both:latest", "ollama"),
        ("only:latest", "ollama"),
        ("tagged:1b", "ollama"),
        ("both", "llama.cpp"),
        ("file", "llama.cpp"),
    ]


async def test_names_that_do_meet_get_a_prefix_and_both_stay_reachable(bench: MakeBench) -> None:
    at_llama = {"/models": (200, {"data": [{"id": "only:latest"}, {"id": "ollama/x"}]})}
    made = await bench(answers=at_llama)
    listed = [model.id async for model in made.client.models.list()]
    assert listed == [
        "both:latest",
        "ollama/only:latest",
        "tagged:1b",
        "llama.cpp/only:latest",
        "llama.cpp/ollama/x",
    ]
    for name in listed:
        assert (await made.client.models.retrieve(name)).id == name


@pytest.mark.parametrize(
    ("name", "runtime", "sent"),
    [
        ("both", "llama_cpp", "both"),
        ("both:latest", "ollama", "both:latest"),
        ("only", "ollama", "only:latest"),
        ("file", "llama_cpp", "file"),
        ("ollama/both", "ollama", "both"),
        ("llama.cpp/both", "llama_cpp", "both"),
        ("ollama/not-listed", "ollama", "not-listed"),
    ],
)
async def test_a_name_leads_to_its_runtime(bench: MakeBench, name: str, runtime: str, sent: str) -> None:
    made = await bench()
    answer = await made.chat(name, stream=True)
    assert answer.status_code == 200
    scripted = made.ollama if runtime == "ollama" else made.llama_cpp
    assert json.loads(scripted.bodies[-1])["model"] == sent


async def test_a_known_name_is_not_asked_for_again(bench: MakeBench) -> None:
    made = await bench()
    for _ in range(3):
        await made.chat("file", stream=True)
    assert [path for _, path, _ in made.llama_cpp.requests] == ["/models"] + ["/v1/chat/completions"] * 3


async def test_an_unknown_name_is_told_in_the_shape_of_openai(bench: MakeBench) -> None:
    answer = await (await bench()).chat("nobody")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["code"], error["param"], error["type"]) == (
        "model_not_found",
        "model",
        "invalid_request_error",
    )


@pytest.mark.parametrize("model", ["only", "file"])
async def test_thinking_text_calls_and_usage_come_in_the_same_words(bench: MakeBench, model: str) -> None:
    made = await bench()
    stream = await made.client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "Paris"
    thoughts = [(choice.delta.model_extra or {}).get("reasoning_content") for choice in choices]
    assert [thought for thought in thoughts if thought] == ["hm"]
    assert choices[0].delta.role == "assistant"
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["tool_calls"]
    calls = [call for choice in choices for call in choice.delta.tool_calls or []]
    assert [call.index for call in calls] == list(range(len(calls)))
    for call in calls:
        assert call.id
        assert call.function is not None
        assert call.function.name == "weather"
        assert isinstance(json.loads(call.function.arguments or ""), dict)
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (9, 3)


async def test_the_calls_of_ollama_keep_their_arguments_and_get_ids_of_their_own(bench: MakeBench) -> None:
    whole = {**OLLAMA_END, "message": {"content": "", "thinking": "hm", "tool_calls": [OLLAMA_CALL] * 2}}
    made = await bench(answers={"/api/chat": (200, whole)})
    answer = await made.client.chat.completions.create(
        model="only", messages=[{"role": "user", "content": "Hello"}]
    )
    message = answer.choices[0].message
    assert message.tool_calls is not None
    first, second = message.tool_calls
    assert first.type == "function"
    assert json.loads(first.function.arguments) == {"city": "Köln"}
    assert first.id != second.id
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (message.model_extra or {})["reasoning_content"] == "hm"
    assert (answer.model_extra or {})["timings"] == {
        "cache_n": 4,
        "prompt_n": 5,
        "prompt_ms": 10.0,
        "prompt_per_second": 500.0,
        "predicted_n": 3,
        "predicted_ms": 1500.0,
        "predicted_per_second": 2.0,
    }


async def test_a_conversation_with_tools_and_images_reaches_ollama_in_its_own_words(bench: MakeBench) -> None:
    made = await bench()
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
    }
    await made.chat(
        "only",
        stream=True,
        messages=[
            {"role": "developer", "content": "Be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Where?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                ],
            },
            {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        ],
        tools=[WEATHER],
        tool_choice="auto",
    )
    assert made.sent()["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Where?", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"id": "call_1", "function": {"name": "weather", "arguments": {"city": "Köln"}}}],
        },
        {"role": "tool", "content": "rain", "tool_call_id": "call_1", "tool_name": "weather"},
    ]
    assert made.sent()["tools"] == [WEATHER]


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ({"max_tokens": 5}, {"options": {"num_predict": 5}}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"options": {"num_predict": 7}}),
        ({"stop": "x"}, {"options": {"stop": ["x"]}}),
        ({"stop": ["x", "y"], "seed": 3}, {"options": {"stop": ["x", "y"], "seed": 3}}),
        (
            {"temperature": 0, "top_p": 0.5, "top_k": 3},
            {"options": {"temperature": 0, "top_p": 0.5, "top_k": 3}},
        ),
        (
            {"options": {"num_ctx": 8192}, "keep_alive": "1h"},
            {"options": {"num_ctx": 8192}, "keep_alive": "1h"},
        ),
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
            {"format": {"type": "object"}},
        ),
        ({"response_format": {"type": "text"}}, {"format": None}),
        ({"reasoning_effort": "none"}, {"think": False}),
        ({"reasoning_effort": "high"}, {"think": "high"}),
        ({"think": True, "reasoning_effort": "low"}, {"think": True}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"tools": [WEATHER], "tool_choice": "none"}, {"tools": None}),
        ({}, {"truncate": False, "shift": False, "stream": True, "options": {}, "think": None}),
    ],
)
async def test_parameters_reach_ollama_in_its_own_words(
    bench: MakeBench, wanted: dict[str, object], sent: dict[str, object]
) -> None:
    made = await bench()
    assert (await made.chat("only", stream=True, **wanted)).status_code == 200
    body = made.sent()
    assert {name: body.get(name) for name in sent} == sent


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"tools": [WEATHER], "tool_choice": "required"}, "tool_choice"),
        ({"n": 2}, "n"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a"}}]}
                ]
            },
            "messages",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages"),
    ],
)
async def test_what_ollama_cannot_do_is_refused_and_not_left_out(
    bench: MakeBench, wanted: dict[str, object], param: str
) -> None:
    made = await bench()
    answer = await made.chat("only", **wanted)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("not_supported", param)
    assert made.ollama.bodies[-1] == b""


async def test_the_bytes_of_llama_server_come_and_go_unchanged(bench: MakeBench) -> None:
    made = await bench()
    body = b'{"model":  "file", "messages":[{"role":"user","content":"\\u00fc"}], "stream":true,"own":1}'
    headers = {"Content-Type": "application/json"}
    answer = await made.http.post("/v1/chat/completions", content=body, headers=headers)
    assert made.llama_cpp.bodies[-1] == body
    assert answer.text == "".join(LLAMA_ANSWER)
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_newer_word_for_system_is_told_to_llama_server_as_system(bench: MakeBench) -> None:
    made = await bench()
    await made.chat("file", stream=True, messages=[{"role": "developer", "content": "a"}])
    assert json.loads(made.llama_cpp.bodies[-1])["messages"] == [{"role": "system", "content": "a"}]


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
@pytest.mark.parametrize("model", ["only", "file"])
async def test_leaving_stops_the_runtime(bench: MakeBench, model: str, stream: bool) -> None:
    lines = ["WAIT"] if not stream else [OLLAMA_ANSWER[1] if model == "only" else LLAMA_ANSWER[3], "WAIT"]
    made = await bench(lines, lines)
    scripted = made.ollama if model == "only" else made.llama_cpp
    asking = asyncio.create_task(made.chat(model, stream=stream))
    await asyncio.wait_for(scripted.waiting.wait(), 5)
    asking.cancel()
    await asyncio.wait_for(scripted.left.wait(), 5)


@pytest.mark.parametrize("model", ["only", "file"])
async def test_the_first_token_comes_while_the_second_is_still_to_come(bench: MakeBench, model: str) -> None:
    lines = [OLLAMA_ANSWER[1] if model == "only" else LLAMA_ANSWER[3], "WAIT"]
    made = await bench(lines, lines)
    body = {**HELLO, "model": model, "stream": True}
    async with asyncio.timeout(5), made.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            assert '"Pa"' in line
            break


async def test_a_prompt_is_continued_as_it_is(bench: MakeBench) -> None:
    whole = {**OLLAMA_END, "response": " upon", "message": None}
    made = await bench(answers={"/api/generate": (200, whole)})
    answer = await made.client.completions.create(model="only", prompt="Once", max_tokens=3, stop=["."])
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == (" upon", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    sent = made.sent()
    assert (sent["prompt"], sent["raw"], sent["options"]) == (
        "Once",
        True,
        {"num_predict": 3, "stop": ["."]},
    )
    for wanted in ({"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"prompt": "a", "echo": True}):
        refused = await made.http.post("/v1/completions", json={"model": "only", **wanted})
        assert refused.json()["error"]["code"] == "not_supported"


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
async def test_embeddings_of_ollama_come_as_numbers_or_packed(bench: MakeBench, encoding: str | None) -> None:
    told = {"embeddings": [[0.5, -1], [0.25, 2.0]], "prompt_eval_count": 4}
    made = await bench(answers={"/api/embed": (200, told)})
    wanted: dict[str, object] = {"model": "only", "input": ["a", "b"], "dimensions": 2}
    answer = (
        await made.http.post(
            "/v1/embeddings", json=wanted | ({"encoding_format": encoding} if encoding else {})
        )
    ).json()
    vectors = [entry["embedding"] for entry in answer["data"]]
    if encoding == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(vector))) for vector in vectors]
    assert vectors == [[0.5, -1], [0.25, 2.0]]
    assert [entry["index"] for entry in answer["data"]] == [0, 1]
    assert answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert (made.sent()["dimensions"], made.sent()["truncate"]) == (2, False)
    typed = await made.client.embeddings.create(model="only", input=["a", "b"])
    assert typed.data[1].embedding == [0.25, 2.0]


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


async def test_silence_is_filled_with_comments_and_a_later_error_comes_in_the_stream(serve: Serve) -> None:
    go_on = asyncio.Event()

    async def pieces() -> AsyncGenerator[bytes]:
        await go_on.wait()
        yield b"data: 1\n\n"
        raise GatewayError(ErrorCode.UPSTREAM_FAILED, "scripted")

    url = await serve(only_http(CompletionStream(pieces(), ping_after_s=0.02)))
    async with httpx.AsyncClient(trust_env=False) as client, client.stream("POST", url, json={}) as answer:
        received = b""
        async for piece in answer.aiter_raw():
            received += piece
            if received.count(PING) >= 2:
                go_on.set()
    assert answer.status_code == 200
    assert received.startswith(PING + PING)
    *_, first, error, _ = received.split(b"\n\n")
    assert (first, b"scripted" in error) == (b"data: 1", True)


async def test_an_error_before_everything_has_its_status(serve: Serve) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        raise GatewayError(ErrorCode.CONTEXT_LENGTH_EXCEEDED, "scripted")
        yield b""

    url = await serve(only_http(CompletionStream(pieces())))
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(url, json={})).status_code == 400


STREAM = "".join(LLAMA_ANSWER[:4]).encode()
FAILING = STREAM + "".join(events({"error": {"message": "no"}})).encode() + LLAMA_ANSWER[3].encode()


@given(cuts=st.lists(st.integers(0, len(FAILING)), max_size=12))
def test_an_error_is_found_wherever_the_network_cuts_the_stream(cuts: list[int]) -> None:
    whole = WholeEvents()
    passed = b""
    edges = sorted({0, *cuts, len(FAILING)})
    for start, end in pairwise(edges):
        passed += whole.feed(FAILING[start:end])
        if whole.failure:
            break
    assert passed == STREAM
    assert json.loads(whole.failure) == {"error": {"message": "no"}}
    assert not whole.complete


@given(text=st.text())
def test_a_model_may_write_anything_without_being_taken_for_an_error(text: str) -> None:
    content = "".join(
        [*events({"choices": [{"delta": {"content": 'error: {"error": 1}' + text}}]}), "data: [DONE]\n\n"]
    ).encode()
    whole = WholeEvents()
    assert whole.feed(content) == content
    assert (whole.failure, whole.complete) == ("", True)
