"""/commands: commands in the background, and what is known of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from lm_gateway.bash.runner import Stream
from lm_gateway.commands.events import follow
from lm_gateway.commands.job import Job
from lm_gateway.commands.jobs import Jobs
from lm_gateway.commands.models import CommandList, CommandStatus, StartCommandRequest, StdinRequest
from lm_gateway.dependencies import get_jobs
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.disconnect import EventStream, until_disconnect, wants_server_sent_events
from lm_gateway.http.ranges import ByteRange, parse_range
from lm_gateway.http.scopes import Scope, caller_name, needs

router = APIRouter(dependencies=[needs(Scope.EXEC)])
REPLAYED_HEADER = "X-Replayed"
PIECE_BYTES = 256 * 1024
PAGE_DEFAULT = 100
PAGE_MAX = 1000

JobsNeeded: TypeAlias = Annotated[Jobs, Depends(get_jobs)]


async def find_job(command_id: str, jobs: JobsNeeded) -> Job:
    """The command that a path names."""
    return jobs.get(command_id)


FoundJob: TypeAlias = Annotated[Job, Depends(find_job)]


@router.post("/commands", status_code=202)
async def start_command(
    request: Request, response: Response, wanted: StartCommandRequest, jobs: JobsNeeded
) -> CommandStatus:
    """Starts a command that goes on by itself. `timeout_s` is an hour unless it is given, at most a day."""
    job, replayed = await jobs.run(wanted, who=caller_name(request), background=True)
    await job.detach()
    response.headers[REPLAYED_HEADER] = str(replayed).lower()
    response.headers["Location"] = f"/commands/{job.id}"
    return job.status()


@router.get("/commands")
async def list_commands(
    jobs: JobsNeeded,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most")] = PAGE_DEFAULT,
    after: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,18}$", description="The `next` of the page before")
    ] = None,
) -> CommandList:
    """The running commands, those of POST /run-bash/ too, and those that ended in the last ten minutes:
    newest first, a page at a time. Commands that start or are forgotten meanwhile shift no page."""
    found, following = jobs.page(limit=limit, after=None if after is None else int(after))
    return CommandList(
        commands=[job.status() for job in found], next=None if following is None else str(following)
    )


@router.get("/commands/{command_id}")
async def inspect_command(job: FoundJob) -> CommandStatus:
    """One command."""
    return job.status()


@router.delete("/commands/{command_id}")
async def end_command(
    job: FoundJob,
    at_once: Annotated[bool, Query(description="SIGKILL without SIGTERM before it")] = False,
) -> CommandStatus:
    """Ends a command and all it started, SIGTERM first; answers when nothing is left. Of one that has ended
    it only tells the state."""
    await job.terminate(at_once=at_once)
    return job.status()


@router.get("/commands/{command_id}/events", response_class=Response)
async def stream_events(
    request: Request,
    job: FoundJob,
    after: Annotated[int, Query(ge=-1, description="The number of the last event that is known")] = -1,
) -> Response:
    """The events of a command behind a number, and those to come. A `truncated` event stands for those that
    are no longer kept, or came faster than they were read. As SSE, `Last-Event-ID` wins over `after`."""
    last_id = request.headers.get("last-event-id", "")
    reader = job.log.read(int(last_id) if last_id.isdecimal() and len(last_id) < 19 else after)

    async def leave() -> None:
        reader.close()

    return EventStream(follow(reader), leave, server_sent=wants_server_sent_events(request.headers))


@router.get("/commands/{command_id}/output", response_class=Response)
async def read_output(request: Request, job: FoundJob, stream: Stream = Stream.STDOUT) -> Response:
    """What a command has written to a stream, as bytes; takes `Range`. Where a quota has cut it, the
    answer is its first part with status 206 and the true size in `Content-Range`."""
    size, total = job.output_size(stream), job.output_total(stream)
    headers = {"Accept-Ranges": "bytes", "X-Output-Bytes": str(total), "X-Output-Kept-Bytes": str(size)}
    wanted = parse_range(request.headers.get("range"), size, complete_bytes=total)
    part = wanted or ByteRange(0, size)
    if part.end - part.start < total and size > 0:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{total}"
    partial = "Content-Range" in headers
    return StreamingResponse(
        _pieces(job.open_output(stream), part),
        status_code=206 if partial else 200,
        media_type="application/octet-stream",
        headers={**headers, "Content-Length": str(part.end - part.start)},
    )


@router.post("/commands/{command_id}/stdin", status_code=204)
async def write_stdin(request: Request, job: FoundJob, wanted: StdinRequest) -> None:
    """Writes to the standard input of a command that was started with `stdin_open`; answers when the command
    has room for all of it."""
    stdin = job.command.stdin
    if stdin is None:
        raise GatewayError(
            ErrorCode.CONFLICT,
            f"command {job.id} was started without an open standard input; start it with stdin_open",
        )
    try:
        if wanted.text:
            await until_disconnect(request.receive, stdin.write(wanted.text.encode("utf-8", "replace")))
        elif stdin.closed:
            raise BrokenPipeError
    except BrokenPipeError:
        raise GatewayError(
            ErrorCode.CONFLICT, f"command {job.id} has ended, or reads its standard input no more"
        ) from None
    if wanted.eof:
        stdin.close()


async def _pieces(read: Callable[[int, int], bytes], part: ByteRange) -> AsyncGenerator[bytes]:
    position = part.start
    while position < part.end:
        piece = await asyncio.to_thread(read, position, min(PIECE_BYTES, part.end - position))
        if not piece:
            return
        position += len(piece)
        yield piece
