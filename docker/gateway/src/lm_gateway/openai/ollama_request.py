"""Requests of OpenAI's interface in the words of Ollama's native one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pydantic import JsonValue

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.http.json_values import field, items, text
from lm_gateway.openai.models import ChatCompletionRequest, CompletionRequest, OpenAIRequest
from lm_gateway.openai.refusals import not_supported

DATA_URL = re.compile(r"data:[^;,]*;base64,(.*)", re.DOTALL)
# OpenAI's name, or one that both runtimes know, to Ollama's option.
SAME_OPTIONS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
EXTRA_OPTIONS = ("top_k", "min_p", "typical_p", "repeat_penalty", "repeat_last_n", "num_ctx")
# Overlong conversations are an error, as everywhere else: Ollama would drop their beginning silently.
NEVER_CUT: Mapping[str, JsonValue] = {"truncate": False, "shift": False}


def chat_body(wanted: ChatCompletionRequest, model: str) -> dict[str, JsonValue]:
    """The body of POST /api/chat. Raises NOT_SUPPORTED for what Ollama cannot do."""
    body: dict[str, JsonValue] = {**_common(wanted, model), "messages": _messages(wanted.messages)}
    if tools := _tools(wanted):
        body["tools"] = tools
    if wanted.response_format is not None:
        response_format = _format(wanted.response_format)
        if response_format is not None:
            body["format"] = response_format
    think = _think(wanted)
    if think is not None:
        body["think"] = think
    if wanted.logprobs:
        body["logprobs"] = True
        body["top_logprobs"] = wanted.top_logprobs or 0
    return body


def completion_body(wanted: CompletionRequest, model: str) -> dict[str, JsonValue]:
    """The body of POST /api/generate. Raises NOT_SUPPORTED for what Ollama cannot do."""
    body = _common(wanted, model)
    prompts = wanted.prompt if isinstance(wanted.prompt, list) else [wanted.prompt]
    if len(prompts) != 1 or not isinstance(prompts[0], str):
        raise not_supported("prompt", "a model of Ollama takes one prompt, as text, at a time")
    if wanted.echo:
        raise not_supported("echo", "a model of Ollama cannot repeat the prompt (echo)")
    body["prompt"] = prompts[0]
    if wanted.suffix:
        # Filling in between needs the model's template; everything else is continued as it is.
        body["suffix"] = wanted.suffix
    else:
        body["raw"] = True
    if wanted.logprobs is not None:
        body["logprobs"] = True
        body["top_logprobs"] = wanted.logprobs
    return body


def _common(wanted: OpenAIRequest, model: str) -> dict[str, JsonValue]:
    if wanted.n not in (None, 1):
        raise not_supported("n", "a model of Ollama gives one answer at a time (n = 1)")
    if wanted.logit_bias:
        raise not_supported("logit_bias", "Ollama has no logit_bias")
    body: dict[str, JsonValue] = {**NEVER_CUT, "model": model, "stream": bool(wanted.stream)}
    if wanted.keep_alive is not None:
        body["keep_alive"] = wanted.keep_alive
    body["options"] = _options(wanted)
    return body


def _options(wanted: OpenAIRequest) -> dict[str, JsonValue]:
    options: dict[str, JsonValue] = {}
    for name in SAME_OPTIONS:
        value = getattr(wanted, name)
        if value is not None:
            options[name] = value
    for name in EXTRA_OPTIONS:
        if (extra := wanted.beyond(name)) is not None:
            options[name] = extra
    limit = wanted.max_tokens if wanted.max_completion_tokens is None else wanted.max_completion_tokens
    if limit is not None:
        options["num_predict"] = limit
    if wanted.stop is not None:
        stop: list[JsonValue] = [wanted.stop] if isinstance(wanted.stop, str) else [*wanted.stop]
        options["stop"] = stop
    return options | (wanted.options or {})


def _tools(wanted: ChatCompletionRequest) -> list[JsonValue]:
    tools: list[JsonValue] = [*(wanted.tools or [])]
    match wanted.tool_choice:
        case None | "auto":
            return tools
        case "none":
            return []
        case _:
            raise not_supported(
                "tool_choice", "Ollama cannot be made to call a tool; tool_choice must be auto or none"
            )


def _format(response_format: Mapping[str, JsonValue]) -> JsonValue:
    match response_format.get("type"):
        case "text":
            return None
        case "json_object":
            return "json"
        case "json_schema":
            schema = field(response_format.get("json_schema"), "schema")
            if isinstance(schema, dict):
                return schema
    raise GatewayError(
        ErrorCode.INVALID_REQUEST,
        "response_format must be text, json_object, or json_schema with json_schema.schema",
        details={"param": "response_format"},
    )


def _think(wanted: ChatCompletionRequest) -> JsonValue:
    """Ollama's own `think` wins; `reasoning_effort` none is off, minimal is its lowest."""
    own = wanted.beyond("think")
    if own is not None:
        return own
    match wanted.reasoning_effort:
        case "none":
            return False
        case "minimal":
            return "low"
        case effort:
            return effort


def _messages(messages: list[dict[str, JsonValue]]) -> list[JsonValue]:
    names_of_calls: dict[str, str] = {}
    translated: list[JsonValue] = []
    for message in messages:
        translated.append(_message(message, names_of_calls))
    return translated


def _message(message: dict[str, JsonValue], names_of_calls: dict[str, str]) -> JsonValue:
    """One message. `names_of_calls` remembers which tool a call's id belongs to: OpenAI's tool results
    name the call, Ollama's the tool."""
    role = text(message, "role")
    content, images = _content(message.get("content"))
    result: dict[str, JsonValue] = {"role": "system" if role == "developer" else role, "content": content}
    if images:
        result["images"] = images
    if thinking := text(message, "reasoning_content"):
        result["thinking"] = thinking
    if calls := items(message, "tool_calls"):
        result["tool_calls"] = [_tool_call(call, names_of_calls) for call in calls]
    if role == "tool":
        call_id = text(message, "tool_call_id") or ""
        result["tool_call_id"] = call_id
        result["tool_name"] = names_of_calls.get(call_id) or text(message, "name") or ""
    return result


def _tool_call(call: JsonValue, names_of_calls: dict[str, str]) -> JsonValue:
    name, call_id = text(call, "function", "name") or "", text(call, "id") or ""
    names_of_calls[call_id] = name
    try:
        arguments: JsonValue = json.loads(text(call, "function", "arguments") or "{}")
    except ValueError as error:
        raise GatewayError(
            ErrorCode.INVALID_REQUEST,
            f"the arguments of the call of {name} are no JSON: {error}",
            details={"param": "messages"},
        ) from error
    return {"id": call_id, "function": {"name": name, "arguments": arguments}}


def _content(content: JsonValue) -> tuple[str, list[JsonValue]]:
    """Text and images (base64) of a message."""
    if content is None or isinstance(content, str):
        return content or "", []
    texts: list[str] = []
    images: list[JsonValue] = []
    for part in content if isinstance(content, list) else [content]:
        match text(part, "type"):
            case "text":
                texts.append(text(part, "text") or "")
            case "image_url":
                images.append(_image(text(part, "image_url", "url") or text(part, "image_url") or ""))
            case kind:
                raise not_supported("messages", f"a model of Ollama takes text and images, not {kind!r}")
    return "\n".join(texts), images


def _image(url: str) -> str:
    match = DATA_URL.fullmatch(url)
    if match is None:
        raise not_supported("messages", "the gateway fetches no images; send them as data:image/png;base64,…")
    return match.group(1)
