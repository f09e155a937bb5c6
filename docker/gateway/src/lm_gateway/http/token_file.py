"""The file of named tokens (LM_API_TOKENS_FILE), one on a line:

    # name:scopes:token
    agent:read,models,exec:2f0c…
    dashboard:read:91ab…

Lines and no JSON: one is added with `echo … >> file` and taken away with `sed`, a difference shows one line,
comments are possible, and nothing needs quoting, because tokens are printable ASCII without spaces. The token
stands last, so that it may hold colons itself.

The supervisor reads it too, before it starts anything, so this file needs the standard library only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

SHORTEST_TOKEN = 16
LARGEST_FILE_BYTES = 64 * 1024
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Scope(StrEnum):
    """`read`: lists, health details, metrics, version. `models`: running, loading, changing models.
    `exec`: commands, sessions, files. None includes another."""

    READ = "read"
    MODELS = "models"
    EXEC = "exec"


class TokenFileError(Exception):
    """The file cannot be used. The text names the line and the repair, and holds no token."""


@dataclass(frozen=True)
class NamedToken:
    """One line of the file."""

    name: str
    scopes: frozenset[Scope]
    token: str = field(repr=False)


def is_usable(token: str) -> bool:
    """Long enough, and made of characters that every client can send in a header."""
    return len(token) >= SHORTEST_TOKEN and token.isascii() and token.isprintable() and " " not in token


def read_token_file(path: Path) -> tuple[NamedToken, ...]:
    """All tokens of a file, at least one. Raises TokenFileError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise TokenFileError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_FILE_BYTES:
        raise TokenFileError(f"{path} is larger than {LARGEST_FILE_BYTES} bytes")
    try:
        return parse_tokens(content.decode("ascii"))
    except UnicodeDecodeError as error:
        raise TokenFileError(f"{path} holds bytes that are not ASCII") from error
    except TokenFileError as error:
        raise TokenFileError(f"{path}: {error}") from error


def parse_tokens(text: str) -> tuple[NamedToken, ...]:
    """The tokens of a file's text. Raises TokenFileError."""
    tokens: list[NamedToken] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        tokens.append(_parse_line(line, number))
        if tokens[-1].name in (token.name for token in tokens[:-1]):
            raise TokenFileError(f"line {number}: there is a token of this name already")
        if tokens[-1].token in (token.token for token in tokens[:-1]):
            raise TokenFileError(f"line {number}: this token has another name already")
    if not tokens:
        raise TokenFileError("there is no token in it; one line is name:scopes:token")
    return tuple(tokens)


def _parse_line(line: str, number: int) -> NamedToken:
    name, separator, rest = line.partition(":")
    scopes, second_separator, token = rest.partition(":")
    if not separator or not second_separator:
        raise TokenFileError(f"line {number} is not name:scopes:token")
    if not NAME.fullmatch(name):
        raise TokenFileError(f"line {number}: a name has up to 64 letters, digits, dots, dashes, underscores")
    wanted = [scope.strip() for scope in scopes.split(",")]
    if not set(wanted) <= set(Scope):
        raise TokenFileError(f"line {number}: scopes are one or more of {', '.join(Scope)}, with commas")
    if not is_usable(token):
        raise TokenFileError(
            f"line {number}: a token has at least {SHORTEST_TOKEN} printable ASCII characters and no "
            "spaces; `openssl rand -hex 32` makes one"
        )
    return NamedToken(name, frozenset(Scope(scope) for scope in wanted), token)
