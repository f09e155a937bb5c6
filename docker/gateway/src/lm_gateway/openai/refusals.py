"""The runtimes' errors, in whatever words they come, as one closed set of codes."""

from __future__ import annotations

import json
import re

from pydantic import JsonValue

from lm_gateway.chat.upstream import error_text, parse
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.json_values import field, text
from lm_gateway.http.upstream import Runtime

OVERFLOW_TYPE = "exceed_context_size_error"
OVERFLOW = re.compile(
    r"exceeds? the (available |model's )?(context|maximum context)|context (size|length|window) exceeded"
    r"|maximum context length",
    re.IGNORECASE,
)
MODEL_MISSING = re.compile(
    r"model .*not found|try pulling it first|pull model manifest: file does not exist", re.IGNORECASE
)
MEDIA = re.compile(r"(image|audio|video) input is not supported|multimodal|image input", re.IGNORECASE)
NOT_SUPPORTED = re.compile(r"do(es)? not support|not supported by", re.IGNORECASE)
# What a request was too long in, or held an image in, where it is not the messages.
INPUTS = {
    "/v1/completions": "prompt",
    "/api/generate": "prompt",
    "/v1/embeddings": "input",
    "/api/embed": "input",
}
# Ollama answers these with 500.
WRONG_OPTION = re.compile(r'^option "|^invalid options', re.IGNORECASE)


def refusal(runtime: Runtime, path: str, status: int, content: str) -> GatewayError:
    """What a runtime's error says, before an answer (`status` is the HTTP status) or inside one (500).
    `path` is what the runtime was asked for."""
    answer = _unwrapped(parse(content))
    message = error_text(answer) or f"status {status}"
    told = f"{runtime.title} answered: {message}"
    given: dict[str, JsonValue] = {"param": INPUTS.get(path, "messages")}
    if text(answer, "error", "type") == OVERFLOW_TYPE or OVERFLOW.search(message):
        return GatewayError(
            ErrorCode.CONTEXT_LENGTH_EXCEEDED,
            f"{told}; send less, or load the model with a larger context",
            details=given,
        )
    if MEDIA.search(message):
        return GatewayError(ErrorCode.NOT_SUPPORTED, f"this model takes no images ({told})", details=given)
    if NOT_SUPPORTED.search(message):
        return GatewayError(ErrorCode.NOT_SUPPORTED, told)
    if status == 404 or MODEL_MISSING.search(message):
        return GatewayError(ErrorCode.MODEL_NOT_FOUND, told, details={"param": "model"})
    if WRONG_OPTION.search(message):
        return GatewayError(ErrorCode.INVALID_REQUEST, told, status=400)
    if status == 503:
        return GatewayError(ErrorCode.RUNTIME_UNAVAILABLE, told, headers={"Retry-After": "2"})
    if status >= 500:
        return GatewayError(ErrorCode.UPSTREAM_FAILED, told)
    return GatewayError(ErrorCode.INVALID_REQUEST, told, status=status)


def incomplete(runtime: Runtime) -> GatewayError:
    """A stream that just ends: its program died, and its router closed the connection politely."""
    return GatewayError(
        ErrorCode.UPSTREAM_FAILED, f"{runtime.title} ended its answer without saying that it was complete"
    )


def not_supported(param: str, message: str) -> GatewayError:
    """Something OpenAI's interface has and the runtime of this model has not."""
    return GatewayError(ErrorCode.NOT_SUPPORTED, message, details={"param": param})


def _unwrapped(answer: JsonValue) -> JsonValue:
    """Ollama hands on its inner llama-server's JSON as a text inside its own."""
    inner = text(answer, "error")
    if inner is None or not inner.startswith("{"):
        return answer
    try:
        value: JsonValue = json.loads(inner)
    except ValueError:
        return answer
    return value if field(value, "error") is not None else answer
