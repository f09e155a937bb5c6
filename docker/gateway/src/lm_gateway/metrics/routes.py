"""GET /metrics: the gateway's numbers for Prometheus."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from lm_gateway.dependencies import Services, get_services
from lm_gateway.http.scopes import Scope, needs

router = APIRouter(dependencies=[needs(Scope.READ)])


class MetricsResponse(Response):
    """The text format of Prometheus."""

    media_type = CONTENT_TYPE_LATEST


@router.get("/metrics", response_class=MetricsResponse)
async def metrics(services: Annotated[Services, Depends(get_services)]) -> MetricsResponse:
    """Requests, durations, errors, bytes, running commands, and which parts are up."""
    parts = await services.parts.status()
    return MetricsResponse(services.metrics.render(parts, services.runner.running))
