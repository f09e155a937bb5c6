"""Host, Origin and token on every route, kinds and sizes of bodies. The matrix comes from the route table,
so that a new route cannot be forgotten."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute

from conftest import TOKEN, MakeSettings, StartGateway
from lm_gateway.app import ROUTERS, create_app
from lm_gateway.http.security import body_policy, host_name
from lm_gateway.settings import BodyLimits

ROUTES = sorted(
    {
        (method, route.path.replace("{name}", "x.gguf").replace("{path:path}", "api/tags"))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
)
HOSTS = {"127.0.0.1:8000": True, "localhost": True, "[::1]:8000": True, "evil.example:8000": False, "": False}
ORIGINS = {None: True, "http://127.0.0.1:8000": False, "null": False}
TOKENS = {
    f"Bearer {TOKEN}": True,
    f"bearer {TOKEN}": True,
    None: False,
    "Bearer wrong-token-of-a-length": False,
    f"Basic {TOKEN}": False,
    f"Bearer  {TOKEN}": True,
    "Bearer": False,
}


def test_the_route_table_was_found() -> None:
    assert ("POST", "/run-bash/") in ROUTES
    assert len(ROUTES) > 15


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_refuses_a_wrong_host_origin_or_token(
    make_settings: MakeSettings, method: str, path: str
) -> None:
    transport = httpx.ASGITransport(create_app(make_settings()), raise_app_exceptions=False)
    gateway = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
    for (host, host_good), (origin, origin_good), (token, token_good) in itertools.product(
        HOSTS.items(), ORIGINS.items(), TOKENS.items()
    ):
        headers = {"Host": host, "Origin": origin, "Authorization": token}
        request = gateway.build_request(method, path)
        request.headers = httpx.Headers({name: value for name, value in headers.items() if value is not None})
        status = (await gateway.send(request)).status_code
        case = (method, path, host, origin, token)
        if not host_good or not origin_good:
            assert status == 403, case
        elif not token_good and path != "/health":
            assert status == 401, case
        else:
            assert status not in (400, 401, 403), case


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
