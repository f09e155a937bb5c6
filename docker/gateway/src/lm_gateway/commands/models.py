"""Requests and answers of /commands."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lm_gateway.bash.models import RunBashRequest


class StartCommandRequest(RunBashRequest):
    """As for POST /run-bash/; `stream` has no meaning here."""

    stdin_open: bool = Field(
        default=False, description="Keep the standard input open for POST /commands/{id}/stdin"
    )


class StdinRequest(BaseModel):
    """What a running command gets to read."""

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    eof: bool = Field(default=False, description="Close the standard input afterwards")


class CommandStatus(BaseModel):
    """One command. Sizes are what it wrote so far; `*_kept_bytes` of that, from the first byte on, are to be
    had at /commands/{id}/output. `exit_code` is null while it runs, and when it is not known."""

    id: str
    state: Literal["running", "exited"]
    pid: int | None
    cmd: str
    cwd: str
    request_id: str | None
    background: bool
    stdin_open: bool
    started_at: str
    duration_ms: int
    exit_code: int | None
    timed_out: bool
    output_bytes: int
    error_bytes: int
    output_kept_bytes: int
    error_kept_bytes: int
    last_seq: int


class CommandList(BaseModel):
    """A page of the running commands and the recently ended ones, newest first. `next`, unless null, is the
    `after` of the page behind it."""

    commands: list[CommandStatus]
    next: str | None
