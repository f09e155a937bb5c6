"""/v1 in front of scripted runtimes: what is streamed comes at once, stays alive and ends with its caller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send

from conftest import Serve
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.openai.events import WholeEvents
from lm_gateway.openai.stream import PING, CompletionStream
from openai_bench import HELLO, LLAMA_ANSWER, OLLAMA_ANSWER, MakeBench
from scripted import events


def only_http(response: CompletionStream) -> ASGIApp:
    """A response as an application; the server's question about its lifespan is not for it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await response(scope, receive, send)

    return app


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
