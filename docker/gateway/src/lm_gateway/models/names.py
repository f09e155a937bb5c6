"""What the two runtimes are called in answers and in the ids of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lm_gateway.http.upstream import Runtime
from lm_gateway.llama_cpp.runtime import llama_cpp_runtime
from lm_gateway.ollama.runtime import ollama_runtime
from lm_gateway.settings import Settings

RuntimeName = Literal["ollama", "llama.cpp"]
# llama.cpp first: where both could be meant, a file's exact name wins over Ollama's short form of a name.
RUNTIME_NAMES: tuple[RuntimeName, ...] = ("llama.cpp", "ollama")
DEFAULT_TAG = ":latest"


@dataclass(frozen=True)
class ModelName:
    """A model as its runtime calls it."""

    runtime: RuntimeName
    name: str

    def __str__(self) -> str:
        return f"{self.runtime}/{self.name}"


def runtime_of(settings: Settings, name: RuntimeName) -> Runtime:
    return ollama_runtime(settings) if name == "ollama" else llama_cpp_runtime(settings)


def with_prefix(wanted: str) -> ModelName | None:
    """`ollama/NAME` and `llama.cpp/NAME` always mean that runtime's NAME; None without such a prefix."""
    for runtime in RUNTIME_NAMES:
        if wanted.startswith(runtime + "/") and len(wanted) > len(runtime) + 1:
            return ModelName(runtime, wanted[len(runtime) + 1 :])
    return None
