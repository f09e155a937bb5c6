"""Host, Origin, token and scope on every route and every upgrade, kinds and sizes of bodies, and limits. The
matrix comes from the route table, so that a new route cannot be forgotten."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import websockets
from fastapi import APIRouter, FastAPI, WebSocket

from conftest import TOKEN, MakeSettings, Serve, StartGateway
from lm_gateway.app import ROUTERS, create_app
from lm_gateway.http.scopes import Scope, ScopeCheck, needs
from lm_gateway.http.security import body_policy, host_name, is_open
from lm_gateway.settings import BodyLimits, RequestLimits
from matrix import PASSED, Door, ask, check_and_stop, doors

SOCKETS = APIRouter(dependencies=[needs(Scope.EXEC)])


@SOCKETS.websocket("/a-socket-of-the-tests")
async def a_socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


DOORS = doors((*ROUTERS, SOCKETS))
SCOPED = {scope: f"a-token-that-may-only-{scope.value}" for scope in Scope}
HOSTS = {"127.0.0.1:8000": True, "localhost": True, "[::1]:8000": True, "evil.example:8000": False, "": False}
ORIGINS: dict[tuple[tuple[str, str], ...], bool] = {
    (): True,
    (("Sec-Fetch-Site", "same-origin"),): True,
    (("Origin", "http://127.0.0.1:8000"),): False,
    (("Origin", "null"),): False,
    (("Sec-Fetch-Site", "cross-site"),): False,
}
#: What a token may do; None: it is none.
TOKENS: dict[tuple[str, ...], frozenset[Scope] | None] = {
    (f"Bearer {TOKEN}",): frozenset(Scope),
    (f"bearer  {TOKEN}",): frozenset(Scope),
    **{(f"Bearer {token}",): frozenset({scope}) for scope, token in SCOPED.items()},
    (): None,
    ("Bearer wrong-token-of-a-length",): None,
    (f"Basic {TOKEN}",): None,
    ("Bearer",): None,
    (f"Bearer {TOKEN}", f"Bearer {TOKEN}"): None,
}


@pytest.fixture
def app(make_settings: MakeSettings, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """A gateway with a token for each scope, that lets no request further than to its route's door."""
    file = run_dir / "tokens"
    file.write_text("".join(f"only-{scope}:{scope}:{token}\n" for scope, token in SCOPED.items()))
    limits = RequestLimits(per_second=0, wrong_tokens=1_000_000)
    app = create_app(make_settings(tokens_file=file, requests=limits))
    app.include_router(SOCKETS)
    monkeypatch.setattr(ScopeCheck, "__call__", check_and_stop)
    return app


def test_every_route_comes_from_the_table_that_the_matrix_is_made_of(make_settings: MakeSettings) -> None:
    app = create_app(make_settings())
    assert {id(getattr(route, "original_router", None)) for route in app.routes} == {id(r) for r in ROUTERS}
    assert len(DOORS) > 20
    assert len(HOSTS) * len(ORIGINS) * len(TOKENS) >= 48


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_every_route_declares_one_scope_or_that_it_is_open(door: Door) -> None:
    assert len(door.checks) == 1
    assert (door.checks[0] is None) == is_open(door.path)


@pytest.mark.parametrize("door", DOORS, ids=str)
async def test_only_the_right_host_origin_token_and_scope_get_to_a_route(app: FastAPI, door: Door) -> None:
    assert await wrong_answers(app, door) == []


async def test_the_matrix_finds_a_route_that_forgot_its_scope(app: FastAPI) -> None:
    forgetful = APIRouter()

    @forgetful.get("/forgotten")
    async def forgotten() -> str:
        return "anybody may have this"

    app.include_router(forgetful)
    (door,) = doors([forgetful])
    assert door.checks == ()
    assert await wrong_answers(app, Door(door.method, door.path, (Scope.EXEC,)))


async def wrong_answers(app: FastAPI, door: Door) -> list[object]:
    """All cases in which a route answers otherwise than it must."""
    wrong: list[object] = []
    for (host, host_good), (origin, origin_good), (token, scopes) in itertools.product(
        HOSTS.items(), ORIGINS.items(), TOKENS.items()
    ):
        if not host_good:
            expected = (403, "host_refused")
        elif not origin_good:
            expected = (403, "origin_refused")
        elif scopes is None and not is_open(door.path):
            expected = (401, "unauthorized")
        elif door.checks[0] is not None and door.checks[0] not in (scopes or ()):
            expected = (403, "scope_missing")
        else:
            expected = (PASSED, "invalid_request")
        headers = [("Host", host), *origin, *(("Authorization", value) for value in token)]
        status, code = await ask(app, door, headers)
        if status != expected[0] or (code != expected[1] and door.method != "HEAD"):
            wrong.append(((host, origin, token), expected, (status, code)))
    return wrong


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": f"Bearer {TOKEN}"}, 101),
        ({}, 401),
        ({"Authorization": "Bearer wrong-token-of-a-length"}, 401),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://127.0.0.1:8000"}, 403),
        ({"Authorization": f"Bearer {SCOPED[Scope.READ]}"}, 403),
    ],
)
async def test_an_upgrade_is_refused_before_it_is_one(
    make_settings: MakeSettings, run_dir: Path, serve: Serve, headers: dict[str, str], status: int
) -> None:
    (run_dir / "tokens").write_text(f"reader:read:{SCOPED[Scope.READ]}\n")
    app = create_app(make_settings(tokens_file=run_dir / "tokens"))
    app.include_router(SOCKETS)
    url = (await serve(app)).replace("http:", "ws:") + "/a-socket-of-the-tests"
    try:
        async with websockets.connect(url, additional_headers=headers, proxy=None) as socket:
            assert await socket.recv() == "hello"
        answered = 101
    except websockets.InvalidStatus as refused:
        answered = refused.response.status_code
    assert answered == status


async def test_wrong_tokens_are_locked_out_but_never_the_right_one(gateway: httpx.AsyncClient) -> None:
    def wrong(number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer a-wrong-token-{number:04}"}

    answers = [await gateway.get("/version", headers=wrong(number)) for number in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 9 + [429] * 3
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["code"] == "locked_out"
    assert (await gateway.get("/version")).status_code == 200
    without = httpx.AsyncClient(base_url=gateway.base_url, trust_env=False)
    assert (await without.get("/version")).status_code == 401
    await without.aclose()


async def test_a_token_that_asks_too_often_is_told_when_to_come_again(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(requests=RequestLimits(per_second=0.5, burst_s=6)))
    answers = [await gateway.get("/models/gguf") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 2


async def test_only_so_many_requests_of_a_kind_are_in_work(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(requests=RequestLimits(at_a_time=1)))
    async with gateway.stream("POST", "/run-bash/", json={"cmd": "echo; sleep 9", "stream": True}) as running:
        await anext(running.aiter_lines())
        refused = await gateway.post("/run-bash/", json={"cmd": "true"})
        other_kind = await gateway.get("/models/gguf")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.headers["retry-after"] == "1"
    assert other_kind.status_code == 200
    # What was left is ended in its own time, and its place is free then.
    async with asyncio.timeout(10):
        while (await gateway.post("/run-bash/", json={"cmd": "true"})).status_code == 429:
            await asyncio.sleep(0.02)


async def test_without_a_token_only_this_machine_may_call(make_settings: MakeSettings) -> None:
    app = create_app(make_settings(token=None, open_access=True))
    version, health = Door("GET", "/version", ()), Door("GET", "/health", ())
    host = [("Host", "localhost")]
    async with app.router.lifespan_context(app):
        assert (await ask(app, version, host))[0] == 200
    assert await ask(app, version, host, client="203.0.113.7") == (403, "peer_refused")
    assert (await ask(app, health, host, client="203.0.113.7"))[0] == 200
    assert await ask(app, version, [*host, ("Authorization", "Bearer x")]) == (401, "unauthorized")
    assert await ask(app, version, [*host, ("Origin", "null")]) == (403, "origin_refused")


async def test_health_says_that_no_token_is_needed(make_settings: MakeSettings, serve: Serve) -> None:
    url = await serve(create_app(make_settings(token=None, open_access=True)))
    async with httpx.AsyncClient(base_url=url, trust_env=False) as anybody:
        health = (await anybody.get("/health")).json()
    assert health["authentication"] == "none"
    assert "LM_API_AUTH=none" in health["warnings"][0]


async def test_an_unknown_route_is_refused_before_it_is_looked_up(gateway: httpx.AsyncClient) -> None:
    del gateway.headers["Authorization"]
    assert (await gateway.get("/no-such-route")).status_code == 401
    assert (await gateway.get("/openapi.json")).status_code == 401


async def test_two_host_headers_are_one_too_many(gateway: httpx.AsyncClient) -> None:
    address = urlsplit(str(gateway.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    )
    status_line = await reader.readline()
    writer.close()
    assert status_line.split()[1] in (b"400", b"403")


async def test_a_further_host_name_can_be_allowed(
    start_gateway: StartGateway, make_settings: MakeSettings
) -> None:
    gateway = await start_gateway(make_settings(allowed_hosts=frozenset({"gateway", "127.0.0.1"})))
    assert (await gateway.get("/health", headers={"Host": "gateway:8000"})).status_code == 200
    assert (await gateway.get("/health", headers={"Host": "localhost"})).status_code == 403


async def test_a_form_is_no_json(gateway: httpx.AsyncClient) -> None:
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        response = await gateway.post(
            "/run-bash/", content=b'{"cmd": "true"}', headers={"Content-Type": content_type}
        )
        assert (response.status_code, response.json()["code"]) == (415, "not_json")


async def test_a_body_over_the_limit_is_refused_with_and_without_a_length(gateway: httpx.AsyncClient) -> None:
    large = b'{"cmd": "' + b"x" * 300_000 + b'"}'
    json_type = {"Content-Type": "application/json"}
    assert (await gateway.post("/run-bash/", content=large, headers=json_type)).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 10_000):
            yield large[start : start + 10_000]

    response = await gateway.post("/run-bash/", content=pieces(), headers=json_type)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_answers_carry_headers_that_keep_browsers_out(gateway: httpx.AsyncClient) -> None:
    response = await gateway.get("/health")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_host_names_are_read_with_and_without_ports() -> None:
    assert host_name("LOCALHOST:8000") == "localhost"
    assert host_name("[::1]:8000") == "[::1]"
    assert host_name("[::1]") == "[::1]"
    assert host_name("127.0.0.1") == "127.0.0.1"


def test_only_uploads_have_no_limit_of_their_own() -> None:
    limits = BodyLimits()
    assert body_policy("PUT", "/models/gguf/x.gguf", limits).max_bytes is None
    assert body_policy("POST", "/ollama/api/blobs/sha256:0", limits).max_bytes is None
    assert body_policy("POST", "/ollama/api/chat", limits).max_bytes == limits.pass_through
    for path in ("/ollama/", "/llama-cpp/", "/run-bash/", "/anything"):
        policy = body_policy("POST", path, limits)
        assert (policy.max_bytes, policy.json_only) == (limits.default, True)
