"""The refusal of what does not fit: one text for all volumes."""

from __future__ import annotations

import errno

import pytest

from lm_gateway.disk import disk_full
from lm_gateway.errors import ErrorCode
from lm_gateway.files.failures import as_gateway_error


def test_it_says_what_is_free_needed_and_kept_back_and_what_helps() -> None:
    refused = disk_full(
        "models", needed_bytes=7_000_000_000, free_bytes=900_000_000, reserve_bytes=500_000_000
    )
    assert refused.code is ErrorCode.DISK_FULL
    assert refused.message == (
        "the volume of the models has 900 MB free, 7000 MB more are needed, 500 MB are kept back; "
        "delete what is not needed there, or give it a larger disk"
    )
    assert refused.details == {
        "volume": "models",
        "free_bytes": 900_000_000,
        "needed_bytes": 7_000_000_000,
        "reserve_bytes": 500_000_000,
    }


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_or_a_quota_that_takes_no_more_is_full_whatever_is_said_to_be_free(number: int) -> None:
    refused = as_gateway_error(OSError(number, "no more"), "a")
    assert refused.code is ErrorCode.DISK_FULL
    assert refused.message.startswith("the volume of the workspace is full; delete what")
    assert refused.details["free_bytes"] is None
