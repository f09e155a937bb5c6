"""What the tests of /v1 in front of scripted runtimes share. Those do what a small model cannot be made to do
on demand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TypeAlias

import httpx
import openai
import pytest

from conftest import TOKEN, MakeSettings, Serve, StartGateway
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


MakeBench: TypeAlias = Callable[..., Coroutine[None, None, Bench]]


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
