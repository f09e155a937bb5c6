"""Request and answer of POST /run-bash/."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# The kernel takes at most 128 KiB in one argument.
LONGEST_COMMAND_BYTES = 120_000
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)]


def without_nul(text: str) -> str:
    """A text that can be an argument or a variable; raises ValueError for others."""
    if "\0" in text:
        raise ValueError("holds a NUL character, which no command line or variable can")
    text.encode("utf-8")  # a lone surrogate cannot be passed on either
    return text


def _fits_an_argument(cmd: str) -> str:
    if len(cmd.encode("utf-8", "surrogatepass")) > LONGEST_COMMAND_BYTES:
        raise ValueError(
            f"longer than {LONGEST_COMMAND_BYTES} bytes; send the script as stdin and run `bash -s`"
        )
    return without_nul(cmd)


def _values_without_nul(env: dict[str, str]) -> dict[str, str]:
    for value in env.values():
        without_nul(value)
    return env


Variables = Annotated[dict[VariableName, str], AfterValidator(_values_without_nul)]
CommandLine: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_fits_an_argument)]
RequestId = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]


class RunBashRequest(BaseModel):
    """A command line for bash, and how it is run."""

    model_config = ConfigDict(extra="forbid")

    cmd: CommandLine = Field(description="The command line, as for `bash -c`")
    timeout_s: float | None = Field(
        default=None, gt=0, description="Seconds until the command and all it started are ended"
    )
    cwd: str | None = Field(default=None, description="Folder, inside the workspace; relative to it")
    env: Variables = Field(default_factory=dict, description="Further variables")
    stdin: str | None = Field(default=None, description="Text for the standard input; else it is empty")
    stream: bool = Field(default=False, description="Answer with one JSON event per line as they happen")
    request_id: RequestId | None = Field(
        default=None,
        description="Chosen by the caller. The same request again gets the first one's result",
    )


class RunBashAnswer(BaseModel):
    """What a command wrote and how it ended.

    `output` and `error` are its standard output and error, the first and the last part of each when
    `truncated`; `output_bytes` and `error_bytes` are what it really wrote. `exit_code` is the shell's,
    128 + the number of the signal that ended it, or null when that is not known. `id` names the command
    under /commands; `replayed`: this request_id had run before, and this is that run's result.
    """

    output: str
    error: str
    exit_code: int | None
    duration_ms: int
    timed_out: bool
    truncated: bool
    output_bytes: int
    error_bytes: int
    id: str
    replayed: bool
