"""llama-server's events put together to the answer that it would have given in one piece.

Two things cannot be known from its events: how probable the token was that ended an answer, and a Markdown
fence that was cut off before the JSON of a schema began.
"""

from __future__ import annotations

import json
from typing import TypeAlias

from pydantic import JsonValue

from lm_gateway.http.json_values import field, integer, items, text

DATA = b"data:"
DONE = b"[DONE]"
END_OF_EVENT = b"\n\n"
# What grows from event to event.
TEXTS = ("content", "reasoning_content", "text")

Fields: TypeAlias = dict[str, JsonValue]


class AssembledAnswer:
    """Takes whole events, in any number at a time. Fields that are not known keep their last value."""

    def __init__(self) -> None:
        self._answer: Fields = {}
        self._choices: dict[int, _Choice] = {}
        self._of_first = True

    def feed(self, events: bytes) -> None:
        """Raises ValueError when an event is no JSON."""
        for event in events.split(END_OF_EVENT):
            data = event.removeprefix(DATA).strip() if event.startswith(DATA) else b""
            if data and data != DONE:
                self._add(json.loads(data))

    def value(self) -> Fields:
        choices: list[JsonValue] = [choice.value() for _, choice in sorted(self._choices.items())]
        return {"choices": choices, **self._answer}

    def _add(self, event: JsonValue) -> None:
        # It does tell `null`, when there are several prompts.
        if not isinstance(event, dict):
            return
        for piece in items(event, "choices"):
            index = integer(piece, "index") or 0
            # The tokens used come with or behind the end of each choice. It tells those of the first.
            self._of_first = index == 0
            if isinstance(piece, dict):
                self._choices.setdefault(index, _Choice(index)).add(piece)
        for name, value in event.items():
            if name != "choices" and (self._of_first or name not in self._answer):
                self._answer[name] = value
        if kind := text(event, "object"):
            self._answer["object"] = kind.removesuffix(".chunk")


class _Choice:
    def __init__(self, index: int) -> None:
        self._fields: Fields = {"index": index}
        self._message: Fields | None = None
        self._calls: dict[int, Fields] = {}
        self._tokens: list[JsonValue] = []

    def add(self, piece: Fields) -> None:
        self._tokens += items(piece, "logprobs", "content")
        delta = piece.get("delta")
        if isinstance(delta, dict):
            self._message = {} if self._message is None else self._message
            for call in items(delta, "tool_calls"):
                if isinstance(call, dict):
                    _join_call(self._calls.setdefault(integer(call, "index") or 0, {}), call)
            _join(self._message, {name: value for name, value in delta.items() if name != "tool_calls"})
        _join(self._fields, {name: value for name, value in piece.items() if name != "delta"})

    def value(self) -> Fields:
        choice = dict(self._fields)
        if self._tokens:
            choice["logprobs"] = {"content": [*self._without_stop()]}
        if self._message is not None:
            message = {**self._message, "content": self._message.get("content") or ""}
            if self._calls:
                message["tool_calls"] = [call for _, call in sorted(self._calls.items())]
            choice["message"] = message
        return choice

    def _without_stop(self) -> list[JsonValue]:
        """The tokens, but those of the text that was to end the answer: they have lost theirs."""
        end = len(self._tokens)
        while (
            self._fields.get("finish_reason") == "stop" and end and not text(self._tokens[end - 1], "token")
        ):
            end -= 1
        return self._tokens[:end]


def _join(fields: Fields, more: Fields) -> None:
    """Texts grow. Of everything else the last counts, null only if there was nothing."""
    for name, value in more.items():
        before = fields.get(name)
        if name in TEXTS and isinstance(before, str) and isinstance(value, str):
            fields[name] = before + value
        elif value is not None or name not in fields:
            fields[name] = value


def _join_call(call: Fields, more: Fields) -> None:
    """The arguments grow; where a call stands is told only in streams."""
    before, added = field(call, "function"), field(more, "function")
    function = dict(before) if isinstance(before, dict) else {}
    _join(function, added if isinstance(added, dict) else {})
    arguments = [text(part, "arguments") or "" for part in (before, added)]
    _join(call, {name: value for name, value in more.items() if name != "index"})
    call["function"] = {**function, "arguments": "".join(arguments)}
