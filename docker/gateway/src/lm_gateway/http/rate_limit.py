"""How much one caller may ask for: requests a second, requests at a time, wrong tokens a minute."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TypeAlias

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.token_file import Scope

Clock: TypeAlias = Callable[[], float]


class TokenBucket:
    """Holds up to `burst`, is filled with `per_second`, and gives one for each request."""

    def __init__(self, per_second: float, burst: float, clock: Clock = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._level = burst
        self._filled_at = clock()

    def take(self) -> float:
        """0: taken. Else nothing is taken, and it is the seconds until there is one."""
        now = self._clock()
        self._level = min(self._burst, self._level + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self._per_second


class RateLimit:
    """One bucket for each name of a token; 0 requests a second mean no limit."""

    def __init__(self, per_second: float, burst: float, clock: Clock = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    def check(self, name: str) -> None:
        """Counts a request. Raises GatewayError (429) when there are too many."""
        if not self._per_second:
            return
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(self._per_second, self._burst, self._clock)
        if wait_s := bucket.take():
            raise GatewayError(
                ErrorCode.RATE_LIMITED,
                f"the token {name!r} asks more often than {self._per_second:g} times a second; ask less "
                "often, or raise LM_REQUESTS_PER_SECOND",
                details={"per_second": self._per_second},
                headers={"Retry-After": str(math.ceil(wait_s))},
            )


class WrongTokens:
    """After ten wrong tokens in a minute, wrong ones are answered with 429 for a minute.

    A right token always passes, or a stranger could lock out the owner: all callers come from the one address
    of the engine's port forwarding. So this keeps no guess from being tried; a token's length does that. It
    makes guessing show, in the log and the metrics, and cheap to refuse.
    """

    def __init__(
        self, allowed: int = 10, within_s: float = 60.0, locked_s: float = 60.0, clock: Clock = time.monotonic
    ) -> None:
        self._times: deque[float] = deque(maxlen=allowed)
        self._within_s = within_s
        self._locked_s = locked_s
        self._clock = clock
        self._locked_until = -math.inf

    def note(self) -> bool:
        """Counts a wrong token; True when it began a lock-out."""
        now = self._clock()
        if self.locked_for() > 0:
            return False
        self._times.append(now)
        if len(self._times) < (self._times.maxlen or 0) or now - self._times[0] > self._within_s:
            return False
        self._locked_until = now + self._locked_s
        self._times.clear()
        return True

    def locked_for(self) -> float:
        """Seconds until wrong tokens are answered with 401 again; 0 when they are."""
        return max(0.0, self._locked_until - self._clock())


class Concurrency:
    """Counts the requests in work, by what they do, over all callers."""

    def __init__(self, at_a_time: int) -> None:
        self._at_a_time = at_a_time
        self._running: Counter[Scope] = Counter()

    def running(self, kind: Scope) -> int:
        return self._running[kind]

    def enter(self, kind: Scope) -> None:
        """Raises GatewayError (429) when there are too many. Else `leave` must follow."""
        if self._running[kind] >= self._at_a_time:
            raise GatewayError(
                ErrorCode.TOO_MANY_REQUESTS,
                f"{self._at_a_time} requests of the kind {kind.value} are in work; "
                "try again when one has ended",
                details={"concurrent_max": self._at_a_time, "kind": kind.value},
                headers={"Retry-After": "1"},
            )
        self._running[kind] += 1

    def leave(self, kind: Scope) -> None:
        self._running[kind] -= 1


class Admission:
    """One request's place among the others; the middleware makes it and ends it with the request."""

    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency
        self._entered: list[Scope] = []

    def enter(self, kind: Scope) -> None:
        self._concurrency.enter(kind)
        self._entered.append(kind)

    def end(self) -> None:
        while self._entered:
            self._concurrency.leave(self._entered.pop())
