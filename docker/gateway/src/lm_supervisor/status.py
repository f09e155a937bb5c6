"""The state of the parts as the supervisor tells it: one JSON document per connection to its socket."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import NotRequired, TypedDict


class PartState(StrEnum):
    """disabled: switched off by the environment. starting: runs, does not answer yet. ready: answers.
    crashed: has just ended. backing-off: waits for its next start. stopping: asked to end."""

    DISABLED = "disabled"
    STARTING = "starting"
    READY = "ready"
    CRASHED = "crashed"
    BACKING_OFF = "backing-off"
    STOPPING = "stopping"


class LastExit(TypedDict):
    """How a part ended the last time: an exit code or the name of a signal (SIGKILL, …)."""

    code: int | None
    signal: str | None
    at: str


class PartStatus(TypedDict):
    """One part. `since` is the time of the last change of state (ISO 8601, UTC); `last_output` the end
    of what it wrote, at most 4 KiB; `retry_at` is there while it is backing off."""

    state: PartState
    pid: int | None
    restarts: int
    since: str
    last_exit: LastExit | None
    last_error: str | None
    last_output: str
    retry_at: NotRequired[str]


class SupervisorStatus(TypedDict):
    """Everything the supervisor knows. `started_at` is the start of the container's supervisor."""

    started_at: str
    parts: dict[str, PartStatus]


def timestamp(moment: datetime | None = None) -> str:
    """A time as ISO 8601 in UTC with milliseconds."""
    return (moment or datetime.now(UTC)).isoformat(timespec="milliseconds")
