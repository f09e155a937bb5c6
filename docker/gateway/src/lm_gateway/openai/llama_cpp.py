"""/v1 for models of llama.cpp: its own interface is OpenAI's, so streams pass through as they are.

A whole answer is asked for as a stream too: in front of several models llama-server goes on with one that
nobody waits for, but not with a stream.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lm_gateway.dependencies import Services
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.client import encoded
from lm_gateway.http.disconnect import until_disconnect
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime
from lm_gateway.openai.events import WholeEvents
from lm_gateway.openai.llama_cpp_answer import AssembledAnswer
from lm_gateway.openai.refusals import incomplete, refusal
from lm_gateway.openai.stream import CompletionStream


async def answer(
    services: Services, request: Request, path: str, content: bytes, *, stream: bool
) -> Response:
    """llama-server's answer to a conversation or a prompt. Raises GatewayError."""
    if stream:
        return CompletionStream(_pieces(services, path, content))
    assembled = _assembled(services, path, _as_stream(content))
    return JSONResponse(await until_disconnect(request.receive, assembled))


async def embed(services: Services, request: Request, content: bytes) -> Response:
    """llama-server's vectors. Raises GatewayError."""
    vectors = await until_disconnect(request.receive, _whole(services, "/v1/embeddings", content))
    return Response(vectors, media_type="application/json")


def _as_stream(content: bytes) -> bytes:
    body: dict[str, JsonValue] = json.loads(content)
    # What is told only in streams would be in the answer.
    body.pop("return_progress", None)
    return encoded({**body, "stream": True, "stream_options": {"include_usage": True}})


async def _assembled(services: Services, path: str, content: bytes) -> dict[str, JsonValue]:
    assembled = AssembledAnswer()
    async with aclosing(_pieces(services, path, content)) as pieces:
        async for events in pieces:
            try:
                assembled.feed(events)
            except ValueError as error:
                raise GatewayError(
                    ErrorCode.UPSTREAM_FAILED, f"llama-server answered no JSON: {error}"
                ) from error
    return assembled.value()


async def _whole(services: Services, path: str, content: bytes) -> bytes:
    runtime = llama_cpp_runtime(services.settings)
    async with services.upstream.stream(runtime, "POST", path, content=content) as answer:
        if answer.is_error:
            raise refusal(runtime, path, answer.status, await answer.text())
        return await answer.read()


async def _pieces(services: Services, path: str, content: bytes) -> AsyncGenerator[bytes]:
    """Whole events, as many at a time as have come. Raises GatewayError, also in the middle."""
    runtime = llama_cpp_runtime(services.settings)
    whole = WholeEvents()
    async with services.upstream.stream(runtime, "POST", path, content=content) as answer:
        if answer.is_error:
            raise refusal(runtime, path, answer.status, await answer.text())
        async for piece in answer.pieces():
            if events := whole.feed(piece):
                yield events
            if whole.failure:
                raise refusal(runtime, path, 500, whole.failure)
    if not whole.complete:
        raise incomplete(runtime)
