"""Which token belongs to whom. Only digests are kept, and every one is compared, whatever is found."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lm_gateway.http.scopes import ALL_SCOPES, Caller
from lm_gateway.http.token_file import NamedToken, TokenFileError, read_token_file

DEFAULT_NAME = "default"
# A file changed twice within one tick of the file system's clock looks the same: a young one is read again.
SETTLED_AFTER_NS = 2_000_000_000
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Known:
    digest: bytes
    caller: Caller


class Tokens:
    """The token of the environment (`default`, all scopes) and those of the file, which is read again when
    it changes. A changed file that cannot be used leaves the tokens as they were."""

    def __init__(
        self,
        default: str | None,
        file: Path | None = None,
        wall_clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Raises TokenFileError when the file cannot be used: at the start there is nothing to go back to."""
        self._wall_clock_ns = wall_clock_ns
        self._default = (_Known(_digest(default), Caller(DEFAULT_NAME, ALL_SCOPES)),) if default else ()
        self._file = file
        self._of_file: tuple[_Known, ...] = ()
        self._seen: tuple[int, ...] | None = None
        self._settled = True
        self._problem: str | None = None
        if file is not None:
            self._seen = self._look(file)
            self._of_file = self._read(file)

    def find(self, given: str) -> Caller | None:
        """Whose token this is. Takes as long for a nearly right one as for a wrong one."""
        self._refresh()
        digest = _digest(given)
        found: Caller | None = None
        for known in (*self._default, *self._of_file):
            if hmac.compare_digest(known.digest, digest):
                found = known.caller
        return found

    def problem(self) -> str | None:
        """Why the file as it is now is not used; None while it is."""
        self._refresh()
        return self._problem

    def _refresh(self) -> None:
        if self._file is None:
            return
        state = self._look(self._file)
        if state == self._seen and self._settled:
            return
        changed = state != self._seen
        self._seen = state
        try:
            self._of_file = self._read(self._file)
        except TokenFileError as error:
            if str(error) != self._problem:
                LOG.warning("the changed file of tokens is not used, those from before stay: %s", error)
            self._problem = str(error)
            return
        if changed:
            names = ", ".join(known.caller.name for known in self._of_file)
            LOG.warning("the file of tokens has changed; the tokens are now: %s", names)
        self._problem = None

    def _look(self, file: Path) -> tuple[int, ...] | None:
        try:
            status = file.stat()
        except OSError:
            self._settled = True
            return None
        self._settled = self._wall_clock_ns() - status.st_ctime_ns > SETTLED_AFTER_NS
        return _identity(status)

    def _read(self, file: Path) -> tuple[_Known, ...]:
        tokens = read_token_file(file)
        for token in tokens:
            if self._default and token.name == DEFAULT_NAME:
                raise TokenFileError(f"{file}: the name {DEFAULT_NAME} belongs to LM_API_TOKEN")
        return tuple(_known(token) for token in tokens)


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _known(token: NamedToken) -> _Known:
    return _Known(_digest(token.token), Caller(token.name, token.scopes))


def _digest(token: str) -> bytes:
    # Digests have one length, so a comparison tells nothing about the token's.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
