"""One prompt to llama-server over its OpenAI-compatible stream."""

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
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime

END_OF_STREAM = "[DONE]"


async def choose_model(services: Services) -> str:
    """A loaded model, else the first of the folder. Raises NO_MODEL when there is none."""
    models = items(await get_json(services, llama_cpp_runtime(services.settings), "/models"), "data")
    loaded = [model for model in models if text(model, "status", "value") == "loaded"]
    for model in [*loaded, *models]:
        if name := text(model, "id"):
            return name
    raise GatewayError(
        ErrorCode.NO_MODEL,
        "llama-server has no model; upload a GGUF file with PUT /models/gguf/NAME.gguf",
    )


async def chat(services: Services, wanted: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
    """The events of one answer. Raises GatewayError, also in the middle."""
    body: dict[str, JsonValue] = {
        **wanted.parameters,
        "model": model,
        "messages": wanted.conversation(),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    runtime = llama_cpp_runtime(services.settings)
    finish_reason: str | None = None
    last: JsonValue = None
    async with aclosing(lines(services, runtime, "/v1/chat/completions", body)) as received:
        async for line in received:
            # Lines that begin with a colon are pings; older builds told errors in a field of their own.
            kind, _, data = line.partition(":")
            if kind not in ("data", "error") or data.strip() == END_OF_STREAM:
                continue
            message = parse(data)
            if kind == "error" or isinstance(message, str) or field(message, "error") is not None:
                raise GatewayError(
                    ErrorCode.UPSTREAM_FAILED, f"llama-server answered: {error_text(message) or data.strip()}"
                )
            finish_reason = text(message, "choices", 0, "finish_reason") or finish_reason
            last = message
            if delta := _delta(message):
                yield delta
    if finish_reason is not None:
        yield Finished(
            finish_reason=finish_reason,
            usage=Usage(
                prompt_tokens=integer(last, "usage", "prompt_tokens"),
                completion_tokens=integer(last, "usage", "completion_tokens"),
            ),
            tokens_per_second=number(last, "timings", "predicted_per_second"),
        )


def _delta(message: JsonValue) -> Delta | None:
    output = text(message, "choices", 0, "delta", "content") or ""
    thinking = text(message, "choices", 0, "delta", "reasoning_content") or ""
    return Delta(output, thinking) if output or thinking else None
