"""Taking values out of foreign JSON: the wanted kind, or None."""

from __future__ import annotations

from pydantic import JsonValue


def field(value: JsonValue, *path: str | int) -> JsonValue:
    """The value at a path of names and positions; None where there is none."""
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: JsonValue, *path: str | int) -> str | None:
    found = field(value, *path)
    return found if isinstance(found, str) else None


def number(value: JsonValue, *path: str | int) -> float | None:
    found = field(value, *path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def integer(value: JsonValue, *path: str | int) -> int | None:
    found = number(value, *path)
    return None if found is None else int(found)


def items(value: JsonValue, *path: str | int) -> list[JsonValue]:
    found = field(value, *path)
    return found if isinstance(found, list) else []
