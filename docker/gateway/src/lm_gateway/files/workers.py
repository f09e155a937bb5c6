"""Blocking work on files in threads of its own, so that a slow disk delays nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, Protocol, TypeVar, runtime_checkable

THREADS = 4
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> None: ...


class Workers:
    """A few threads; more work waits for its turn."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="lm-files")

    async def run(
        self, work: Callable[Parameters, Result], *args: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Runs `work`. When cancelled it still waits for it: a thread cannot be stopped, and the files
        it works with must not be closed under it."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._executor, partial(work, *args, **named))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                try:
                    await asyncio.wait([future])
                except asyncio.CancelledError:
                    continue
            if future.exception() is None and isinstance(result := future.result(), _Closable):
                result.close()
            raise
