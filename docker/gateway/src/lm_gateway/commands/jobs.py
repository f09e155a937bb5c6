"""All commands: those that run, and for a while those that have ended."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from itertools import count, islice

from lm_gateway.audit import Audit
from lm_gateway.bash.models import RunBashRequest
from lm_gateway.bash.runner import CommandRunner
from lm_gateway.bash.spool import Spools
from lm_gateway.commands.job import Job
from lm_gateway.commands.models import StartCommandRequest
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.settings import Settings

REQUEST_IDS_MAX = 10_000


@dataclass
class _Claim:
    """What a request id stands for. `job` is None when its result is no longer kept."""

    digest: bytes
    job: asyncio.Future[Job] | None


class Jobs:
    """Starts commands and remembers them."""

    def __init__(self, settings: Settings, runner: CommandRunner, audit: Audit) -> None:
        self._settings = settings
        self._runner = runner
        self._audit = audit
        self._spools = Spools(settings.spool_folder, settings.spool)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._ended: OrderedDict[str, Job] = OrderedDict()
        self._ended_sizes: dict[str, int] = {}
        self._ended_bytes = 0
        self._claims: OrderedDict[str, _Claim] = OrderedDict()
        self._numbers = count(1)

    async def run(self, request: RunBashRequest, *, who: str, background: bool = False) -> tuple[Job, bool]:
        """The command of a request, attached to, and whether an earlier request had started it.

        Raises GatewayError: what `CommandRunner.start` raises; CONFLICT when the request id belongs to
        another request, or to one whose result is no longer kept.
        """
        request_id = request.request_id
        if request_id is None:
            return await self._start(request, who, background), False
        digest = _digest(request, background)
        claim = self._claims.get(request_id)
        if claim is not None:
            return await self._again(request_id, claim, digest), True
        started: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._claims[request_id] = _Claim(digest, started)
        self._forget_surplus_claims()
        try:
            job = await self._start(request, who, background)
        except BaseException as error:
            # It never ran, so the id is free again; whoever waits for it hears the same.
            del self._claims[request_id]
            if not isinstance(error, GatewayError):
                error = GatewayError(ErrorCode.INTERNAL, "the first request of this request_id failed")
            started.set_exception(error)
            # Nobody need have waited.
            started.exception()
            raise
        started.set_result(job)
        return job, False

    def get(self, command_id: str) -> Job:
        """A command by its id. Raises GatewayError where there is none."""
        job = self._jobs.get(command_id)
        if job is None:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"there is no command {command_id!r}; those that ended more than "
                f"{self._settings.commands.remembered_s:g} s ago are forgotten. GET /commands lists the rest",
            )
        return job

    def page(self, *, limit: int, after: int | None) -> tuple[list[Job], int | None]:
        """Up to `limit` of those that are known, newest first, which were started before number `after`; and
        the `after` of the page behind it. Commands that start or are forgotten meanwhile shift no page."""
        older = (job for job in reversed(self._jobs.values()) if after is None or job.number < after)
        found = list(islice(older, limit + 1))
        return found[:limit], found[limit - 1].number if len(found) > limit else None

    async def close(self) -> None:
        """Ends everything that runs."""
        running = [job for job in self._jobs.values() if job.end is None]
        await asyncio.gather(*(job.terminate(at_once=True) for job in running))

    async def _start(self, request: RunBashRequest, who: str, background: bool) -> Job:
        stdin_open = isinstance(request, StartCommandRequest) and request.stdin_open
        command = await self._runner.start(request, background=background, stdin_open=stdin_open)

        def on_end(job: Job) -> None:
            self._audit.record(
                who=who,
                command=request.cmd,
                exit_code=command.end.exit_code,
                duration_ms=command.end.duration_ms,
                kind="commands" if background else "run-bash",
                request_id=request.request_id,
            )
            self._remember(job)

        job = Job(
            command,
            request,
            number=next(self._numbers),
            cwd=command.cwd,
            background=background,
            limits=self._settings.commands,
            spools=self._spools,
            on_end=on_end,
        )
        self._jobs[job.id] = job
        job.attach()
        return job

    async def _again(self, request_id: str, claim: _Claim, digest: bytes) -> Job:
        if claim.digest != digest:
            raise GatewayError(
                ErrorCode.CONFLICT,
                f"request_id {request_id!r} was used for another request; choose a new one",
            )
        if claim.job is None:
            raise GatewayError(
                ErrorCode.CONFLICT,
                f"request_id {request_id!r} has run, but its result is no longer kept; to run it again "
                "choose a new one",
            )
        job = await asyncio.shield(claim.job)
        job.attach()
        return job

    def _remember(self, job: Job) -> None:
        limits = self._settings.commands
        self._ended[job.id] = job
        # As it is now: what a reader still holds of its events goes later.
        self._ended_sizes[job.id] = job.memory_bytes
        self._ended_bytes += self._ended_sizes[job.id]
        # By its id, or the timer would keep the whole command in memory.
        asyncio.get_running_loop().call_later(
            limits.remembered_s, self._expire, job.id, job.request.request_id
        )
        while len(self._ended) > limits.remembered or self._ended_bytes > limits.remembered_bytes:
            oldest = next(iter(self._ended.values()))
            if oldest is job:
                return
            self._forget(oldest.id)
            # The id outlives the result: its request must not run twice by mistake.
            if oldest.request.request_id is not None:
                self._claims[oldest.request.request_id].job = None

    def _expire(self, job_id: str, request_id: str | None) -> None:
        self._forget(job_id)
        if request_id is not None:
            self._claims.pop(request_id, None)

    def _forget(self, job_id: str) -> None:
        if (job := self._ended.pop(job_id, None)) is not None:
            del self._jobs[job_id]
            self._ended_bytes -= self._ended_sizes.pop(job_id)
            job.release()

    def _forget_surplus_claims(self) -> None:
        surplus = len(self._claims) - REQUEST_IDS_MAX
        if surplus > 0:
            without_result = [request_id for request_id, claim in self._claims.items() if claim.job is None]
            for request_id in without_result[:surplus]:
                del self._claims[request_id]


def _digest(request: RunBashRequest, background: bool) -> bytes:
    fields = {**request.model_dump(exclude={"request_id"}), "background": background}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).digest()
