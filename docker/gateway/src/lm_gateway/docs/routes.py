"""GET /openapi.json: the description of the interface, for programs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from lm_gateway.http.scopes import Scope, needs

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False, dependencies=[needs(Scope.READ)])
async def openapi(request: Request) -> Any:
    """All routes but the pass-through and the WebSockets, as an OpenAPI 3.1 document."""
    return request.app.openapi()
