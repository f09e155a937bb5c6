"""Events of a command as the source of a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from lm_gateway.commands.event_log import LogReader
from lm_gateway.http.disconnect import Event


async def follow(reader: LogReader) -> AsyncGenerator[Event]:
    """All events from the reader's place to the end of the command."""
    while (event := await reader.next()) is not None:
        yield event
