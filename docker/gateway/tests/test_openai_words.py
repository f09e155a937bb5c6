"""/v1 in front of scripted runtimes: what is asked and answered, in the words of each."""

from __future__ import annotations

import base64
import json
import struct

import pytest

from openai_bench import LLAMA_ANSWER, OLLAMA_CALL, OLLAMA_END, WEATHER, MakeBench


@pytest.mark.parametrize("model", ["only", "file"])
async def test_thinking_text_calls_and_usage_come_in_the_same_words(bench: MakeBench, model: str) -> None:
    made = await bench()
    stream = await made.client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "Paris"
    thoughts = [(choice.delta.model_extra or {}).get("reasoning_content") for choice in choices]
    assert [thought for thought in thoughts if thought] == ["hm"]
    assert choices[0].delta.role == "assistant"
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["tool_calls"]
    calls = [call for choice in choices for call in choice.delta.tool_calls or []]
    assert [call.index for call in calls] == list(range(len(calls)))
    for call in calls:
        assert call.id
        assert call.function is not None
        assert call.function.name == "weather"
        assert isinstance(json.loads(call.function.arguments or ""), dict)
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (9, 3)


async def test_the_calls_of_ollama_keep_their_arguments_and_get_ids_of_their_own(bench: MakeBench) -> None:
    whole = {**OLLAMA_END, "message": {"content": "", "thinking": "hm", "tool_calls": [OLLAMA_CALL] * 2}}
    made = await bench(answers={"/api/chat": (200, whole)})
    answer = await made.client.chat.completions.create(
        model="only", messages=[{"role": "user", "content": "Hello"}]
    )
    message = answer.choices[0].message
    assert message.tool_calls is not None
    first, second = message.tool_calls
    assert first.type == "function"
    assert json.loads(first.function.arguments) == {"city": "Köln"}
    assert first.id != second.id
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (message.model_extra or {})["reasoning_content"] == "hm"
    assert (answer.model_extra or {})["timings"] == {
        "cache_n": 4,
        "prompt_n": 5,
        "prompt_ms": 10.0,
        "prompt_per_second": 500.0,
        "predicted_n": 3,
        "predicted_ms": 1500.0,
        "predicted_per_second": 2.0,
    }


async def test_a_conversation_with_tools_and_images_reaches_ollama_in_its_own_words(bench: MakeBench) -> None:
    made = await bench()
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
    }
    await made.chat(
        "only",
        stream=True,
        messages=[
            {"role": "developer", "content": "Be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Where?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                ],
            },
            {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        ],
        tools=[WEATHER],
        tool_choice="auto",
    )
    assert made.sent()["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Where?", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"id": "call_1", "function": {"name": "weather", "arguments": {"city": "Köln"}}}],
        },
        {"role": "tool", "content": "rain", "tool_call_id": "call_1", "tool_name": "weather"},
    ]
    assert made.sent()["tools"] == [WEATHER]


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ({"max_tokens": 5}, {"options": {"num_predict": 5}}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"options": {"num_predict": 7}}),
        ({"stop": "x"}, {"options": {"stop": ["x"]}}),
        ({"stop": ["x", "y"], "seed": 3}, {"options": {"stop": ["x", "y"], "seed": 3}}),
        (
            {"temperature": 0, "top_p": 0.5, "top_k": 3},
            {"options": {"temperature": 0, "top_p": 0.5, "top_k": 3}},
        ),
        (
            {"options": {"num_ctx": 8192}, "keep_alive": "1h"},
            {"options": {"num_ctx": 8192}, "keep_alive": "1h"},
        ),
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}},
            {"format": {"type": "object"}},
        ),
        ({"response_format": {"type": "text"}}, {"format": None}),
        ({"reasoning_effort": "none"}, {"think": False}),
        ({"reasoning_effort": "high"}, {"think": "high"}),
        ({"think": True, "reasoning_effort": "low"}, {"think": True}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"tools": [WEATHER], "tool_choice": "none"}, {"tools": None}),
        ({}, {"truncate": False, "shift": False, "stream": True, "options": {}, "think": None}),
    ],
)
async def test_parameters_reach_ollama_in_its_own_words(
    bench: MakeBench, wanted: dict[str, object], sent: dict[str, object]
) -> None:
    made = await bench()
    assert (await made.chat("only", stream=True, **wanted)).status_code == 200
    body = made.sent()
    assert {name: body.get(name) for name in sent} == sent


@pytest.mark.parametrize(
    ("wanted", "param"),
    [
        ({"tools": [WEATHER], "tool_choice": "required"}, "tool_choice"),
        ({"n": 2}, "n"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a"}}]}
                ]
            },
            "messages",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages"),
    ],
)
async def test_what_ollama_cannot_do_is_refused_and_not_left_out(
    bench: MakeBench, wanted: dict[str, object], param: str
) -> None:
    made = await bench()
    answer = await made.chat("only", **wanted)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("not_supported", param)
    assert made.ollama.bodies[-1] == b""


async def test_the_bytes_of_llama_server_come_and_go_unchanged(bench: MakeBench) -> None:
    made = await bench()
    body = b'{"model":  "file", "messages":[{"role":"user","content":"\\u00fc"}], "stream":true,"own":1}'
    headers = {"Content-Type": "application/json"}
    answer = await made.http.post("/v1/chat/completions", content=body, headers=headers)
    assert made.llama_cpp.bodies[-1] == body
    assert answer.text == "".join(LLAMA_ANSWER)
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_a_newer_word_for_system_is_told_to_llama_server_as_system(bench: MakeBench) -> None:
    made = await bench()
    await made.chat("file", stream=True, messages=[{"role": "developer", "content": "a"}])
    assert json.loads(made.llama_cpp.bodies[-1])["messages"] == [{"role": "system", "content": "a"}]


async def test_a_prompt_is_continued_as_it_is(bench: MakeBench) -> None:
    whole = {**OLLAMA_END, "response": " upon", "message": None}
    made = await bench(answers={"/api/generate": (200, whole)})
    answer = await made.client.completions.create(model="only", prompt="Once", max_tokens=3, stop=["."])
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == (" upon", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    sent = made.sent()
    assert (sent["prompt"], sent["raw"], sent["options"]) == (
        "Once",
        True,
        {"num_predict": 3, "stop": ["."]},
    )
    for wanted in ({"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"prompt": "a", "echo": True}):
        refused = await made.http.post("/v1/completions", json={"model": "only", **wanted})
        assert refused.json()["error"]["code"] == "not_supported"


@pytest.mark.parametrize("encoding", [None, "float", "base64"])
async def test_embeddings_of_ollama_come_as_numbers_or_packed(bench: MakeBench, encoding: str | None) -> None:
    told = {"embeddings": [[0.5, -1], [0.25, 2.0]], "prompt_eval_count": 4}
    made = await bench(answers={"/api/embed": (200, told)})
    wanted: dict[str, object] = {"model": "only", "input": ["a", "b"], "dimensions": 2}
    answer = (
        await made.http.post(
            "/v1/embeddings", json=wanted | ({"encoding_format": encoding} if encoding else {})
        )
    ).json()
    vectors = [entry["embedding"] for entry in answer["data"]]
    if encoding == "base64":
        vectors = [list(struct.unpack("<2f", base64.b64decode(vector))) for vector in vectors]
    assert vectors == [[0.5, -1], [0.25, 2.0]]
    assert [entry["index"] for entry in answer["data"]] == [0, 1]
    assert answer["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert (made.sent()["dimensions"], made.sent()["truncate"]) == (2, False)
    typed = await made.client.embeddings.create(model="only", input=["a", "b"])
    assert typed.data[1].embedding == [0.25, 2.0]
