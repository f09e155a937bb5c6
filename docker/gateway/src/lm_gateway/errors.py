"""Failures as the gateway answers them: one shape, a closed set of codes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from pydantic import JsonValue
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ErrorCode(Enum):
    """Every code with its HTTP status and whether the same request may work later."""

    INVALID_REQUEST = ("invalid_request", 422, False)
    UNAUTHORIZED = ("unauthorized", 401, False)
    PEER_REFUSED = ("peer_refused", 403, False)
    HOST_REFUSED = ("host_refused", 403, False)
    ORIGIN_REFUSED = ("origin_refused", 403, False)
    FORBIDDEN_SCOPE = ("scope_missing", 403, False)
    OUTSIDE_WORKSPACE = ("outside_workspace", 403, False)
    PERMISSION_DENIED = ("permission_denied", 403, False)
    NOT_FOUND = ("not_found", 404, False)
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, False)
    CONFLICT = ("conflict", 409, False)
    PRECONDITION_FAILED = ("precondition_failed", 412, False)
    RANGE_NOT_SATISFIABLE = ("range_not_satisfiable", 416, False)
    NO_MODEL = ("no_model", 409, False)
    BODY_TOO_LARGE = ("body_too_large", 413, False)
    NOT_JSON = ("not_json", 415, False)
    NOT_SUPPORTED = ("not_supported", 400, False)
    CONTEXT_LENGTH_EXCEEDED = ("context_length_exceeded", 400, False)
    MODEL_NOT_FOUND = ("model_not_found", 404, False)
    INVALID_MODEL_FILE = ("invalid_model_file", 422, False)
    TOO_MANY_COMMANDS = ("too_many_commands", 429, True)
    TOO_MANY_REQUESTS = ("too_many_requests", 429, True)
    RATE_LIMITED = ("rate_limited", 429, True)
    LOCKED_OUT = ("locked_out", 429, True)
    CLIENT_GONE = ("client_gone", 499, False)
    INTERNAL = ("internal", 500, False)
    UPSTREAM_FAILED = ("upstream_failed", 502, True)
    RUNTIME_UNAVAILABLE = ("runtime_unavailable", 503, True)
    DISK_FULL = ("disk_full", 507, False)

    def __init__(self, code: str, status: int, retryable: bool) -> None:
        self.code = code
        self.status = status
        self.retryable = retryable


class GatewayError(HTTPException):
    """A failure that is told to the caller. `message` says what happened and names the repair.

    It is an HTTPException because FastAPI turns any other exception from reading a body into its own 400.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        details: Mapping[str, JsonValue] | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=status or code.status, detail=message, headers=dict(headers or {}))
        self.code = code
        self.message = message
        self.details = dict(details or {})

    def body(self) -> dict[str, JsonValue]:
        """The answer: `error` is text, as in every answer of the gateway; the rest is for programs."""
        return {
            "error": self.message,
            "code": self.code.code,
            "details": self.details,
            "retryable": self.code.retryable,
        }

    def openai_body(self) -> dict[str, JsonValue]:
        """The same in the shape of OpenAI's interface, which /v1 speaks; `details.param` is its `param`."""
        return {
            "error": {
                "message": self.message,
                "type": OPENAI_TYPES.get(self.status_code)
                or ("server_error" if self.status_code >= 500 else "invalid_request_error"),
                "param": self.details.get("param"),
                "code": self.code.code,
            }
        }

    def response(self, path: str = "") -> JSONResponse:
        """The answer to a request for `path`: under /v1 in OpenAI's shape, else in the gateway's."""
        if path != "/v1" and not path.startswith("/v1/"):
            return JSONResponse(self.body(), status_code=self.status_code, headers=self.headers)
        # There a request that does not fit is 400.
        status = 400 if self.status_code == 422 else self.status_code
        return JSONResponse(self.openai_body(), status_code=status, headers=self.headers)
