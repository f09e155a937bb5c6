"""The limits of callers, with a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_gateway.errors import GatewayError
from lm_gateway.http.rate_limit import Admission, Concurrency, RateLimit, TokenBucket, WrongTokens
from lm_gateway.http.token_file import Scope


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    st.floats(min_value=0.1, max_value=1000),
    st.floats(min_value=1, max_value=100),
    st.lists(st.floats(min_value=0, max_value=5), max_size=200),
)
def test_a_bucket_never_gives_more_than_its_burst_and_what_flowed_in(
    per_second: float, burst: float, pauses: list[float]
) -> None:
    clock = Clock()
    bucket = TokenBucket(per_second, burst, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        wait_s = bucket.take()
        assert wait_s >= 0
        taken += wait_s == 0
        assert taken <= burst + clock.now * per_second + 1e-6
        if wait_s:
            # The time it names is enough.
            clock.now += wait_s + 1e-6
            assert bucket.take() == 0
            taken += 1


def test_each_token_has_a_limit_of_its_own_and_zero_is_none() -> None:
    limit = RateLimit(1, 1, Clock())
    limit.check("a")
    limit.check("b")
    with pytest.raises(GatewayError, match="'a' asks more often") as refused:
        limit.check("a")
    assert refused.value.response().headers["retry-after"] == "1"
    unlimited = RateLimit(0, 0, Clock())
    for _ in range(10_000):
        unlimited.check("a")


def test_ten_wrong_tokens_in_a_minute_lock_wrong_ones_out_for_a_minute() -> None:
    clock = Clock()
    wrong = WrongTokens(clock=clock)
    for _ in range(100):
        # Nine a minute are a person who mistypes.
        assert not wrong.note()
        clock.now += 6.8
    assert wrong.locked_for() == 0
    began = [wrong.note() for _ in range(12)]
    assert began.count(True) == 1
    assert 0 < wrong.locked_for() <= 60
    clock.now += 60
    assert wrong.locked_for() == 0
    assert [wrong.note() for _ in range(10)] == [False] * 9 + [True]


@given(st.lists(st.tuples(st.sampled_from(Scope), st.booleans()), max_size=100))
def test_no_more_requests_of_a_kind_are_in_work_than_allowed(steps: list[tuple[Scope, bool]]) -> None:
    concurrency = Concurrency(3)
    running: list[tuple[Scope, Admission]] = []
    for kind, enter in steps:
        of_kind = [admission for running_kind, admission in running if running_kind is kind]
        if enter:
            admission = Admission(concurrency)
            if len(of_kind) == 3:
                with pytest.raises(GatewayError) as refused:
                    admission.enter(kind)
                assert refused.value.status_code == 429
                assert "retry-after" in refused.value.response().headers
            else:
                admission.enter(kind)
                running.append((kind, admission))
        elif of_kind:
            running.remove((kind, of_kind[0]))
            of_kind[0].end()
            of_kind[0].end()
        assert concurrency.running(kind) == len([1 for running_kind, _ in running if running_kind is kind])
