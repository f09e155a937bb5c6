"""The state of the parts, as the supervisor tells it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

ANSWER_TIMEOUT_S = 1.0
# /health is open to everybody: however often it is called, the supervisor is asked at most this often.
KEPT_S = 0.1

PartName = Literal["gateway", "ollama", "llama_cpp"]
PART_NAMES: tuple[PartName, ...] = ("gateway", "ollama", "llama_cpp")
PartState = Literal[
    "disabled", "absent", "starting", "ready", "crashed", "backing-off", "stopping", "unknown", "unreachable"
]


class LastExit(BaseModel):
    """How a part ended the last time: an exit code or a signal's name; both null when unknown."""

    code: int | None
    signal: str | None
    at: str


class Part(BaseModel):
    """One part. `last_output` (at most 4 KiB) is told only with the token; `unknown` means that no
    supervisor answered: the gateway runs without one; `unreachable` is a part that runs elsewhere and does
    not answer; `absent` is one that this sandbox does not have."""

    model_config = ConfigDict(extra="ignore")

    state: PartState
    pid: int | None = None
    restarts: int = 0
    since: str | None = None
    last_exit: LastExit | None = None
    last_error: str | None = None
    last_output: str | None = None
    retry_at: str | None = None


class _SupervisorAnswer(BaseModel):
    started_at: str
    parts: dict[str, Part]


class PartsStatus(BaseModel):
    """All parts; `started_at` is the supervisor's start."""

    started_at: str | None
    parts: dict[PartName, Part]


class RemoteStatus(Protocol):
    """A part that runs elsewhere, see remote.py."""

    async def status(self) -> Part: ...


class Parts:
    """Asks the supervisor over its socket, and those parts themselves that run elsewhere."""

    def __init__(
        self,
        socket_path: Path,
        remote: Mapping[PartName, RemoteStatus] | None = None,
        absent: Collection[str] = (),
    ) -> None:
        self._socket_path = socket_path
        self._absent = {name: Part(state="absent") for name in PART_NAMES if name in absent}
        self._remote = dict(remote or {})
        self._asking = asyncio.Lock()
        self._asked_at = -math.inf
        self._answer: _SupervisorAnswer | None = None

    async def status(self) -> PartsStatus:
        """The state, at most a tenth of a second old. Never raises: without a supervisor every part but the
        gateway is unknown."""
        answer = await self._ask_supervisor()
        remote = await self._ask_remote() if self._remote else {}
        known = answer.parts if answer else {"gateway": Part(state="ready")}
        return PartsStatus(
            started_at=answer.started_at if answer else None,
            parts={
                name: self._absent.get(name) or remote.get(name) or known.get(name) or Part(state="unknown")
                for name in PART_NAMES
            },
        )

    async def _ask_remote(self) -> dict[PartName, Part]:
        states = await asyncio.gather(*(part.status() for part in self._remote.values()))
        return dict(zip(self._remote, states, strict=True))

    async def _ask_supervisor(self) -> _SupervisorAnswer | None:
        async with self._asking:
            if time.monotonic() - self._asked_at >= KEPT_S:
                self._answer = await self._ask()
                self._asked_at = time.monotonic()
            return self._answer and self._answer.model_copy(deep=True)

    async def _ask(self) -> _SupervisorAnswer | None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._socket_path)
                try:
                    return _SupervisorAnswer.model_validate_json(await reader.read())
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError, ValidationError):
            return None
