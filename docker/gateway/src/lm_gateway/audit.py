"""Who ran what: one JSON line for each command on the gateway's standard error, so in `docker logs`.

The command itself is not there, for it may hold a secret, nor is its output: only a hash, by which a known
command can be found again. (Who reads the log can try short commands until a hash fits.)
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

from pydantic import JsonValue

WriteLine: TypeAlias = Callable[[str], None]


class Audit:
    """Writes the lines; `write_line` is replaced by tests."""

    def __init__(self, write_line: WriteLine | None = None) -> None:
        self._write_line = write_line or _to_standard_error

    def record(
        self,
        *,
        who: str,
        command: str,
        exit_code: int | None,
        duration_ms: int,
        kind: str = "run-bash",
        request_id: str | None = None,
    ) -> None:
        """Notes a command that has ended. `who` is the name of the caller's token, never the token;
        `exit_code` None: it could not be learned; `kind` says by which door it came."""
        line: dict[str, JsonValue] = {
            "audit": kind,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": who,
            "sha256": hashlib.sha256(command.encode("utf-8", "surrogatepass")).hexdigest(),
            "exit_code": exit_code,
            "duration_ms": duration_ms,
        }
        if request_id is not None:
            line["request_id"] = request_id
        # ASCII, and so no character in a name or an id can end the line or act on a terminal.
        self._write_line(json.dumps(line, ensure_ascii=True, separators=(",", ":")))


def _to_standard_error(line: str) -> None:
    # One write, so that lines of two writers do not mix.
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
