"""What every request must pass before it is routed: Host, Origin, token, kind and size of the body."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.open_access import is_loopback, routers
from lm_gateway.http.rate_limit import Admission, Concurrency, RateLimit, WrongTokens
from lm_gateway.http.scopes import ALL_SCOPES, Caller, unauthorized
from lm_gateway.http.tokens import Tokens
from lm_gateway.settings import BodyLimits, Settings

# The description of the interface says nothing about this installation, and a browser sends no token for it.
OPEN_PATHS = ("/health", "/docs")
OPEN_PREFIXES = ("/docs/",)
ANONYMOUS = Caller("anonymous", ALL_SCOPES)
LOG = logging.getLogger(__name__)
METHODS_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
POLICY_VIOLATION = 1008
STRICT_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


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


def is_open(path: str) -> bool:
    """Whether a path answers without a token."""
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


class SecurityMiddleware:
    """Refuses before routing, so that no route can forget it. What a token may do, the route knows; see
    http/scopes.py."""

    def __init__(self, app: ASGIApp, settings: Settings, tokens: Tokens) -> None:
        limits = settings.requests
        self._app = app
        self._settings = settings
        self._tokens = tokens
        self._rate = RateLimit(limits.per_second, max(1.0, limits.per_second * limits.burst_s))
        self._wrong_tokens = WrongTokens(
            limits.wrong_tokens, limits.wrong_tokens_within_s, limits.locked_out_s
        )
        self._concurrency = Concurrency(limits.at_a_time)
        self._routers = routers() if settings.open_access else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        try:
            self._check_addressee(headers)
            state["caller"] = self._find_caller(scope, headers)
            if scope["type"] == "http":
                receive = self._check_body(scope, headers, receive)
        except GatewayError as error:
            await _refuse(error, scope, receive, send)
            return
        state["admission"] = admission = Admission(self._concurrency)
        try:
            await self._app(scope, receive, _with_safe_headers(send))
        finally:
            admission.end()

    def _check_addressee(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_name(hosts[0]) not in self._settings.allowed_hosts:
            raise GatewayError(
                ErrorCode.HOST_REFUSED,
                f"the Host header {', '.join(hosts)!r} is not one of this gateway's names; call it as "
                "127.0.0.1 or localhost, or add the name to LM_ALLOWED_HOSTS",
            )
        # An image or a link of a foreign page has no Origin, but newer browsers tell where it comes from.
        foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if "origin" in headers or foreign:
            raise GatewayError(
                ErrorCode.ORIGIN_REFUSED,
                "requests of web pages (with an Origin header) are refused; call the gateway from a program",
            )

    def _find_caller(self, scope: Scope, headers: Headers) -> Caller | None:
        """Who calls; None on an open path. Raises GatewayError for everybody else without a token."""
        given = headers.getlist("authorization")
        if given:
            found = self._check_token(given)
            if found is None and not is_open(scope["path"]):
                raise self._wrong_token_error()
        elif is_open(scope["path"]) and not self._settings.open_access:
            found = None
        elif self._settings.open_access:
            found = self._check_peer(scope)
        else:
            raise unauthorized()
        if found is not None:
            self._rate.check(found.name)
        return found

    def _check_token(self, given: list[str]) -> Caller | None:
        scheme, _, token = given[0].partition(" ")
        if len(given) == 1 and scheme.lower() == "bearer" and (found := self._tokens.find(token.strip())):
            return found
        if self._wrong_tokens.note():
            LOG.warning(
                "%d wrong tokens came within a minute; wrong ones now get 429, right ones still pass",
                self._settings.requests.wrong_tokens,
            )
        return None

    def _wrong_token_error(self) -> GatewayError:
        wait_s = math.ceil(self._wrong_tokens.locked_for())
        if not wait_s:
            return unauthorized()
        return GatewayError(
            ErrorCode.LOCKED_OUT,
            f"the token is wrong, and many wrong ones came; none is told so for another {wait_s} s, "
            "but the right one is taken at any time",
            headers={"Retry-After": str(wait_s), "WWW-Authenticate": "Bearer"},
        )

    def _check_peer(self, scope: Scope) -> Caller | None:
        address = scope["client"][0] if scope.get("client") else ""
        if is_loopback(address) or address in self._routers:
            return ANONYMOUS
        if is_open(scope["path"]):
            return None
        raise GatewayError(
            ErrorCode.PEER_REFUSED,
            f"without a token only this machine may call, and {address or 'the caller'} is another; "
            "send the header `Authorization: Bearer TOKEN`",
        )

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
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            # A file of the workspace may be a web page: should a browser ever show it, it stays lifeless.
            headers.setdefault("Content-Security-Policy", STRICT_CONTENT_POLICY)
            # The runtimes answer with headers for browsers of their own; no page may use the gateway.
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
        await send(message)

    return sending


async def _refuse(error: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
    scope["state"]["error_code"] = error.code.code
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": error.code.code})
        return
    await error.response(scope["path"])(scope, receive, _with_safe_headers(send))
