"""The state of runtimes that run elsewhere (LM_OLLAMA_URL, LM_LLAMA_CPP_URL): no supervisor knows it, so they
are asked themselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from lm_gateway.health.parts import PART_NAMES, Part, PartName, PartState
from lm_gateway.http.client import HttpClient, RequestFailed
from lm_gateway.settings import Settings

ANSWER_TIMEOUT_S = 1.0
# /health is open to everybody: however often it is called, a runtime is asked at most this often.
KEPT_S = 1.0
PROBES: Mapping[PartName, str] = {"ollama": "/api/version", "llama_cpp": "/health"}


class RemotePart:
    """One runtime that runs elsewhere."""

    def __init__(self, name: PartName, url: str, client: HttpClient) -> None:
        self._url = url + PROBES[name]
        self._client = client
        self._asking = asyncio.Lock()
        self._asked_at = -KEPT_S
        self._part = Part(state="unknown")

    async def status(self) -> Part:
        """Its state, at most a second old. Never raises."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= KEPT_S:
                state, error = await self._ask()
                changed = state != self._part.state
                self._part = Part(
                    state=state,
                    since=datetime.now(UTC).isoformat(timespec="milliseconds")
                    if changed
                    else self._part.since,
                    last_error=error or self._part.last_error,
                )
                self._asked_at = time.monotonic()
            return self._part.model_copy()

    async def _ask(self) -> tuple[PartState, str | None]:
        try:
            answer = await self._client.request("GET", self._url, timeout_s=ANSWER_TIMEOUT_S)
        except RequestFailed as error:
            return "unreachable", f"did not answer at {self._url} ({error})"
        if answer.is_success:
            return "ready", None
        return "starting", f"answered {answer.status} at {self._url}"


def remote_parts(settings: Settings, client: HttpClient) -> dict[PartName, RemotePart]:
    """Those that the settings say run elsewhere."""
    urls: dict[PartName, str] = {"ollama": settings.ollama_url, "llama_cpp": settings.llama_cpp_url}
    return {
        name: RemotePart(name, urls[name], client) for name in PART_NAMES if name in settings.remote_parts
    }
