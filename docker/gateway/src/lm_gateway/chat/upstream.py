"""One chat request to a runtime: its lines, and its failures as the gateway's."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic import JsonValue

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.client import encoded
from lm_gateway.http.json_values import field, text
from lm_gateway.http.upstream import Runtime

if TYPE_CHECKING:
    from lm_gateway.dependencies import Services

LONGEST_ERROR_TEXT = 2000


async def get_json(services: Services, runtime: Runtime, path: str) -> JsonValue:
    """A runtime's answer to GET. Raises GatewayError when there is none."""
    answer = await services.upstream.request(runtime, "GET", path)
    value = parse(answer.text)
    if answer.is_error:
        raise refused(runtime, answer.status, value)
    return value


async def lines(
    services: Services, runtime: Runtime, path: str, body: dict[str, JsonValue]
) -> AsyncGenerator[str]:
    """The lines of a streamed answer to POST. Raises GatewayError: not there, refused, broken off."""
    async with services.upstream.stream(runtime, "POST", path, content=encoded(body)) as answer:
        if answer.is_error:
            raise refused(runtime, answer.status, parse(await answer.text()))
        async with aclosing(answer.lines()) as received:
            async for line in received:
                yield line


def parse(content: str) -> JsonValue:
    """JSON, or the bare text where it is none."""
    try:
        value: JsonValue = json.loads(content)
    except ValueError:
        return content[:LONGEST_ERROR_TEXT]
    return value


def refused(runtime: Runtime, status: int, answer: JsonValue) -> GatewayError:
    """A runtime's own error answer. Its status is kept where it is the caller's to mend."""
    message = error_text(answer) or f"status {status}"
    code = ErrorCode.NOT_FOUND if status == 404 else ErrorCode.INVALID_REQUEST
    if status >= 500:
        code = ErrorCode.RUNTIME_UNAVAILABLE if status == 503 else ErrorCode.UPSTREAM_FAILED
    return GatewayError(
        code, f"{runtime.title} answered: {message}", status=status if 400 <= status < 500 else None,
        details={"upstream_status": status, "upstream_error": field(answer, "error")},
    )  # fmt: skip


def error_text(answer: JsonValue) -> str | None:
    """The text of an error in either runtime's shape: {"error": "…"} or {"error": {"message": "…"}}."""
    if isinstance(answer, str):
        return answer.strip() or None
    return text(answer, "error") or text(answer, "error", "message")
