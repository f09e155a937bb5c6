"""POST /run-bash/."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from lm_gateway.bash.collector import HeadAndTail
from lm_gateway.bash.models import RunBashAnswer, RunBashRequest
from lm_gateway.bash.runner import Command, CommandEnd, CommandRunner, Stream
from lm_gateway.dependencies import get_runner, get_settings
from lm_gateway.http.disconnect import Event, EventStream, until_disconnect
from lm_gateway.http.scopes import Scope, needs
from lm_gateway.settings import CommandLimits, Settings

router = APIRouter(dependencies=[needs(Scope.EXEC)])
QUEUED_EVENTS_MAX = 4


@router.post("/run-bash/", response_model=RunBashAnswer)
@router.post("/run-bash", response_model=RunBashAnswer, include_in_schema=False)
async def run_bash(
    request: Request,
    wanted: RunBashRequest,
    runner: Annotated[CommandRunner, Depends(get_runner)],
    settings: Annotated[Settings, Depends(get_settings)],
) -> RunBashAnswer | Response:
    """Runs a command line with bash in the workspace and answers with its output.

    When the caller goes away the command is ended. With `stream` the answer is one JSON event per
    line: start, stdout, stderr, exit.
    """
    command = await runner.start(wanted)
    if wanted.stream:
        source = _EventSource(command)
        return EventStream(source.events(), on_end=source.close)
    return await until_disconnect(request.receive, _collect(command, settings.commands))


async def _collect(command: Command, limits: CommandLimits) -> RunBashAnswer:
    kept = {
        Stream.STDOUT: HeadAndTail(limits.output_head_bytes, limits.output_tail_bytes),
        Stream.STDERR: HeadAndTail(limits.error_head_bytes, limits.error_tail_bytes),
    }

    async def keep(stream: Stream, received: bytes) -> None:
        kept[stream].add(received)

    end = await command.follow(keep)
    output, error = kept[Stream.STDOUT], kept[Stream.STDERR]
    return RunBashAnswer(
        output=output.text(),
        error=error.text(),
        exit_code=end.exit_code,
        duration_ms=end.duration_ms,
        timed_out=end.timed_out,
        truncated=output.truncated or error.truncated,
        output_bytes=output.total_bytes,
        error_bytes=error.total_bytes,
    )


class _EventSource:
    """Follows a command at once and gives its events; `close` ends the command."""

    def __init__(self, command: Command) -> None:
        self._command = command
        # A short queue: a slow reader slows the command instead of filling the memory.
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUED_EVENTS_MAX)
        self._decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in Stream}
        self._counts = dict.fromkeys(Stream, 0)
        self._following = asyncio.create_task(self._follow())

    async def events(self) -> AsyncGenerator[Event]:
        """All events in order; raises what the command's following raised."""
        yield {"type": "start", "pid": self._command.process.pid}
        while (event := await self._queue.get()) is not None:
            yield event
        end = await self._following
        for stream, decoder in self._decoders.items():
            if rest := decoder.decode(b"", final=True):
                yield {"type": stream.value, "text": rest}
        yield {
            "type": "exit",
            "exit_code": end.exit_code,
            "duration_ms": end.duration_ms,
            "timed_out": end.timed_out,
            "output_bytes": self._counts[Stream.STDOUT],
            "error_bytes": self._counts[Stream.STDERR],
        }

    async def close(self) -> None:
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> CommandEnd:
        end = await self._command.follow(self._forward)
        await self._queue.put(None)
        return end

    async def _forward(self, stream: Stream, received: bytes) -> None:
        self._counts[stream] += len(received)
        text = self._decoders[stream].decode(received)
        if text:
            await self._queue.put({"type": stream.value, "text": text})
