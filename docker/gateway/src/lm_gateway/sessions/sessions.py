"""All sessions: those that run, and the last ones that ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict

from lm_gateway.audit import Audit
from lm_gateway.bash.runner import CommandRunner
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.sessions.models import StartSessionRequest
from lm_gateway.sessions.session import Session
from lm_gateway.sessions.terminal import Terminal
from lm_gateway.settings import Settings
from lm_guard import GuardOptions, StartFailed

RETRY_AFTER_S = 5


class Sessions:
    """Starts sessions and ends them: when they are told to, or when nobody uses them."""

    def __init__(self, settings: Settings, runner: CommandRunner, audit: Audit) -> None:
        self._settings = settings
        self._runner = runner
        self._audit = audit
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._starting = 0

    async def start(self, request: StartSessionRequest, *, who: str) -> Session:
        """Starts a session. Raises GatewayError: too many, a folder that is not there, no program."""
        limits = self._settings.sessions
        cwd = self._runner.folder(request.cwd)
        running = sum(not session.ended for session in self._sessions.values())
        if running + self._starting >= limits.concurrent:
            raise GatewayError(
                ErrorCode.TOO_MANY_COMMANDS,
                f"{limits.concurrent} sessions are running already; end one with DELETE /sessions/ID",
                details={"concurrent_max": limits.concurrent},
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        terminal = Terminal(request.columns, request.rows)
        arguments = ["/bin/bash"] if request.command is None else ["/bin/bash", "-c", request.command]
        self._starting += 1
        try:
            process = await self._runner.start_program(
                arguments,
                environment=self._runner.environment({"TERM": "xterm-256color", **request.env}, cwd),
                descriptors=dict.fromkeys((0, 1, 2), terminal.program_fd),
                options=GuardOptions(
                    nice=limits.nice,
                    oom_score_adj=limits.oom_score_adj,
                    grace_ms=limits.grace_ms,
                    terminal=True,
                ),
                cwd=cwd,
            )
        except StartFailed as error:
            terminal.close()
            raise GatewayError(ErrorCode.INTERNAL, f"the session could not be started: {error}") from error
        finally:
            self._starting -= 1
            terminal.close_program_end()

        def on_end(session: Session) -> None:
            self._audit.record(
                who=who,
                command=request.command or "/bin/bash",
                exit_code=session.exit_code,
                duration_ms=session.duration_ms,
                kind="session",
            )
            self._forget_surplus()

        session = Session(
            process,
            terminal,
            request,
            cwd=str(cwd),
            limits=limits,
            hang_up_first=self._settings.launcher is None or self._settings.launcher.isolation == "none",
            known_guards=self._runner.known_guards,
            on_end=on_end,
        )
        self._sessions[session.id] = session
        self._end_when_idle(session)
        return session

    def get(self, session_id: str) -> Session:
        """A session by its id. Raises GatewayError where there is none."""
        session = self._sessions.get(session_id)
        if session is None:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"there is no session {session_id!r}; GET /sessions lists those there are",
            )
        return session

    def all(self) -> list[Session]:
        """All that are known, oldest first."""
        return list(self._sessions.values())

    async def end(self, session: Session) -> None:
        """Ends a session and forgets it."""
        await session.end()
        self._sessions.pop(session.id, None)

    async def close(self) -> None:
        """Ends everything that runs."""
        await asyncio.gather(*(session.end() for session in self.all() if not session.ended))

    def _end_when_idle(self, session: Session) -> None:
        limit_s = self._settings.sessions.idle_s

        async def watch() -> None:
            while not session.ended:
                left_s = limit_s if session.attached else limit_s - session.idle_s
                if left_s <= 0:
                    await session.end()
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(session.wait_ended(), left_s)

        session.watcher = asyncio.create_task(watch())

    def _forget_surplus(self) -> None:
        ended = [session for session in self._sessions.values() if session.ended]
        for session in ended[: max(0, len(ended) - self._settings.sessions.ended_kept)]:
            del self._sessions[session.id]
