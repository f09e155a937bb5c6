"""Where llama-server is."""

from __future__ import annotations

from lm_gateway.http.upstream import Runtime
from lm_gateway.settings import Settings


def llama_cpp_runtime(settings: Settings) -> Runtime:
    return Runtime(part="llama_cpp", title="llama-server", url=settings.llama_cpp_url)
