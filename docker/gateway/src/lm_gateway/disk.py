"""The refusal of what does not fit on a disk: the same words for every volume."""

from __future__ import annotations

from typing import Literal

from lm_gateway.errors import ErrorCode, GatewayError

MEGABYTE = 1_000_000


def disk_full(
    volume: Literal["workspace", "models"],
    *,
    needed_bytes: int = 0,
    free_bytes: int | None = None,
    reserve_bytes: int = 0,
) -> GatewayError:
    """`needed_bytes`: of what is still to come, 0 where that is not known. `free_bytes` None: a quota or the
    disk let nothing more be written, whatever it says is free. `reserve_bytes` are never taken."""
    if free_bytes is None:
        state = "is full"
    else:
        state = f"has {free_bytes // MEGABYTE} MB free"
        if needed_bytes:
            state += f", {needed_bytes // MEGABYTE} MB more are needed"
        if reserve_bytes:
            state += f", {reserve_bytes // MEGABYTE} MB are kept back"
    return GatewayError(
        ErrorCode.DISK_FULL,
        f"the volume of the {volume} {state}; delete what is not needed there, or give it a larger disk",
        details={
            "volume": volume,
            "free_bytes": free_bytes,
            "needed_bytes": needed_bytes,
            "reserve_bytes": reserve_bytes,
        },
    )
