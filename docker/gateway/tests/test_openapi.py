"""The OpenAPI document and the page made of it; and that the gateway answers as the document says, asked by
schemathesis with made-up requests."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from typing import Any, TypeAlias

import httpx
import hypothesis
import pytest
import schemathesis
import uvicorn
from fastapi.routing import APIRoute
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from conftest import TOKEN, MakeSettings
from lm_gateway.app import ROUTERS, create_app
from lm_gateway.docs.document import document, for_swagger_ui
from lm_gateway.settings import RequestLimits

EXAMPLES_PER_OPERATION = 25
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
NULL = re.compile(r'"type": ?"null"|"const"|"type": ?\[')


async def test_every_route_of_the_interface_is_described_with_its_errors_and_its_scope(
    gateway: httpx.AsyncClient,
) -> None:
    described = (await gateway.get("/openapi.json")).json()
    paths = {
        route.path_format
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    }
    assert set(described["paths"]) == paths
    assert described["openapi"].startswith("3.1")
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            case = f"{method} {path}"
            assert operation["description"], case
            assert "default" in operation["responses"], case
            assert "HTTPValidationError" not in json.dumps(operation), case
            if path == "/health":
                assert operation["security"] == [], case
            else:
                assert operation["security"] == [{"token": []}], case
                assert operation["x-scope"] in ("read", "models", "exec"), case
                assert {"401", "403", "422", "429"} <= set(operation["responses"]), case
    run_bash = described["paths"]["/run-bash/"]["post"]
    assert set(run_bash["responses"]["200"]["content"]) == {
        "application/json",
        "application/x-ndjson",
        "text/event-stream",
    }


async def test_the_page_needs_no_token_and_no_other_server(gateway: httpx.AsyncClient) -> None:
    del gateway.headers["Authorization"]
    page = await gateway.get("/docs")
    assert "://" not in page.text
    assert "<script>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for address in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        answer = await gateway.get(address)
        assert answer.status_code == 200, address
    script = (await gateway.get("/docs/page.js")).text
    # Others carry an Origin, and are refused.
    assert "supportedSubmitMethods: ['get']" in script
    described = (await gateway.get("/docs/openapi.json")).json()
    assert described["openapi"] == "3.0.3"
    assert not NULL.search(json.dumps(described))
    assert described["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    for missing in ("/docs/index.html", "/docs/..%2f__init__.py", "/docs/swagger-ui.css.map"):
        assert (await gateway.get(missing)).status_code == 404


def test_what_the_viewer_does_not_know_is_said_in_its_words() -> None:
    assert for_swagger_ui({"anyOf": [{"type": "string"}, {"type": "null"}]}) == {
        "allOf": [{"type": "string"}],
        "nullable": True,
    }
    assert for_swagger_ui({"type": ["integer", "null"], "exclusiveMinimum": 0}) == {
        "type": "integer",
        "nullable": True,
        "minimum": 0,
        "exclusiveMinimum": True,
    }
    assert for_swagger_ui([{"const": "a"}]) == [{"enum": ["a"]}]


@pytest.fixture
def address(make_settings: MakeSettings) -> Iterator[str]:
    """A gateway in a thread of its own: schemathesis asks without an event loop."""
    settings = make_settings(requests=RequestLimits(per_second=0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), port=0, log_level="error", access_log=False, ws="none")
    )
    started = threading.Event()

    async def serve() -> None:
        config = server.config
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        started.set()
        await server.main_loop()
        await server.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(30)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)


def test_the_gateway_answers_made_up_requests_as_the_document_says(
    make_settings: MakeSettings, address: str
) -> None:
    schema = schemathesis.openapi.from_dict(document(create_app(make_settings()), ROUTERS))
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) >= 20
    for operation in operations:
        assert ask_with_made_up_requests(operation, address, GenerationMode.POSITIVE), operation.label
        if operation.path_parameters or operation.query or operation.body:
            assert ask_with_made_up_requests(operation, address, GenerationMode.NEGATIVE), operation.label


def ask_with_made_up_requests(operation: Operation, address: str, mode: GenerationMode) -> int:
    """How many requests, of the described form (positive) or not, were answered as described. Raises when one
    was not."""
    asked = 0

    @hypothesis.settings(
        max_examples=EXAMPLES_PER_OPERATION,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        nonlocal asked
        response = case.call(
            base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20, stream=False
        )
        # No runtime runs here; that it is told so is right.
        told = response.status_code in (502, 503)
        case.validate_response(response, checks=CHECKS[1:] if told else CHECKS)
        asked += 1

    ask()
    return asked
