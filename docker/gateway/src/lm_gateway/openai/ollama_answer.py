"""Ollama's native answers in the words of OpenAI's interface."""

from __future__ import annotations

import json
import secrets
import time
from typing import Literal, TypeAlias

from pydantic import JsonValue

from lm_gateway.http.json_values import field, integer, items, text

NANOSECONDS_PER_MS = 1_000_000
FINISH_REASONS = {"length": "length"}

Kind: TypeAlias = Literal["chat.completion", "text_completion"]


class AnswerInWords:
    """Turns the messages of one answer into chunks, or its only message into the whole."""

    def __init__(self, kind: Kind, model: str, *, include_usage: bool = False) -> None:
        self._kind = kind
        self._model = model
        self._include_usage = include_usage
        self._id = ("chatcmpl-" if kind == "chat.completion" else "cmpl-") + secrets.token_hex(12)
        self._created = int(time.time())
        self._calls = 0
        self._begun = False
        # Everything that is the same in each chunk is written once.
        self._head = json.dumps(self._envelope(chunk=True))[:-1].encode() + b', "choices": '

    def chunks(self, message: JsonValue) -> bytes:
        """The events of one of Ollama's lines; the last one's tell the end."""
        events = b""
        delta = self._delta(message)
        logprobs = self._logprobs(message)
        if delta or logprobs:
            events = self._event([self._choice(delta, None, logprobs)])
        if field(message, "done") is not True:
            return events
        last = self._choice({} if self._kind == "chat.completion" else {"text": ""}, self._finish(message))
        if not self._include_usage:
            return events + self._event([last], {"timings": timings(message)})
        return (
            events
            + self._event([last])
            + self._event([], {"usage": usage(message), "timings": timings(message)})
        )

    def whole(self, message: JsonValue) -> dict[str, JsonValue]:
        """The answer in one piece."""
        choice: dict[str, JsonValue]
        if self._kind == "chat.completion":
            calls = self._tool_calls(message)
            said: dict[str, JsonValue] = {"role": "assistant", "content": text(message, "message", "content")}
            if thinking := text(message, "message", "thinking"):
                said["reasoning_content"] = thinking
            if calls:
                said["tool_calls"] = [
                    {name: value for name, value in call.items() if name != "index"} for call in calls
                ]
                said["content"] = said["content"] or None
            choice = {"index": 0, "message": said, "finish_reason": self._finish(message)}
            choice["logprobs"] = self._logprobs(message)
        else:
            choice = {"index": 0, "text": text(message, "response") or ""}
            choice |= {"finish_reason": self._finish(message), "logprobs": self._logprobs(message)}
        return {
            **self._envelope(chunk=False),
            "choices": [choice],
            "usage": usage(message),
            "timings": timings(message),
        }

    def _envelope(self, *, chunk: bool) -> dict[str, JsonValue]:
        kind = "chat.completion.chunk" if chunk and self._kind == "chat.completion" else self._kind
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}

    def _event(self, choices: list[JsonValue], beside: dict[str, JsonValue] | None = None) -> bytes:
        end = b"}" if beside is None else b", " + json.dumps(beside)[1:].encode()
        return b"data: " + self._head + json.dumps(choices).encode() + end + b"\n\n"

    def _choice(
        self, delta: dict[str, JsonValue], finish: str | None, logprobs: JsonValue = None
    ) -> dict[str, JsonValue]:
        choice: dict[str, JsonValue] = {"index": 0, "finish_reason": finish}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        return choice | (delta if self._kind == "text_completion" else {"delta": delta})

    def _delta(self, message: JsonValue) -> dict[str, JsonValue]:
        if self._kind == "text_completion":
            said = text(message, "response")
            return {"text": said} if said else {}
        delta: dict[str, JsonValue] = {}
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", "content": ""}
        if thinking := text(message, "message", "thinking"):
            delta["reasoning_content"] = thinking
        if content := text(message, "message", "content"):
            delta["content"] = content
        if calls := self._tool_calls(message):
            delta["tool_calls"] = [*calls]
        return delta

    def _tool_calls(self, message: JsonValue) -> list[dict[str, JsonValue]]:
        """Ollama tells each call whole, its arguments as an object, and some models' without an id."""
        calls: list[dict[str, JsonValue]] = []
        for call in items(message, "message", "tool_calls"):
            arguments = field(call, "function", "arguments")
            calls.append(
                {
                    "index": self._calls,
                    "id": text(call, "id") or "call_" + secrets.token_hex(8),
                    "type": "function",
                    "function": {
                        "name": text(call, "function", "name") or "",
                        "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments or {}),
                    },
                }
            )
            self._calls += 1
        return calls

    def _finish(self, message: JsonValue) -> str:
        reason = FINISH_REASONS.get(text(message, "done_reason") or "", "stop")
        return "tool_calls" if self._calls and reason == "stop" else reason

    def _logprobs(self, message: JsonValue) -> JsonValue:
        tokens = items(message, "logprobs")
        if not tokens:
            return None
        if self._kind == "chat.completion":
            return {"content": [{"top_logprobs": [], **token} for token in tokens if isinstance(token, dict)]}
        return {
            "tokens": [text(token, "token") for token in tokens],
            "token_logprobs": [field(token, "logprob") for token in tokens],
            "top_logprobs": [
                {
                    text(other, "token") or "": field(other, "logprob")
                    for other in items(token, "top_logprobs")
                }
                for token in tokens
            ],
        }


def usage(message: JsonValue) -> JsonValue:
    """Tokens read (those taken from the cache among them) and written."""
    read, written = integer(message, "prompt_eval_count") or 0, integer(message, "eval_count") or 0
    cached = integer(message, "prompt_eval_cached_count") or 0
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def timings(message: JsonValue) -> JsonValue:
    """In llama-server's words."""
    read, written = integer(message, "prompt_eval_count") or 0, integer(message, "eval_count") or 0
    cached = integer(message, "prompt_eval_cached_count") or 0
    read_ms = (integer(message, "prompt_eval_duration") or 0) / NANOSECONDS_PER_MS
    written_ms = (integer(message, "eval_duration") or 0) / NANOSECONDS_PER_MS
    return {
        "cache_n": cached,
        "prompt_n": read - cached,
        "prompt_ms": read_ms,
        "prompt_per_second": (read - cached) * 1000 / read_ms if read_ms else None,
        "predicted_n": written,
        "predicted_ms": written_ms,
        "predicted_per_second": written * 1000 / written_ms if written_ms else None,
    }
