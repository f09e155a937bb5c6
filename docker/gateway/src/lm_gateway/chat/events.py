"""What a runtime's stream says, in words that both share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from lm_gateway.chat.models import Usage


@dataclass(frozen=True)
class Delta:
    """A piece of the answer; either text may be empty."""

    output: str = ""
    thinking: str = ""


@dataclass(frozen=True)
class Finished:
    """The end of an answer, with what the runtime tells about it."""

    finish_reason: str | None
    usage: Usage = field(default_factory=Usage)
    tokens_per_second: float | None = None


ChatEvent: TypeAlias = Delta | Finished
