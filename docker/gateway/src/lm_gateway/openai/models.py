"""The requests of /v1: what the gateway itself looks at. Everything else goes to the runtime unseen."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from lm_gateway.models.names import RuntimeName


class StreamOptions(BaseModel):
    """`include_usage`: the last chunk tells the tokens used."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = None


class OpenAIRequest(BaseModel):
    """What the requests share. `options` (such as num_ctx) and `keep_alive` are Ollama's own and need no
    place in OpenAI's interface; llama-server ignores them."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logit_bias: dict[str, float] | None = None
    options: dict[str, JsonValue] | None = None
    keep_alive: JsonValue = None

    @property
    def include_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    def beyond(self, name: str) -> JsonValue:
        """A field that is not OpenAI's."""
        return (self.model_extra or {}).get(name)


class ChatCompletionRequest(OpenAIRequest):
    """POST /v1/chat/completions."""

    messages: list[dict[str, JsonValue]] = Field(min_length=1)
    tools: list[dict[str, JsonValue]] | None = None
    tool_choice: str | dict[str, JsonValue] | None = None
    response_format: dict[str, JsonValue] | None = None
    reasoning_effort: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


class CompletionRequest(OpenAIRequest):
    """POST /v1/completions: text that is continued as it is, without the model's template."""

    prompt: str | list[JsonValue]
    suffix: str | None = None
    echo: bool | None = None
    logprobs: int | None = None


class EmbeddingRequest(BaseModel):
    """POST /v1/embeddings."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)
    input: str | list[JsonValue]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] | None = None


class OpenAIModel(BaseModel):
    """A model as /v1/models tells it; `created` is in seconds since 1970, 0 when not known."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: RuntimeName


class OpenAIModelList(BaseModel):
    """All models of both runtimes."""

    object: Literal["list"] = "list"
    data: list[OpenAIModel]
