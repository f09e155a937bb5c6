"""How programs are started where the gateway runs on a computer itself, beside lm-sandbox's embedded sandbox.

The app prepares it: each program gets a bubblewrap of its own, with the same views, limits and network as the
app's shells, so it sees neither the gateway nor its token. The file that says how (LM_LAUNCHER_FILE) is
written by the app for each of its starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

# Waits for what a command leaves running, as the guard does in the container: when the program of a
# bubblewrap ends, all else in it ends at once. What this shell would say of a signal is not the command's
# output. Arguments: rounds to wait, rounds after a request to end, the program.
WAITING_SCRIPT = """
rounds=$1 gently=$2; shift 2
trap 'rounds=$gently' TERM HUP INT
exec 9>&2 2>/dev/null
(exec "$@" 2>&9 9>&-)
status=$?
others() { set -- /proc/[0-9]*; [ "$#" -gt 2 ]; }
while [ "$rounds" -gt 0 ] && others; do sleep 0.02; rounds=$((rounds - 1)); done
exit "$status"
"""
ROUND_MS = 20
NOT_ISOLATED_WARNING = (
    "nothing isolates commands: they are programs of this computer and may do what their user may, reading "
    "this gateway's token among it. Install bubblewrap, then start the embedded sandbox again"
)


class LauncherFileError(Exception):
    """The file cannot be used. The text says why."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Model):
    """A folder on this computer, and where programs find it."""

    folder: Path
    inside: Path


class Launcher(_Model):
    """`command` and `terminal_command` stand before the folder and the program where there is isolation; they
    are empty where there is none. `variables` is the beginning of the names under which a program's variables
    are carried inside; null: they are simply set. Programs run as the user `owner` where that is not ours."""

    isolation: Literal["bubblewrap", "none"]
    command: tuple[str, ...]
    terminal_command: tuple[str, ...]
    environment: Mapping[str, str]
    variables: str | None
    shell: str
    home: Place
    workspace: Place
    owner: int | None = None

    def run(
        self, program: Sequence[str], cwd: Path, environment: Mapping[str, str], *, terminal: bool
    ) -> Launched:
        """`cwd` is a folder inside."""
        if self.isolation == "none":
            return Launched(tuple(program), {**self.environment, **environment}, str(cwd))
        prefix = self.terminal_command if terminal else self.command
        return Launched(
            (*prefix, str(cwd), *program), {**self.environment, **self._carried(environment)}, "/"
        )

    def waiting(self, program: Sequence[str], *, drain_ms: int, grace_ms: int) -> list[str]:
        """A program that waits for what it leaves running, as far as the guard cannot do that."""
        if self.isolation == "none":
            return list(program)
        rounds = (str(drain_ms // ROUND_MS), str((drain_ms + grace_ms) // ROUND_MS))
        return ["/bin/sh", "-c", WAITING_SCRIPT, "lm-sandbox", *rounds, *program]

    def variables_of(self, extra: Mapping[str, str]) -> dict[str, str]:
        """What a program gets beside `environment`."""
        inherited = self.environment.get("PATH", "/usr/bin:/bin")
        return {
            **({} if "LANG" in self.environment else {"LANG": "C.UTF-8"}),
            "TERM": "dumb",
            "PATH": f"{self.home.inside}/.local/bin:{inherited}",
            **extra,
        }

    def _carried(self, environment: Mapping[str, str]) -> dict[str, str]:
        entries = [f"{name}={value}" for name, value in environment.items()]
        if self.variables is None:
            return dict(environment)
        return {
            f"{self.variables}COUNT": str(len(entries)),
            **{f"{self.variables}{index}": entry for index, entry in enumerate(entries)},
        }


@dataclass(frozen=True)
class Launched:
    """A program as the guard starts it, with its whole environment, in a folder of this computer."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: str


def read_launcher(path: Path) -> Launcher:
    """Raises LauncherFileError."""
    try:
        return Launcher.model_validate_json(path.read_bytes())
    except OSError as error:
        raise LauncherFileError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise LauncherFileError(f"{path} does not say how programs are started: {error}") from error
