"""The OpenAPI document: what FastAPI makes of the routes, and what it cannot know: tokens and their scopes,
the one shape of errors, and that some answers can be streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from lm_gateway.errors import ErrorCode
from lm_gateway.http.scopes import Scope, ScopeCheck

DESCRIPTION = """\
Commands, files and models of one sandbox, behind one port and tokens.

Not described here, because OpenAPI has no words for them: the runtimes' own interfaces, which pass unchanged
under `/ollama/PATH` and `/llama-cpp/PATH`, and the WebSockets of sessions. docker/README.md has examples.
"""
ERROR_SCHEMA = {
    "type": "object",
    "required": ["error", "code", "details", "retryable"],
    "properties": {
        "error": {"type": "string", "description": "What happened and what helps"},
        "code": {"type": "string", "enum": sorted({code.code for code in ErrorCode})},
        "details": {"type": "object", "additionalProperties": True},
        "retryable": {"type": "boolean", "description": "Whether the same request may work later"},
    },
}
OPENAI_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
COMMON_ERRORS = {
    "401": "No token, or a wrong one",
    "403": "The token's scopes, Host, Origin or the caller's address",
    "404": "There is no such thing",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "422": "The request makes no sense",
    "429": "Too much at a time; `Retry-After` says when",
    "500": "The gateway failed",
    "default": "Any other failure",
}
# What a path begins with, and the heading it stands under.
GROUPS = {
    "run-bash": "commands",
    "commands": "commands",
    "sessions": "sessions",
    "files": "files",
    "v1": "models, as of OpenAI",
    "models": "models",
    "ollama": "models",
    "llama-cpp": "models",
}
OPEN_ERRORS = ("403", "500", "default")


def document(app: FastAPI, routers: tuple[APIRouter, ...]) -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    schema: dict[str, Any] = app.openapi()
    if "securitySchemes" in schema.setdefault("components", {}):
        return schema
    schema["info"]["description"] = DESCRIPTION
    schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    schemas = schema["components"].setdefault("schemas", {})
    schemas |= {"Error": ERROR_SCHEMA, "OpenAIError": OPENAI_ERROR_SCHEMA}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    scopes = dict(_scopes(routers))
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, scopes[method.upper(), path], schemas)
    return schema


def _complete(operation: dict[str, Any], path: str, scope: Scope | None, schemas: dict[str, Any]) -> None:
    error = {"$ref": f"#/components/schemas/{'OpenAIError' if path.startswith('/v1/') else 'Error'}"}
    responses = operation["responses"]
    # FastAPI's own, of a shape that the gateway never answers with.
    responses.pop("422", None)
    for status, description in COMMON_ERRORS.items():
        if scope is not None or status in OPEN_ERRORS:
            responses.setdefault(
                status, {"description": description, "content": {"application/json": {"schema": error}}}
            )
    operation.setdefault("tags", [GROUPS.get(path.split("/")[1], "gateway")])
    operation["security"] = [] if scope is None else [{"token": []}]
    if scope is not None:
        operation["x-scope"] = scope.value
        operation["description"] = f"{operation.get('description', '')}\n\nScope: `{scope.value}`".strip()
    if "200" in responses and _can_stream(operation, schemas):
        content = responses["200"].setdefault("content", {})
        events = {"schema": {"type": "string", "description": "One event after the other"}}
        content.setdefault("text/event-stream", events)
        if not path.startswith("/v1/"):
            content.setdefault("application/x-ndjson", events)


def _can_stream(operation: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether its caller may ask for a stream, or it makes its answer itself, which is one then."""
    answer = operation["responses"]["200"].get("content", {})
    if answer.get("application/json") == {"schema": {}}:
        return True
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = schemas.get(body.get("$ref", "").rpartition("/")[2], body)
    return "stream" in schema.get("properties", {})


def _scopes(routers: tuple[APIRouter, ...]) -> Iterator[tuple[tuple[str, str], Scope | None]]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    yield (method, route.path_format), _scope(route.dependant)


def _scope(dependant: Dependant) -> Scope | None:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, ScopeCheck):
            return dependency.call.scope
    return None


def for_swagger_ui(value: Any) -> Any:
    """A document of OpenAPI 3.0 for the page's viewer, which does not know 3.1: null is `nullable`, a
    constant is an enum of one, limits that are excluded are flags."""
    if isinstance(value, list):
        return [for_swagger_ui(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: for_swagger_ui(item) for name, item in value.items()}
    if "openapi" in value:
        value["openapi"] = "3.0.3"
    kinds = value.get("type")
    if isinstance(kinds, list):
        rest = [kind for kind in kinds if kind != "null"]
        value |= {"type": rest[0], "nullable": len(rest) < len(kinds)} if len(rest) == 1 else {}
    choices = value.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        del value["anyOf"]
        value |= {"allOf": rest} if len(rest) == 1 else {"anyOf": rest}
        value["nullable"] = True
    if "const" in value:
        value["enum"] = [value.pop("const")]
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(value.get(exclusive), int | float) and not isinstance(value[exclusive], bool):
            value[limit], value[exclusive] = value[exclusive], True
    return value
