"""Asks a part whether it answers. Plain asyncio: the supervisor uses no library but Python's own."""

from __future__ import annotations

import asyncio
import contextlib

from lm_supervisor.settings import Probe

ANSWER_TIMEOUT_S = 2.0


async def answers(probe: Probe) -> bool:
    """Whether GET on the probe's address is answered with status 200."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", probe.port)
            try:
                writer.write(f"GET {probe.path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode("ascii"))
                await writer.drain()
                status_line = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return status_line.split()[1:2] == [b"200"]
