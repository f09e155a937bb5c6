"""Requests and answers of /models."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from lm_gateway.models.listing import Model
from lm_gateway.models.names import RuntimeName


class RuntimeState(BaseModel):
    """Whether a runtime could be asked for its models, and why not."""

    reachable: bool
    error: str | None = None


class ModelList(BaseModel):
    """The models of both runtimes, and which runtimes answered."""

    models: list[Model]
    runtimes: dict[RuntimeName, RuntimeState]


class _ModelRequest(BaseModel):
    """`model` is any name that /v1 takes; with `runtime` it is that runtime's own name."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1)
    runtime: RuntimeName | None = None


class LoadRequest(_ModelRequest):
    """`context` (tokens) and `keep_alive` (how long it stays without being used: "10m", -1 for ever) are for
    models of Ollama; llama-server takes both from its own settings."""

    context: int | None = Field(default=None, gt=0)
    keep_alive: str | int | None = None


class UnloadRequest(_ModelRequest):
    """The model to be taken out of memory."""


class PullRequest(BaseModel):
    """`insecure` allows a registry without TLS, for one's own."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1)
    insecure: bool = False


class ShareRequest(_ModelRequest):
    """`name` is what the model is called in the other runtime; without it, what it is called in this one."""

    name: str | None = Field(default=None, min_length=1)


class Shared(BaseModel):
    """The other runtime's model. `digest` is the file's sha256; `saved_bytes` is what a second copy took
    before and no longer takes."""

    model: Model | None
    digest: str
    size_bytes: int
    saved_bytes: int


class Removed(BaseModel):
    """The model that is gone."""

    runtime: RuntimeName
    name: str


Progress: TypeAlias = dict[str, JsonValue]
