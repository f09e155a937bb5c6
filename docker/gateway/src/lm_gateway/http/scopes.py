"""What a caller may do. Every route declares what it needs; the test of the security matrix fails for one
that does not.

The middleware (http/security.py) finds out who calls before anything is routed; the check of the scope is a
dependency of the route, because only the route knows what it does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Depends
from pydantic import JsonValue
from starlette.requests import HTTPConnection

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.rate_limit import Admission
from lm_gateway.http.token_file import Scope as Scope

ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True)
class Caller:
    """Whose token came with the request, and what it may do."""

    name: str
    scopes: frozenset[Scope]


@dataclass(frozen=True)
class ScopeCheck:
    """The dependency behind `needs`; its type is how tests and the OpenAPI document find it on a route.

    It counts the request too, for the limit of requests at a time: what a route needs is also its kind."""

    scope: Scope | None

    async def __call__(self, connection: HTTPConnection) -> None:
        if self.scope is None:
            return
        found = caller(connection)
        if found is None:
            raise unauthorized()
        if self.scope not in found.scopes:
            has: list[JsonValue] = [scope.value for scope in sorted(found.scopes)]
            raise GatewayError(
                ErrorCode.FORBIDDEN_SCOPE,
                f"this route needs a token with the scope {self.scope.value}; the token {found.name!r} has "
                + (", ".join(sorted(found.scopes)) or "none"),
                details={"needed": self.scope.value, "has": has},
            )
        admission = connection.state.admission
        assert isinstance(admission, Admission)
        admission.enter(self.scope)


def needs(scope: Scope) -> Any:
    """A dependency for a router or a route, HTTP or WebSocket:
    `APIRouter(dependencies=[needs(Scope.EXEC)])`. Without the scope the answer is 403 `scope_missing`;
    a WebSocket is refused before it is accepted."""
    return Depends(ScopeCheck(scope))


def open_to_all() -> Any:
    """The declaration of a route that answers without a token; the middleware lists these paths too."""
    return Depends(ScopeCheck(None))


def caller(connection: HTTPConnection) -> Caller | None:
    """Who calls; None without a token, which only open routes see."""
    found = getattr(connection.state, "caller", None)
    return found if isinstance(found, Caller) else None


def caller_name(connection: HTTPConnection) -> str:
    """The name of the caller's token, for the audit log."""
    found = caller(connection)
    return "nobody" if found is None else found.name


def may(connection: HTTPConnection, scope: Scope) -> bool:
    """Whether the caller has the scope, for routes that tell some callers more than others."""
    found = caller(connection)
    return found is not None and scope in found.scopes


def unauthorized() -> GatewayError:
    return GatewayError(
        ErrorCode.UNAUTHORIZED,
        "the token is missing or wrong; send the header `Authorization: Bearer TOKEN`",
        headers={"WWW-Authenticate": "Bearer"},
    )
