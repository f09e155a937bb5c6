"""Finds the runtime of a model by its name, without asking both for every request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.models.listing import Listing, list_models
from lm_gateway.models.names import DEFAULT_TAG, ModelName, with_prefix

if TYPE_CHECKING:
    from lm_gateway.dependencies import Services

# So long a known name needs no question. What the gateway changes itself is known at once.
KNOWN_FOR_S = 10.0


class ModelDirectory:
    """The names of all models. Those it does not know it asks for; those it knows it believes for a while."""

    def __init__(self) -> None:
        self._known: dict[str, ModelName] = {}
        self._asked_at = float("-inf")
        self._loading: set[ModelName] = set()

    async def find(self, services: Services, wanted: str) -> ModelName:
        """The model of a name: with a prefix that runtime's; else the file of that name; else Ollama's,
        whose names may leave out `:latest`.

        Raises MODEL_NOT_FOUND; RUNTIME_UNAVAILABLE when a runtime that might have it does not answer.
        """
        if named := with_prefix(wanted):
            return named
        if time.monotonic() - self._asked_at > KNOWN_FOR_S:
            await self.list(services)
        if wanted not in self._known:
            listing = await self.list(services, reload=True)
            if wanted not in self._known:
                raise _not_found(wanted, listing)
        return self._known[wanted]

    async def list(self, services: Services, *, reload: bool = False) -> Listing:
        """All models now."""
        listing = await list_models(services, loading=frozenset(self._loading), reload=reload)
        known: dict[str, ModelName] = {}
        for model in listing.models:
            known[model.id] = model.key
            if model.runtime == "ollama" and model.name.endswith(DEFAULT_TAG):
                known.setdefault(model.name.removesuffix(DEFAULT_TAG), model.key)
        # A file's name is exact, a name without its tag is short for something.
        known |= {model.id: model.key for model in listing.models}
        self._known = known
        self._asked_at = time.monotonic()
        return listing

    def forget(self) -> None:
        """The next name is asked for: something has changed."""
        self._known = {}

    @contextmanager
    def loading(self, name: ModelName) -> Iterator[None]:
        """Ollama does not tell that it loads a model; whoever asks it to says so here."""
        self._loading.add(name)
        try:
            yield
        finally:
            self._loading.discard(name)


def _not_found(wanted: str, listing: Listing) -> GatewayError:
    for failure in listing.failures.values():
        # A runtime that is switched off on purpose has no models; one that is down may have this one.
        if failure.details.get("state") not in ("disabled", "absent"):
            return failure
    return GatewayError(
        ErrorCode.MODEL_NOT_FOUND,
        f"there is no model {wanted!r}; GET /v1/models lists all of them",
        details={"param": "model"},
    )
