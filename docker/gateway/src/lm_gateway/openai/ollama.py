"""/v1 for models of Ollama, over its native interface.

Its own /v1 loses an error in the middle of an answer, drops the beginning of an overlong conversation, and
takes no size of the context.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import AsyncGenerator

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lm_gateway.chat.upstream import parse
from lm_gateway.dependencies import Services
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.client import encoded
from lm_gateway.http.disconnect import until_disconnect
from lm_gateway.http.json_values import field, integer, items
from lm_gateway.ollama.runtime import ollama_runtime
from lm_gateway.openai.models import ChatCompletionRequest, CompletionRequest, EmbeddingRequest
from lm_gateway.openai.ollama_answer import AnswerInWords
from lm_gateway.openai.ollama_request import chat_body, completion_body
from lm_gateway.openai.refusals import incomplete, not_supported, refusal
from lm_gateway.openai.stream import DONE, CompletionStream


async def chat(services: Services, request: Request, wanted: ChatCompletionRequest, model: str) -> Response:
    """POST /v1/chat/completions. Raises GatewayError."""
    words = AnswerInWords("chat.completion", model, include_usage=wanted.include_usage)
    return await _answer(services, request, "/api/chat", chat_body(wanted, model), words)


async def complete(services: Services, request: Request, wanted: CompletionRequest, model: str) -> Response:
    """POST /v1/completions. Raises GatewayError."""
    words = AnswerInWords("text_completion", model, include_usage=wanted.include_usage)
    return await _answer(services, request, "/api/generate", completion_body(wanted, model), words)


async def embed(services: Services, request: Request, wanted: EmbeddingRequest, model: str) -> Response:
    """POST /v1/embeddings. Raises GatewayError."""
    inputs: list[JsonValue] = wanted.input if isinstance(wanted.input, list) else [wanted.input]
    if not all(isinstance(value, str) for value in inputs):
        raise not_supported("input", "a model of Ollama takes text, not tokens")
    body: dict[str, JsonValue] = {"model": model, "input": inputs, "truncate": False}
    if wanted.dimensions is not None:
        body["dimensions"] = wanted.dimensions
    answer = await until_disconnect(request.receive, _whole(services, "/api/embed", body))
    tokens = integer(answer, "prompt_eval_count") or 0
    return JSONResponse(
        {
            "object": "list",
            "model": model,
            "data": [
                {"object": "embedding", "index": index, "embedding": _vector(vector, wanted)}
                for index, vector in enumerate(items(answer, "embeddings"))
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _vector(vector: JsonValue, wanted: EmbeddingRequest) -> JsonValue:
    if wanted.encoding_format != "base64" or not isinstance(vector, list):
        return vector
    numbers = [value for value in vector if isinstance(value, int | float)]
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


async def _answer(
    services: Services, request: Request, path: str, body: dict[str, JsonValue], words: AnswerInWords
) -> Response:
    if body["stream"]:
        return CompletionStream(_pieces(services, path, body, words))
    answer = await until_disconnect(request.receive, _whole(services, path, body))
    if field(answer, "done") is not True:
        raise incomplete(ollama_runtime(services.settings))
    return JSONResponse(words.whole(answer))


async def _whole(services: Services, path: str, body: dict[str, JsonValue]) -> JsonValue:
    runtime = ollama_runtime(services.settings)
    answer = await services.upstream.request(runtime, "POST", path, json=body)
    value = parse(answer.text)
    if answer.is_error or field(value, "error") is not None:
        raise refusal(runtime, path, answer.status if answer.is_error else 500, answer.text)
    if not isinstance(value, dict):
        raise GatewayError(ErrorCode.UPSTREAM_FAILED, f"{runtime.title} answered no JSON: {value}")
    return value


async def _pieces(
    services: Services, path: str, body: dict[str, JsonValue], words: AnswerInWords
) -> AsyncGenerator[bytes]:
    """Whole events; those of one piece of Ollama's together. Raises GatewayError, also in the middle."""
    runtime = ollama_runtime(services.settings)
    complete = False
    rest = b""
    async with services.upstream.stream(runtime, "POST", path, content=encoded(body)) as answer:
        if answer.is_error:
            raise refusal(runtime, path, answer.status, await answer.text())
        async for piece in answer.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            events = b""
            for line in filter(None, lines):
                message = parse(line.decode())
                if isinstance(message, str) or field(message, "error") is not None:
                    if events:
                        yield events
                    raise refusal(runtime, path, 500, line.decode())
                complete = complete or field(message, "done") is True
                events += words.chunks(message)
            if events:
                yield events
    if not complete:
        raise incomplete(runtime)
    yield DONE
