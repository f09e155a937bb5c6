"""Runs commands: each in a session of its own under lm-guard, with a clean environment and limits."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from lm_gateway.bash.models import RunBashRequest
from lm_gateway.bash.pipe import ReadablePipe, WritablePipe, readable_or_done
from lm_gateway.bash.told import ToldPrograms
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.settings import Settings
from lm_guard import GuardedProcess, GuardOptions, ReadyGuard, StartFailed
from lm_guard.orphans import kill_orphans

RETRY_AFTER_S = 1
# When many commands come at once, other requests are answered between their starts. One would let a second
# processor idle; with four /health is answered twice as late.
STARTING_AT_A_TIME = 2


class Stream(StrEnum):
    """Where a piece of output comes from."""

    STDOUT = "stdout"
    STDERR = "stderr"


@dataclass(frozen=True)
class CommandEnd:
    """How a command ended. `exit_code` None: it could not be learned."""

    exit_code: int | None
    timed_out: bool
    duration_ms: int


OnOutput: TypeAlias = Callable[[Stream, list[bytes]], Awaitable[None]]


class Command:
    """A started command. Await `follow` once; it always ends everything the command started."""

    def __init__(
        self,
        process: GuardedProcess,
        pipes: Mapping[Stream, ReadablePipe],
        timeout_s: float,
        release: Callable[[], None],
        known_guards: set[int],
        cwd: str,
        stdin: WritablePipe | None = None,
    ) -> None:
        self.process = process
        self.cwd = cwd
        #: The standard input, when it was asked to stay open.
        self.stdin = stdin
        self._pipes = pipes
        self._timeout_s = timeout_s
        self._release = release
        self._known_guards = known_guards
        self._started_at = self._ended_at = time.monotonic()
        self._timed_out = False
        self._orphans_ended = False

    async def follow(self, on_output: OnOutput) -> CommandEnd:
        """Hands over the output until the end. Cancelling it ends the command."""

        def time_out() -> None:
            self._timed_out = not self.process.ended.done()
            self.process.terminate()

        timer = asyncio.get_running_loop().call_later(self._timeout_s, time_out)
        try:
            await self._hand_over(on_output)
        finally:
            timer.cancel()
            self.process.terminate()
            await self._end_everything()
            for pipe in self._pipes.values():
                pipe.close()
            if self.stdin is not None:
                self.stdin.close()
            self._release()
            self._ended_at = time.monotonic()
        return self.end

    @property
    def end(self) -> CommandEnd:
        """How it ended, once `follow` has returned or failed."""
        end = self.process.ended.result()
        exit_code = end.code if end.signal is None else 128 + end.signal
        return CommandEnd(exit_code, self._timed_out, round((self._ended_at - self._started_at) * 1000))

    async def _hand_over(self, on_output: OnOutput) -> None:
        """Returns when nothing of the command is left that could still write, and all is handed over."""
        finished = self.process.finished
        pipes = dict(self._pipes)
        while True:
            # Asked before the pipes are read: what was written before the end is in them then.
            ended = finished.done()
            if ended:
                await self._end_everything()
            came = False
            for stream, pipe in list(pipes.items()):
                pieces = pipe.read()
                if pieces:
                    came = True
                    await on_output(stream, pieces)
                    # A writer that is always ahead must not keep the loop to itself.
                    await asyncio.sleep(0)
                elif pieces is not None:
                    del pipes[stream]
            if came:
                continue
            # Somebody else may hold the other end of a pipe for ever.
            if ended:
                return
            await readable_or_done(pipes.values(), finished)

    async def _end_everything(self) -> None:
        """Returns when nothing of the command lives."""
        finished = self.process.finished
        # Not awaited itself: whoever cancels this must not cancel that.
        if not finished.done():
            await asyncio.wait([finished])
        if not finished.result() and not self._orphans_ended:
            # A command can kill its guard; what it started then comes back to this process.
            kill_orphans(self._known_guards)
            self._orphans_ended = True


class CommandRunner:
    """Starts commands, never more at a time than the limits: one for callers who wait, one for those who
    do not, so that long commands in the background leave room for short ones."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known_guards: set[int] = set()
        #: Starts guards; for all that start one.
        self.spawn_guard = ReadyGuard(settings.guard_path, self._known_guards)
        self._running = {False: 0, True: 0}
        self._starting = asyncio.Semaphore(STARTING_AT_A_TIME)
        self._told = ToldPrograms(settings.programs_fd)
        #: How commands are kept apart from the gateway: known after the first; see lm-guard.c.
        self.isolation: str | None = settings.launcher.isolation if settings.launcher else None

    @property
    def running(self) -> int:
        """How many commands are running."""
        return sum(self._running.values())

    @property
    def known_guards(self) -> set[int]:
        """The guards of this process that live; whoever starts one, enters it here."""
        return self._known_guards

    async def start(
        self, request: RunBashRequest, *, background: bool = False, stdin_open: bool = False
    ) -> Command:
        """Starts a command. Raises GatewayError: too many, a folder that is not there, no program."""
        limits = self._settings.commands
        default_s = limits.background_timeout_default_s if background else limits.timeout_default_s
        max_s = limits.background_timeout_max_s if background else limits.timeout_max_s
        timeout_s = default_s if request.timeout_s is None else request.timeout_s
        if timeout_s > max_s:
            raise GatewayError(
                ErrorCode.INVALID_REQUEST,
                f"timeout_s is {timeout_s:g}; at most {max_s:g} seconds are possible",
                details={"timeout_max_s": max_s},
            )
        cwd = self.folder(request.cwd)
        concurrent = limits.background_concurrent if background else limits.concurrent
        if self._running[background] >= concurrent:
            raise GatewayError(
                ErrorCode.TOO_MANY_COMMANDS,
                f"{concurrent} commands are running already; try again when one has ended",
                details={"concurrent_max": concurrent},
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )

        def release() -> None:
            self._running[background] -= 1

        self._running[background] += 1
        try:
            async with self._starting:
                return await self._spawn(request, timeout_s, cwd, release, stdin_open)
        except BaseException:
            release()
            raise

    async def _spawn(
        self,
        request: RunBashRequest,
        timeout_s: float,
        cwd: Path,
        release: Callable[[], None],
        stdin_open: bool,
    ) -> Command:
        limits = self._settings.commands
        pipes = {stream: ReadablePipe() for stream in Stream}
        stdin = WritablePipe() if stdin_open else None
        stdin_fd = _descriptor_with(request.stdin) if stdin is None else stdin.read_fd
        options = GuardOptions(
            nice=limits.nice,
            oom_score_adj=limits.oom_score_adj,
            grace_ms=limits.grace_ms,
            drain_ms=limits.drain_ms,
        )
        try:
            process = await self.start_program(
                ["/bin/bash", "-c", request.cmd],
                environment=self.environment(request.env, cwd),
                descriptors={0: stdin_fd, 1: pipes[Stream.STDOUT].write_fd, 2: pipes[Stream.STDERR].write_fd},
                options=options,
                cwd=cwd,
            )
        except StartFailed as error:
            for pipe in pipes.values():
                pipe.close()
            if stdin is not None:
                stdin.close()
            raise GatewayError(ErrorCode.INTERNAL, f"the command could not be started: {error}") from error
        finally:
            if stdin is None:
                os.close(stdin_fd)
            else:
                stdin.close_read_end()
            for pipe in pipes.values():
                pipe.close_write_end()
        return Command(process, pipes, timeout_s, release, self._known_guards, str(cwd), stdin)

    async def start_program(
        self,
        program: Sequence[str],
        *,
        environment: Mapping[str, str],
        descriptors: Mapping[int, int],
        options: GuardOptions,
        cwd: Path,
    ) -> GuardedProcess:
        """Starts a program in a folder as `folder` gives it, kept apart from the gateway as well as it goes
        here. Raises StartFailed."""
        launcher = self._settings.launcher
        folder = str(cwd)
        if launcher is None:
            options = replace(options, secret_dir=str(self._settings.run_dir))
        else:
            if not options.terminal:
                program = launcher.waiting(program, drain_ms=options.drain_ms, grace_ms=options.grace_ms)
            launched = launcher.run(program, cwd, environment, terminal=options.terminal)
            program, environment, folder = launched.command, launched.environment, launched.cwd
            if launcher.isolation == "bubblewrap":
                options = replace(options, drain_ms=0, pid_namespace=True)
        process = await GuardedProcess.start(
            program,
            environment=environment,
            descriptors=descriptors,
            options=replace(options, guard_path=self._settings.guard_path),
            known_guards=self._known_guards,
            cwd=folder,
            spawn=self.spawn_guard,
        )
        self._told.add(process)
        if launcher is None:
            self.isolation = process.isolation
        return process

    def close(self) -> None:
        """Starts no more; what runs is not touched."""
        self.spawn_guard.close()

    def folder(self, wanted: str | None) -> Path:
        """A folder of the workspace by its path in a request, as programs find it. Raises GatewayError for
        any other."""
        workspace = self._settings.workspace
        launcher = self._settings.launcher
        shown = launcher.workspace.inside if launcher else workspace
        if wanted is None:
            return shown
        if wanted == str(shown) or wanted.startswith(f"{shown}/"):
            wanted = wanted[len(str(shown)) :].lstrip("/")
        try:
            folder = (workspace / wanted).resolve(strict=True)
            inside = folder.is_relative_to(workspace.resolve()) and folder.is_dir()
        except (OSError, ValueError):
            inside = False
        if not inside:
            raise GatewayError(
                ErrorCode.INVALID_REQUEST,
                f"cwd {wanted!r} is not a folder inside {shown}; leave it out to start in {shown}",
            )
        return shown / folder.relative_to(workspace.resolve()) if launcher else folder

    def environment(self, extra: Mapping[str, str], cwd: Path) -> dict[str, str]:
        """The clean environment of a program: nothing of the gateway's own, and what the request adds."""
        if launcher := self._settings.launcher:
            return launcher.variables_of({"PWD": str(cwd), **extra})
        home = str(self._settings.home)
        inherited = self._settings.command_environment
        return {
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            **inherited,
            "PATH": f"{home}/.local/bin:{inherited.get('PATH', os.defpath)}",
            "HOME": home,
            "USER": "sandbox",
            "LOGNAME": "sandbox",
            "SHELL": "/bin/bash",
            "PWD": str(cwd),
            **extra,
        }


def _descriptor_with(text: str | None) -> int:
    """A descriptor to read `text` from: a file in memory, so that no writer can block."""
    if not text:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    descriptor = os.memfd_create("stdin", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(text.encode("utf-8", "replace"))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
