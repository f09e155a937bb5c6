"""/v1 for models of llama.cpp: its own interface is OpenAI's, so bytes pass through as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import Response

from lm_gateway.dependencies import Services
from lm_gateway.http.disconnect import until_disconnect
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime
from lm_gateway.openai.events import WholeEvents
from lm_gateway.openai.refusals import incomplete, refusal
from lm_gateway.openai.stream import CompletionStream


async def forward(
    services: Services, request: Request, path: str, content: bytes, *, stream: bool
) -> Response:
    """llama-server's answer. Raises GatewayError."""
    if stream:
        return CompletionStream(_pieces(services, path, content))
    answer = await until_disconnect(request.receive, _whole(services, path, content))
    return Response(answer, media_type="application/json")


async def _whole(services: Services, path: str, content: bytes) -> bytes:
    runtime = llama_cpp_runtime(services.settings)
    async with services.upstream.stream(runtime, "POST", path, content=content) as answer:
        if answer.is_error:
            raise refusal(runtime, answer.status, await answer.text())
        return await answer.read()


async def _pieces(services: Services, path: str, content: bytes) -> AsyncGenerator[bytes]:
    """Whole events, as many at a time as have come. Raises GatewayError, also in the middle."""
    runtime = llama_cpp_runtime(services.settings)
    whole = WholeEvents()
    async with services.upstream.stream(runtime, "POST", path, content=content) as answer:
        if answer.is_error:
            raise refusal(runtime, answer.status, await answer.text())
        async for piece in answer.pieces():
            if events := whole.feed(piece):
                yield events
            if whole.failure:
                raise refusal(runtime, 500, whole.failure)
    if not whole.complete:
        raise incomplete(runtime)
