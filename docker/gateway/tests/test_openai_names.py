"""/v1 in front of scripted runtimes: which model a name means."""

from __future__ import annotations

import json

import pytest

from openai_bench import MakeBench


async def test_models_of_both_runtimes_are_listed_under_names_that_do_not_meet(bench: MakeBench) -> None:
    listed = [(model.id, model.owned_by) async for model in (await bench()).client.models.list()]
    assert listed == [
        ("both:latest", "ollama"),
        ("only:latest", "ollama"),
        ("tagged:1b", "ollama"),
        ("both", "llama.cpp"),
        ("file", "llama.cpp"),
    ]


async def test_names_that_do_meet_get_a_prefix_and_both_stay_reachable(bench: MakeBench) -> None:
    at_llama = {"/models": (200, {"data": [{"id": "only:latest"}, {"id": "ollama/x"}]})}
    made = await bench(answers=at_llama)
    listed = [model.id async for model in made.client.models.list()]
    assert listed == [
        "both:latest",
        "ollama/only:latest",
        "tagged:1b",
        "llama.cpp/only:latest",
        "llama.cpp/ollama/x",
    ]
    for name in listed:
        assert (await made.client.models.retrieve(name)).id == name


@pytest.mark.parametrize(
    ("name", "runtime", "sent"),
    [
        ("both", "llama_cpp", "both"),
        ("both:latest", "ollama", "both:latest"),
        ("only", "ollama", "only:latest"),
        ("file", "llama_cpp", "file"),
        ("ollama/both", "ollama", "both"),
        ("llama.cpp/both", "llama_cpp", "both"),
        ("ollama/not-listed", "ollama", "not-listed"),
    ],
)
async def test_a_name_leads_to_its_runtime(bench: MakeBench, name: str, runtime: str, sent: str) -> None:
    made = await bench()
    answer = await made.chat(name, stream=True)
    assert answer.status_code == 200
    scripted = made.ollama if runtime == "ollama" else made.llama_cpp
    assert json.loads(scripted.bodies[-1])["model"] == sent


async def test_a_known_name_is_not_asked_for_again(bench: MakeBench) -> None:
    made = await bench()
    for _ in range(3):
        await made.chat("file", stream=True)
    assert [path for _, path, _ in made.llama_cpp.requests] == ["/models"] + ["/v1/chat/completions"] * 3


async def test_an_unknown_name_is_told_in_the_shape_of_openai(bench: MakeBench) -> None:
    answer = await (await bench()).chat("nobody")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["code"], error["param"], error["type"]) == (
        "model_not_found",
        "model",
        "invalid_request_error",
    )
