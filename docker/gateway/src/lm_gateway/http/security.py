"""What every request must pass before it is routed: Host, Origin, token, kind and size of the body."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.scopes import ALL_SCOPES, Caller, unauthorized
from lm_gateway.settings import BodyLimits, Settings

OPEN_PATHS = ("/health",)
METHODS_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
POLICY_VIOLATION = 1008


@dataclass(frozen=True)
class BodyPolicy:
    """What body a route takes; `max_bytes` None leaves the limit to the route."""

    max_bytes: int | None
    json_only: bool


def body_policy(method: str, path: str, limits: BodyLimits) -> BodyPolicy:
    """The policy of a route, by its path: uploads, pass-through, everything else."""
    if method == "PUT" and path.startswith("/models/gguf/"):
        return BodyPolicy(max_bytes=None, json_only=False)
    if method == "PUT" and path.startswith("/files/"):
        return BodyPolicy(max_bytes=None, json_only=False)
    if path.startswith("/ollama/api/blobs/"):
        return BodyPolicy(max_bytes=None, json_only=False)
    for prefix in ("/ollama/", "/llama-cpp/", "/v1/"):
        if path.startswith(prefix) and path != prefix:
            return BodyPolicy(max_bytes=limits.pass_through, json_only=True)
    return BodyPolicy(max_bytes=limits.default, json_only=True)


def host_name(header: str) -> str:
    """The name in a Host header, without the port: `[::1]:8000` gives `[::1]`."""
    if header.startswith("["):
        return header.partition("]")[0].lower() + "]"
    return header.partition(":")[0].lower()


class SecurityMiddleware:
    """Refuses before routing, so that no route can forget it."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._token_digest = _digest(settings.token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            scope.setdefault("state", {})["caller"] = self._check_caller(scope, headers)
            if scope["type"] == "http":
                receive = self._check_body(scope, headers, receive)
        except GatewayError as error:
            await _refuse(error, scope, receive, send)
            return
        await self._app(scope, receive, _with_safe_headers(send))

    def _check_caller(self, scope: Scope, headers: Headers) -> Caller | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_name(hosts[0]) not in self._settings.allowed_hosts:
            raise GatewayError(
                ErrorCode.HOST_REFUSED,
                f"the Host header {', '.join(hosts)!r} is not one of this gateway's names; call it as "
                "127.0.0.1 or localhost, or add the name to LM_ALLOWED_HOSTS",
            )
        if "origin" in headers:
            raise GatewayError(
                ErrorCode.ORIGIN_REFUSED,
                "requests of web pages (with an Origin header) are refused; call the gateway from a program",
            )
        if self._has_token(headers):
            return Caller("default", ALL_SCOPES)
        if scope["path"] not in OPEN_PATHS:
            raise unauthorized()
        return None

    def _has_token(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(" ")
        # Digests have one length, so the comparison tells nothing about the token's.
        return scheme.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self._token_digest)

    def _check_body(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        policy = body_policy(scope["method"], scope["path"], self._settings.bodies)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if not has_body or scope["method"] not in METHODS_WITH_BODY:
            return receive
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if policy.json_only and media_type != "application/json":
            raise GatewayError(
                ErrorCode.NOT_JSON,
                f"the body is {media_type or 'of no stated type'}; "
                "send JSON with the header `Content-Type: application/json`",
            )
        if policy.max_bytes is None:
            return receive
        length = headers.get("content-length")
        if length is not None and (not length.isdigit() or int(length) > policy.max_bytes):
            raise _too_large(policy.max_bytes)
        return _counted(receive, policy.max_bytes)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _too_large(max_bytes: int) -> GatewayError:
    return GatewayError(
        ErrorCode.BODY_TOO_LARGE,
        f"the body is larger than {max_bytes} bytes; send less, or use the upload routes for files",
        details={"max_bytes": max_bytes},
    )


def _counted(receive: Receive, max_bytes: int) -> Receive:
    """For bodies whose length is not announced."""
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _too_large(max_bytes)
        return message

    return counting


def _with_safe_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Cache-Control"] = "no-store"
            # The runtimes answer with headers for browsers of their own; no page may use the gateway.
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
        await send(message)

    return sending


async def _refuse(error: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": error.code.code})
        return
    await error.response(scope["path"])(scope, receive, _with_safe_headers(send))
