"""Asks every route of an application with every kind of caller, straight over ASGI. A request that gets past
all checks is stopped at the route's door with 418, so that nothing is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter, APIWebSocketRoute
from starlette.requests import HTTPConnection
from starlette.types import Message

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.scopes import Scope, ScopeCheck

PASSED = 418
PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Door:
    """One route and method; `checks` are the scopes it declares, which must be one, None for an open one."""

    method: str
    path: str
    checks: tuple[Scope | None, ...]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def doors(routers: Iterable[APIRouter]) -> list[Door]:
    """All of them. A route of a kind that is not known here is an error: it could not be asked."""
    found = []
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                methods = sorted(route.methods or ())
            elif isinstance(route, APIWebSocketRoute):
                methods = ["WEBSOCKET"]
            else:
                raise AssertionError(f"{route!r} is of a kind that the matrix cannot ask")
            path = PARAMETER.sub("1", route.path)
            found += [Door(method, path, tuple(_checks(route.dependant))) for method in methods]
    return found


def _checks(dependant: Dependant) -> Iterator[Scope | None]:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, ScopeCheck):
            yield dependency.call.scope
        yield from _checks(dependency)


async def check_and_stop(self: ScopeCheck, connection: HTTPConnection) -> None:
    """In place of ScopeCheck.__call__: the same check, and then the end."""
    await ORIGINAL_CHECK(self, connection)
    raise GatewayError(ErrorCode.INVALID_REQUEST, "stopped at the door", status=PASSED)


ORIGINAL_CHECK = ScopeCheck.__call__


async def ask(
    app: FastAPI, door: Door, headers: list[tuple[str, str]], client: str = "127.0.0.1"
) -> tuple[int, str]:
    """Status and error code of an answer; a WebSocket that is accepted gives 101."""
    body = b"{}" if door.method in ("POST", "PUT", "PATCH") else b""
    sent = [("content-type", "application/json"), ("content-length", str(len(body)))] if body else []
    scope: dict[str, Any] = {
        "type": "websocket" if door.method == "WEBSOCKET" else "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws" if door.method == "WEBSOCKET" else "http",
        "path": door.path,
        "raw_path": door.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers + sent],
        "client": (client, 1),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
    if door.method == "WEBSOCKET":
        scope["subprotocols"] = []
    else:
        scope["method"] = door.method
    messages: list[Message] = []

    async def receive() -> Message:
        if door.method == "WEBSOCKET":
            return {"type": "websocket.connect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, send)
    kind = messages[0]["type"]
    if kind == "websocket.accept":
        return 101, ""
    answer = b"".join(message.get("body", b"") for message in messages[1:])
    return int(messages[0]["status"]), _code(answer)


def _code(answer: bytes) -> str:
    try:
        value = json.loads(answer)
    except ValueError:
        return ""
    if not isinstance(value, dict):
        return ""
    error = value.get("error")
    # Under /v1 errors have the shape of OpenAI's.
    return str(error.get("code") if isinstance(error, dict) else value.get("code"))
