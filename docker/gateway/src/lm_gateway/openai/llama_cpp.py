"""/v1 for models of llama.cpp: its own interface is OpenAI's, so bytes pass through as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
from starlette.requests import Request
from starlette.responses import Response

from lm_gateway.dependencies import Services
from lm_gateway.http.disconnect import until_disconnect
from lm_gateway.http.upstream import as_gateway_error
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime
from lm_gateway.openai.events import WholeEvents
from lm_gateway.openai.refusals import incomplete, refusal
from lm_gateway.openai.stream import CompletionStream

JSON_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


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
    try:
        answer = await services.client.post(runtime.url + path, content=content, headers=JSON_HEADERS)
    except httpx.TransportError as error:
        raise await as_gateway_error(error, runtime, services.parts) from error
    if answer.is_error:
        raise refusal(runtime, answer.status_code, answer.text)
    return answer.content


async def _pieces(services: Services, path: str, content: bytes) -> AsyncGenerator[bytes]:
    """Whole events, as many at a time as have come. Raises GatewayError, also in the middle."""
    runtime = llama_cpp_runtime(services.settings)
    whole = WholeEvents()
    try:
        async with services.client.stream(
            "POST", runtime.url + path, content=content, headers=JSON_HEADERS
        ) as answer:
            if answer.is_error:
                await answer.aread()
                raise refusal(runtime, answer.status_code, answer.text)
            async for piece in answer.aiter_raw():
                if events := whole.feed(piece):
                    yield events
                if whole.failure:
                    raise refusal(runtime, 500, whole.failure)
    except httpx.TransportError as error:
        raise await as_gateway_error(error, runtime, services.parts) from error
    if not whole.complete:
        raise incomplete(runtime)
