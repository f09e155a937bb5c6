"""One prompt to Ollama over its native /api/chat.

Its OpenAI-compatible route loses an error in the middle of an answer; the native one tells it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from pydantic import JsonValue

from lm_gateway.chat.events import ChatEvent, Delta, Finished
from lm_gateway.chat.models import ChatRequest, Usage
from lm_gateway.chat.upstream import error_text, get_json, lines, parse
from lm_gateway.dependencies import Services
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.json_values import field, integer, items, number, text
from lm_gateway.ollama.runtime import ollama_runtime

# These stand beside the messages in Ollama's request; every other parameter is one of its "options".
TOP_LEVEL_PARAMETERS = (
    "think",
    "format",
    "keep_alive",
    "tools",
    "logprobs",
    "top_logprobs",
    "truncate",
    "shift",
)
NANOSECONDS = 1_000_000_000


async def choose_model(services: Services) -> str:
    """A loaded model, else the newest there is. Raises NO_MODEL when there is none."""
    runtime = ollama_runtime(services.settings)
    for path in ("/api/ps", "/api/tags"):
        for model in items(await get_json(services, runtime, path), "models"):
            if name := text(model, "name"):
                return name
    raise GatewayError(
        ErrorCode.NO_MODEL,
        'Ollama has no model; get one with POST /ollama/api/pull {"model": "NAME"}',
    )


async def chat(services: Services, wanted: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
    """The events of one answer. Raises GatewayError, also in the middle."""
    async with aclosing(
        lines(services, ollama_runtime(services.settings), "/api/chat", _body(wanted, model))
    ) as received:
        async for line in received:
            if line.strip():
                yield _event(parse(line))


def _body(wanted: ChatRequest, model: str) -> dict[str, JsonValue]:
    options = {name: value for name, value in wanted.parameters.items() if name not in TOP_LEVEL_PARAMETERS}
    beside = {name: value for name, value in wanted.parameters.items() if name in TOP_LEVEL_PARAMETERS}
    return {**beside, "model": model, "messages": wanted.conversation(), "stream": True, "options": options}


def _event(message: JsonValue) -> ChatEvent:
    if isinstance(message, str) or field(message, "error") is not None:
        raise GatewayError(ErrorCode.UPSTREAM_FAILED, f"Ollama answered: {error_text(message)}")
    if field(message, "done") is not True:
        return Delta(
            output=text(message, "message", "content") or "",
            thinking=text(message, "message", "thinking") or "",
        )
    written, duration_ns = integer(message, "eval_count"), number(message, "eval_duration")
    return Finished(
        finish_reason=text(message, "done_reason"),
        usage=Usage(prompt_tokens=integer(message, "prompt_eval_count"), completion_tokens=written),
        tokens_per_second=written * NANOSECONDS / duration_ns if written and duration_ns else None,
    )
