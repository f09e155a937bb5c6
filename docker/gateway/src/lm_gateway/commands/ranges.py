"""The Range header of HTTP, as far as one range goes (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class ByteRange:
    """From `start` up to, and without, `end`."""

    start: int
    end: int


class RangeNotSatisfiable(Exception):
    """Nothing of what was asked for is there."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The part of `size` bytes that a header asks for; None: the whole, also where the header is not
    understood, as the standard wants it. Raises RangeNotSatisfiable."""
    match = _ONE_RANGE.fullmatch(header.strip()) if header is not None else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        if int(last) == 0 or size == 0:
            raise RangeNotSatisfiable
        return ByteRange(max(0, size - int(last)), size)
    start = int(first)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable
    return ByteRange(start, end)
