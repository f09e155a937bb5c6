"""When to start a crashed part again."""

from __future__ import annotations

from dataclasses import dataclass

STABLE_AFTER_S = 60.0


@dataclass(frozen=True)
class Backoff:
    """Exponential waiting times between `first_s` and `cap_s` seconds."""

    first_s: float
    cap_s: float

    def wait_s(self, failures: int) -> float:
        """The pause before the next start, after `failures` crashes in a row (1 = the first)."""
        exponent = min(max(failures, 1) - 1, 30)
        return float(min(self.first_s * 2**exponent, self.cap_s))


def failures_in_a_row(previous: int, uptime_s: float) -> int:
    """The count after another crash: a part that ran for a minute starts to count afresh."""
    return 1 if uptime_s >= STABLE_AFTER_S else previous + 1
