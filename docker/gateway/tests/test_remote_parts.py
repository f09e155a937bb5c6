"""Runtimes that run elsewhere: their state comes from asking them."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from conftest import TOKEN, MakeSettings, Serve, StartGateway
from lm_gateway.health import remote
from lm_gateway.settings import read_settings
from lm_supervisor import settings as supervisor


class Runtime:
    """Answers its probe with a status that the test sets, and counts."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"])
            await JSONResponse({"version": "1"}, status_code=self.status)(scope, receive, send)


async def test_a_remote_part_is_ready_when_it_answers_and_tells_why_when_it_does_not(
    start_gateway: StartGateway,
    make_settings: MakeSettings,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote, "KEPT_S", 0.0)
    runtime = Runtime()
    gateway = await start_gateway(
        make_settings(ollama_url=await serve(runtime), remote_parts=frozenset({"ollama", "llama_cpp"}))
    )
    parts = (await gateway.get("/health")).json()["parts"]
    assert parts["ollama"]["state"] == "ready"
    assert parts["ollama"]["since"] is not None
    assert parts["llama_cpp"]["state"] == "unreachable"
    assert "http://127.0.0.1:9/health" in parts["llama_cpp"]["last_error"]
    assert runtime.asked == ["/api/version"]
    runtime.status = 503
    health = (await gateway.get("/health")).json()
    assert (health["status"], health["parts"]["ollama"]["state"]) == ("degraded", "starting")
    refused = await gateway.get("/llama-cpp/models")
    assert (refused.status_code, refused.json()["details"]["state"]) == (503, "unreachable")


async def test_however_often_health_is_asked_a_remote_part_is_asked_once_a_second(
    start_gateway: StartGateway, make_settings: MakeSettings, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "KEPT_S", 3600.0)
    runtime = Runtime()
    gateway = await start_gateway(
        make_settings(ollama_url=await serve(runtime), remote_parts=frozenset({"ollama"}))
    )
    async with httpx.AsyncClient(base_url=gateway.base_url, trust_env=False) as anybody:
        for _ in range(5):
            assert (await anybody.get("/health")).json()["parts"]["ollama"]["state"] == "ready"
    assert runtime.asked == ["/api/version"]


def test_an_address_makes_a_part_remote_and_its_own_runtime_stays_off() -> None:
    environment = {"LM_API_TOKEN": TOKEN, "LM_OLLAMA_URL": "http://ollama:11434/"}
    settings = read_settings(environment)
    assert (settings.ollama_url, settings.remote_parts) == ("http://ollama:11434", frozenset({"ollama"}))
    enabled = {part.name: part.enabled for part in supervisor.read_settings(environment, "python").parts}
    assert enabled == {"gateway": True, "ollama": False, "llama_cpp": True}
    environment["LM_OLLAMA"] = "on"
    enabled = {part.name: part.enabled for part in supervisor.read_settings(environment, "python").parts}
    assert enabled["ollama"] is True
