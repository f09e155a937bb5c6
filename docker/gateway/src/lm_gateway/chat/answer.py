"""Turns a runtime's events into the gateway's answer, whole or as a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from lm_gateway.chat.events import ChatEvent, Delta, Finished
from lm_gateway.chat.models import ChatAnswer, Timings
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.disconnect import Event, EventStream, until_disconnect


class AnswerInProgress:
    """Collects one answer while it comes."""

    def __init__(self, model: str, events: AsyncGenerator[ChatEvent]) -> None:
        self._model = model
        self._events = events
        self._output: list[str] = []
        self._thinking: list[str] = []
        self._started_at = time.monotonic()
        self._first_token_at: float | None = None
        self._finished: Finished | None = None

    async def deltas(self) -> AsyncIterator[Delta]:
        """The pieces as they come. Raises GatewayError when the runtime fails, also in the middle."""
        async for event in self._events:
            if isinstance(event, Finished):
                self._finished = event
                continue
            if self._first_token_at is None:
                self._first_token_at = time.monotonic()
            self._output.append(event.output)
            self._thinking.append(event.thinking)
            yield event
        if self._finished is None:
            raise GatewayError(
                ErrorCode.UPSTREAM_FAILED, "the runtime ended its answer without saying that it was complete"
            )

    def result(self) -> ChatAnswer:
        """The complete answer, after the last delta."""
        finished = self._finished or Finished(finish_reason=None)
        first = self._first_token_at
        return ChatAnswer(
            output="".join(self._output),
            thinking="".join(self._thinking),
            model=self._model,
            finish_reason=finished.finish_reason,
            usage=finished.usage,
            timings=Timings(
                first_token_ms=None if first is None else round((first - self._started_at) * 1000),
                duration_ms=round((time.monotonic() - self._started_at) * 1000),
                tokens_per_second=finished.tokens_per_second,
            ),
        )

    async def close(self) -> None:
        """Closes the connection to the runtime, which stops its work."""
        await self._events.aclose()


async def answer(request: Request, progress: AnswerInProgress, *, stream: bool) -> ChatAnswer | Response:
    """The answer to a caller. When the caller goes away the runtime's work is stopped."""
    if not stream:
        try:
            return await until_disconnect(request.receive, _complete(progress))
        finally:
            await progress.close()
    # The first piece is awaited before the status goes out: most failures come before it, and so get
    # a status of their own.
    deltas = progress.deltas()
    try:
        first = await until_disconnect(request.receive, _next(deltas))
    except BaseException:
        await progress.close()
        raise
    return EventStream(_events(progress, first, deltas), on_end=progress.close)


async def _complete(progress: AnswerInProgress) -> ChatAnswer:
    async for _ in progress.deltas():
        pass
    return progress.result()


async def _next(deltas: AsyncIterator[Delta]) -> Delta | None:
    return await anext(deltas, None)


async def _events(
    progress: AnswerInProgress, first: Delta | None, deltas: AsyncIterator[Delta]
) -> AsyncGenerator[Event]:
    try:
        if first is not None:
            yield _delta_event(first)
        async for delta in deltas:
            yield _delta_event(delta)
        yield {"type": "done", **progress.result().model_dump(mode="json")}
    except GatewayError as error:
        yield {"type": "error", **error.body()}


def _delta_event(delta: Delta) -> Event:
    return {"type": "delta", "output": delta.output, "thinking": delta.thinking}
