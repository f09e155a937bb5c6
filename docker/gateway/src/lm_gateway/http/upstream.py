"""The two runtimes behind the gateway, and their failures in the gateway's words."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.health.parts import PartName, Parts

CONNECT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Runtime:
    """A model server: its part's name, what people call it, and where it listens."""

    part: PartName
    title: str
    url: str


def create_client() -> httpx.AsyncClient:
    """The one client. No time limit on answers: a model may load for minutes before the first byte."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        trust_env=False,
    )


async def as_gateway_error(error: httpx.TransportError, runtime: Runtime, parts: Parts) -> GatewayError:
    """Says why a runtime did not answer: its state as the supervisor sees it."""
    part = (await parts.status()).parts[runtime.part]
    details = {"part": runtime.part, "state": part.state, "last_error": part.last_error}
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
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
    return GatewayError(
        ErrorCode.UPSTREAM_FAILED,
        f"{runtime.title} broke off its answer ({error or type(error).__name__}); its part is {part.state}",
        details=details,
    )
