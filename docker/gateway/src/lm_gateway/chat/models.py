"""Request and answer of POST /ollama/ and POST /llama-cpp/: one prompt to a model."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str


class ChatRequest(BaseModel):
    """`cmd` is the prompt; `messages` are what came before it. Without `model` one is chosen: a loaded
    one, else the first there is. `parameters` go to the runtime in its own words."""

    model_config = ConfigDict(extra="forbid")

    cmd: str = ""
    model: str | None = Field(default=None, min_length=1)
    messages: list[Message] = Field(default_factory=list)
    stream: bool = False
    parameters: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> ChatRequest:
        if not self.cmd and not self.messages:
            raise ValueError("cmd (the prompt) is empty and there are no messages")
        return self

    def conversation(self) -> list[JsonValue]:
        """All messages, the prompt last, as both runtimes take them."""
        prompt = [Message(role="user", content=self.cmd)] if self.cmd else []
        return [{"role": message.role, "content": message.content} for message in [*self.messages, *prompt]]


class Usage(BaseModel):
    """Tokens read and written; null when the runtime did not tell."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Timings(BaseModel):
    """Measured at the gateway, but `tokens_per_second`, which is the runtime's own figure."""

    first_token_ms: int | None = None
    duration_ms: int
    tokens_per_second: float | None = None


class ChatAnswer(BaseModel):
    """The model's answer. `error` is empty: a failure is answered with an error status instead."""

    output: str
    error: str = ""
    thinking: str
    model: str
    finish_reason: str | None
    usage: Usage
    timings: Timings
