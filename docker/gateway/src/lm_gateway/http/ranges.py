"""The Range header, as far as one range of bytes goes (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lm_gateway.errors import ErrorCode, GatewayError

BLANKS = " \t"
# Longer numbers are no form that anybody sends; a server may ignore a range.
_RANGE = re.compile(r"([0-9]{0,100})-([0-9]{0,100})", re.ASCII)


@dataclass(frozen=True)
class ByteRange:
    """From `start` up to, and without, `end`."""

    start: int
    end: int


def parse_range(header: str | None, size: int, *, complete_bytes: int | None = None) -> ByteRange | None:
    """The part of `size` bytes that a header asks for. None: the whole is the answer, as the standard allows
    for several ranges, another unit and what makes no sense.

    `complete_bytes` is the length of the whole where only its first `size` bytes are to be had. Raises
    RANGE_NOT_SATISFIABLE when nothing of what was asked for is there.
    """
    wanted = _only_range(header)
    match = _RANGE.fullmatch(wanted) if wanted is not None else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        length = int(last)
        if length == 0:
            raise _nothing_there(header, size, complete_bytes)
        # Of nothing, the last bytes are the whole; no Content-Range could say so.
        return ByteRange(max(0, size - length), size) if size else None
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise _nothing_there(header, size, complete_bytes)
    return ByteRange(start, min(int(last) + 1, size) if last else size)


def _only_range(header: str | None) -> str | None:
    """What stands behind `bytes=`, if it is one range: a list may have blanks and empty members."""
    unit, equals, listed = (header or "").strip(BLANKS).partition("=")
    if not equals or unit.lower() != "bytes":
        return None
    members = [member for part in listed.split(",") if (member := part.strip(BLANKS))]
    return members[0] if len(members) == 1 else None


def _nothing_there(header: str | None, size: int, complete_bytes: int | None) -> GatewayError:
    complete = size if complete_bytes is None else complete_bytes
    return GatewayError(
        ErrorCode.RANGE_NOT_SATISFIABLE,
        f"the range {header!r} lies outside of the {size} bytes that are to be had"
        + (f" of {complete}" if complete != size else "")
        + "; ask within them, or without Range for all",
        details={"size_bytes": size, "complete_bytes": complete},
        headers={"Content-Range": f"bytes */{complete}"},
    )
