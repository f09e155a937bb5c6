"""What is made of llama-server's events is what it says itself. The pairs in llama_server_answers.json are
answers of the real one (b11669, SmolLM2) to the same request, streamed and whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_gateway.openai.llama_cpp_answer import AssembledAnswer
from openai_bench import LLAMA_ANSWER, MakeBench

PAIRS: dict[str, Any] = json.loads(Path(__file__).with_name("llama_server_answers.json").read_text())


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what is another each time."""
    calls = [call for choice in answer["choices"] for call in choice.get("message", {}).get("tool_calls", [])]
    assert len({call.pop("id") for call in calls}) == len(calls)
    assert answer["id"]
    assert answer["created"]
    assert answer["timings"]["predicted_n"] == answer["usage"]["completion_tokens"]
    return {name: value for name, value in answer.items() if name not in ("id", "created", "timings")}


@pytest.mark.parametrize("at_a_time", [1, 3, 1000])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_events_are_put_together_to_the_same_answer(pair: dict[str, Any], at_a_time: int) -> None:
    events = [event.encode() + b"\n\n" for event in pair["stream"]]
    assembled = AssembledAnswer()
    for start in range(0, len(events), at_a_time):
        assembled.feed(b"".join(events[start : start + at_a_time]))
    answer = json.loads(json.dumps(assembled.value()))
    assert comparable(answer) == comparable(json.loads(json.dumps(pair["whole"])))


def test_fields_nobody_knows_keep_their_last_value() -> None:
    assembled = AssembledAnswer()
    assembled.feed(b'data: {"new": 1, "choices": [{"index": 0, "delta": {"mood": "a"}, "own": [1]}]}\n\n')
    assembled.feed(
        b': ping\n\ndata: {"new": 2, "choices": [{"index": 0, "delta": {"mood": "b"}, "own": []}]}\n\n'
    )
    assert assembled.value() == {
        "new": 2,
        "choices": [{"index": 0, "own": [], "message": {"mood": "b", "content": ""}}],
    }


async def test_a_whole_answer_is_asked_for_as_a_stream(bench: MakeBench) -> None:
    made = await bench()
    told = {"stream_options": {"include_usage": False}, "return_progress": True, "own": 1}
    answer = await made.chat("file", **told)
    sent = json.loads(made.llama_cpp.bodies[-1])
    assert (sent["stream"], sent["stream_options"], sent["own"]) == (True, {"include_usage": True}, 1)
    assert "return_progress" not in sent
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    assert choice["message"] == {
        "role": "assistant",
        "content": "Paris",
        "reasoning_content": "hm",
        "tool_calls": [call],
    }
    assert answer.json()["usage"]["total_tokens"] == 12


async def test_an_event_that_is_no_json_is_no_answer(bench: MakeBench) -> None:
    made = await bench(llama_lines=[LLAMA_ANSWER[3], "data: {\n\n", "data: [DONE]\n\n"])
    answer = await made.chat("file")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_failed")
