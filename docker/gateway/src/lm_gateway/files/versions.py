"""Which version of a file is there, and when it may be replaced."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.files.describe import entry_type, etag
from lm_gateway.files.failures import conflict
from lm_gateway.files.paths import Names, show


@dataclass(frozen=True)
class Rules:
    """When a file may be written. `if_match`: the entity tags of which one must be the file's, `*` for
    any file; `create_only`: there must be none. Without both, `overwrite` decides."""

    overwrite: bool = False
    if_match: frozenset[str] | None = None
    create_only: bool = False
    parents: bool = False
    mode: int | None = None


def parse_etags(header: str) -> frozenset[str]:
    """The entity tags of an If-Match or If-None-Match header, or `*`. Weak ones match none of ours."""
    return frozenset(tag.strip() for tag in header.split(",")) - {""}


def check_rules(names: Names, status: os.stat_result | None, rules: Rules) -> None:
    """Raises CONFLICT, PRECONDITION_FAILED when what is there must not be replaced."""
    if status is None:
        if rules.if_match is not None:
            raise _changed(names, "there is no such file", None)
        return
    if not stat.S_ISREG(status.st_mode):
        kind = entry_type(status)
        raise conflict(
            names,
            f"is a {kind}"
            + ("; write to what it points to, or delete it first" if kind == "symlink" else " and no file"),
            type=kind,
        )
    now = etag(status)
    if rules.create_only:
        raise _changed(names, "the file is there", now)
    if rules.if_match is not None:
        if "*" not in rules.if_match and now not in rules.if_match:
            raise _changed(names, "the file is another version", now)
    elif not rules.overwrite:
        raise conflict(names, "is there already; replace it with overwrite, or with If-Match", etag=now)


def _changed(names: Names, why: str, now: str | None) -> GatewayError:
    return GatewayError(
        ErrorCode.PRECONDITION_FAILED,
        f"{show(names)} was not written: {why}; read it again",
        details={"etag": now},
    )
