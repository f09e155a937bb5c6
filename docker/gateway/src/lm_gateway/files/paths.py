"""Paths of callers, as names one below the other. Text only: what lies there is looked at in beneath.py."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from lm_gateway.errors import ErrorCode, GatewayError

LONGEST_NAME_BYTES = 255
LONGEST_PATH_BYTES = 4000
#: One below the other; empty for the workspace itself.
Names: TypeAlias = tuple[str, ...]


def parse_path(text: str, workspace: Path) -> Names:
    """The names of a path below the workspace; empty for the workspace itself.

    Relative to the workspace; an absolute path is taken when it begins with the workspace's own. Raises
    INVALID_REQUEST for `..`, NUL and what is too long, OUTSIDE_WORKSPACE for other absolute paths.
    """
    if "\0" in text or len(text.encode("utf-8", "surrogatepass")) > LONGEST_PATH_BYTES:
        raise _invalid(text, f"it must have no NUL and at most {LONGEST_PATH_BYTES} bytes")
    relative = text
    if text.startswith("/"):
        root = str(workspace)
        if text != root and not text.startswith(root + "/"):
            raise GatewayError(
                ErrorCode.OUTSIDE_WORKSPACE,
                f"{_shown(text)} is not below {root}; give a path relative to {root}",
            )
        relative = text[len(root) :]
    names = tuple(name for name in relative.split("/") if name not in ("", "."))
    for name in names:
        if name == "..":
            raise _invalid(text, "`..` is not resolved; give the path without it")
        try:
            size = len(name.encode())
        except UnicodeEncodeError as error:
            raise _invalid(text, "it must be UTF-8 text") from error
        if size > LONGEST_NAME_BYTES:
            raise _invalid(text, f"a name in it is longer than {LONGEST_NAME_BYTES} bytes")
    return names


def show(names: Names) -> str:
    """A path as answers tell it: relative to the workspace, `.` for the workspace itself."""
    return "/".join(names) or "."


def _shown(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "…")


def _invalid(text: str, why: str) -> GatewayError:
    return GatewayError(ErrorCode.INVALID_REQUEST, f"{_shown(text)} is no usable path: {why}")
