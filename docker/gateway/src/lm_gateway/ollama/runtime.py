"""Where Ollama is."""

from __future__ import annotations

from lm_gateway.http.upstream import Runtime
from lm_gateway.settings import Settings


def ollama_runtime(settings: Settings) -> Runtime:
    return Runtime(part="ollama", title="Ollama", url=settings.ollama_url)
