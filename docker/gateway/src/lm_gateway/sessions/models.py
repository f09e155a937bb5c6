"""Requests and answers of /sessions, and the control messages of an attachment."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from lm_gateway.bash.models import CommandLine, Variables

Size: TypeAlias = Annotated[int, Field(ge=1, le=1000)]


class StartSessionRequest(BaseModel):
    """A program on a terminal of its own; bash without a `command`."""

    model_config = ConfigDict(extra="forbid")

    command: CommandLine | None = Field(default=None, description="The command line, as for `bash -c`")
    cwd: str | None = Field(default=None, description="Folder, inside the workspace; relative to it")
    env: Variables = Field(default_factory=dict, description="Further variables")
    columns: Size = 80
    rows: Size = 24


class SessionStatus(BaseModel):
    """One session. `idle_s`: since the last byte in either direction."""

    id: str
    state: Literal["running", "exited"]
    pid: int | None
    command: str | None
    cwd: str
    columns: int
    rows: int
    started_at: str
    idle_s: float
    attached: int
    output_bytes: int
    exit_code: int | None


class SessionList(BaseModel):
    """The running sessions and the last ones that ended, oldest first."""

    sessions: list[SessionStatus]


class Resize(BaseModel):
    """The attached terminal has another size."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["resize"]
    columns: Size
    rows: Size


class SendSignal(BaseModel):
    """A signal for the program in the foreground."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["signal"]
    signal: Literal["HUP", "INT", "QUIT", "KILL", "TERM", "TSTP", "CONT", "USR1", "USR2", "WINCH"]


Control: TypeAlias = Annotated[Resize | SendSignal, Field(discriminator="type")]
CONTROL: TypeAdapter[Resize | SendSignal] = TypeAdapter(Control)
