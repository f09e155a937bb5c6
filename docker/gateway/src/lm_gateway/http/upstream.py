"""The two runtimes behind the gateway, and their failures in the gateway's words."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import JsonValue

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.health.parts import PartName, Parts
from lm_gateway.http.client import (
    JSON_HEADERS,
    Answer,
    Content,
    Headers,
    HttpClient,
    NotReached,
    RequestFailed,
    StreamedAnswer,
)


@dataclass(frozen=True)
class Runtime:
    """A model server: its part's name, what people call it, and where it listens."""

    part: PartName
    title: str
    url: str


class Upstream:
    """Asks the runtimes. There is no time limit unless one is given: a model may load for minutes."""

    def __init__(self, client: HttpClient, parts: Parts) -> None:
        self._client = client
        self._parts = parts

    async def request(
        self,
        runtime: Runtime,
        method: str,
        path: str,
        *,
        json: JsonValue = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """A runtime's whole answer, which may be a refusal. Raises GatewayError when there is none."""
        try:
            return await self._client.request(method, runtime.url + path, json=json, timeout_s=timeout_s)
        except RequestFailed as error:
            raise await self._explained(error, runtime) from error

    @asynccontextmanager
    async def stream(
        self,
        runtime: Runtime,
        method: str,
        path: str,
        *,
        headers: Headers = JSON_HEADERS,
        content: Content | None = None,
    ) -> AsyncGenerator[StreamedAnswer]:
        """A runtime's answer as it comes. Leaving the context stops the runtime's work. Raises GatewayError
        when there is none, or when it breaks off while it is read inside the context."""
        try:
            async with self._client.stream(
                method, runtime.url + path, headers=headers, content=content
            ) as answer:
                yield answer
        except RequestFailed as error:
            raise await self._explained(error, runtime) from error

    async def _explained(self, error: RequestFailed, runtime: Runtime) -> GatewayError:
        """Why a runtime did not answer: its state as the supervisor sees it."""
        part = (await self._parts.status()).parts[runtime.part]
        details: dict[str, JsonValue] = {
            "part": runtime.part,
            "state": part.state,
            "last_error": part.last_error,
        }
        if part.state == "absent":
            return GatewayError(
                ErrorCode.RUNTIME_UNAVAILABLE,
                f"{runtime.title} is not part of this sandbox; the container has it",
                details=details,
            )
        if not isinstance(error, NotReached):
            return GatewayError(
                ErrorCode.UPSTREAM_FAILED,
                f"{runtime.title} broke off its answer ({error}); its part is {part.state}",
                details=details,
            )
        return GatewayError(
            ErrorCode.RUNTIME_UNAVAILABLE,
            f"{runtime.title} does not answer (it is {part.state}"
            + (f"; it last {part.last_error}" if part.last_error else "")
            + (
                "; switch it on in the container's settings)"
                if part.state == "disabled"
                else "); try again soon"
            ),
            details=details,
            headers={"Retry-After": "2"},
        )
