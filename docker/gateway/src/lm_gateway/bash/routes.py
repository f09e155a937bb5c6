"""POST /run-bash/."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from lm_gateway.bash.models import RunBashAnswer, RunBashRequest
from lm_gateway.commands.events import follow
from lm_gateway.commands.job import Job
from lm_gateway.commands.jobs import Jobs
from lm_gateway.dependencies import get_jobs
from lm_gateway.http.disconnect import EventStream, until_disconnect, wants_server_sent_events
from lm_gateway.http.scopes import Scope, caller_name, needs

router = APIRouter(dependencies=[needs(Scope.EXEC)])
ID_HEADER = "X-Command-Id"
REPLAYED_HEADER = "X-Replayed"


@router.post("/run-bash/", response_model=RunBashAnswer)
@router.post("/run-bash", response_model=RunBashAnswer, include_in_schema=False)
async def run_bash(
    request: Request,
    response: Response,
    wanted: RunBashRequest,
    jobs: Annotated[Jobs, Depends(get_jobs)],
) -> RunBashAnswer | Response:
    """Runs a command line with bash in the workspace and answers with its output.

    When the caller goes away the command is ended, unless it has a `request_id`. With `stream`, or when
    `Accept` asks for `text/event-stream`, the answer is a stream of events: start, stdout, stderr, truncated,
    exit.
    """
    job, replayed = await jobs.run(wanted, who=caller_name(request))
    headers = {ID_HEADER: job.id, REPLAYED_HEADER: str(replayed).lower()}
    server_sent = wants_server_sent_events(request.headers)
    if wanted.stream or server_sent:
        reader = job.log.read(holding=True)

        async def leave() -> None:
            reader.close()
            await job.detach()

        return EventStream(follow(reader), leave, server_sent=server_sent, headers=headers)
    response.headers.update(headers)
    return await until_disconnect(request.receive, _answer(job, replayed=replayed))


async def _answer(job: Job, *, replayed: bool) -> RunBashAnswer:
    try:
        await job.finished()
        return job.answer(replayed=replayed)
    finally:
        await job.detach()
