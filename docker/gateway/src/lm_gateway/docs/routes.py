"""GET /openapi.json for programs, GET /docs for people.

The page and its files answer without a token: a browser sends none when somebody opens an address, and one
in the address would end up in histories. They say nothing that the project's sources do not say. The page can
try out what only reads, with a token that its reader types and that is forgotten when the page is left; its
policy allows no file of another kind and no other host. Requests that change something are not offered: a
browser sends their Origin, and the gateway refuses all that have one.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, HTMLResponse, Response

from lm_gateway.docs.document import document, for_swagger_ui
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.scopes import Scope, needs, open_to_all

router = APIRouter(include_in_schema=False)
OPEN = [open_to_all()]
ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>lm-sandbox gateway</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <link rel="icon" href="/docs/favicon-32x32.png" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/page.js"></script>
  </body>
</html>
"""
SCRIPT = """\
SwaggerUIBundle({
  url: '/docs/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  supportedSubmitMethods: ['get'],
  persistAuthorization: false,
  validatorUrl: null,
});
"""


@router.get("/openapi.json", dependencies=[needs(Scope.READ)])
async def openapi(request: Request) -> Any:
    """The interface as an OpenAPI 3.1 document."""
    return document(request.app, request.app.state.routers)


@router.get("/docs", dependencies=OPEN)
async def page() -> Response:
    """The page. It needs no other server."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": PAGE_POLICY})


@router.get("/docs/openapi.json", dependencies=OPEN)
async def openapi_of_page(request: Request) -> Any:
    """The same in the words of OpenAPI 3.0, which is what the viewer knows."""
    return for_swagger_ui(document(request.app, request.app.state.routers))


@router.get("/docs/page.js", dependencies=OPEN)
async def script() -> Response:
    return Response(SCRIPT, media_type="text/javascript")


@router.get("/docs/{name}", dependencies=OPEN)
async def asset(name: str) -> Response:
    """One of the viewer's files."""
    if name not in ASSETS:
        raise GatewayError(ErrorCode.NOT_FOUND, "the page has no such file")
    return FileResponse(_viewer() / name)


def _viewer() -> Path:
    vendor = Path(str(files("swagger_ui_bundle"))) / "vendor"
    (folder,) = vendor.glob("swagger-ui-*")
    return folder
