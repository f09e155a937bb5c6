"""One file on the disk, served by both runtimes.

Ollama keeps a model's weights in a file named by its digest, llama-server in one named by its model. On one
volume both can be names of the same file (hard links): the data is there once, and goes with its last name.
Neither runtime ever writes into such a file, and an upload makes a new one.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
from pathlib import Path

from pydantic import JsonValue

from lm_gateway.dependencies import Services
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.gguf.store import MAGIC, NAME_PATTERN
from lm_gateway.http.json_values import text
from lm_gateway.models.names import DEFAULT_TAG, ModelName
from lm_gateway.models.operations import named, tell
from lm_gateway.models.requests import Shared, ShareRequest

HASH_PIECE_BYTES = 16 * 1024 * 1024
BLOB_LINE = re.compile(r"^(FROM|ADAPTER) (/.*/sha256-([0-9a-f]{64}))$", re.MULTILINE)
NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
LINKS_REFUSED = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


async def share(services: Services, wanted: ShareRequest) -> Shared:
    """Lets the other runtime serve a model too, from the same file. Raises GatewayError."""
    source = await named(services, wanted.model, wanted.runtime)
    if source.runtime == "llama.cpp":
        return await _with_ollama(services, source.name, wanted.name or source.name)
    return await _with_llama_cpp(services, source.name, wanted.name or _file_stem(source.name))


async def _with_ollama(services: Services, model: str, name: str) -> Shared:
    file = services.settings.gguf_dir / services.model_files.complete(f"{model}.gguf").name
    size_bytes = file.stat().st_size
    digest = await _digest(file)
    blob = services.settings.models_dir / "ollama" / "blobs" / f"sha256-{digest}"
    saved_bytes = 0
    made = not blob.exists()
    if made:
        blob.parent.mkdir(parents=True, exist_ok=True)
        _link(file, blob)
    elif not blob.samefile(file):
        # Both runtimes have the model already, each its own copy: one is enough.
        saved_bytes = await _replace_by_link(file, blob, digest)
    body: JsonValue = {"model": name, "files": {file.name: f"sha256:{digest}"}, "stream": False}
    try:
        # Where Ollama keeps its models elsewhere it does not find the blob, and says so.
        await tell(services, "ollama", "POST", "/api/create", body)
    except BaseException:
        if made:
            blob.unlink(missing_ok=True)
        raise
    return await _shared(services, ModelName("ollama", name), digest, size_bytes, saved_bytes)


async def _with_llama_cpp(services: Services, model: str, name: str) -> Shared:
    file_name = f"{name.removesuffix('.gguf')}.gguf"
    if not NAME_PATTERN.fullmatch(file_name):
        raise GatewayError(
            ErrorCode.INVALID_REQUEST,
            f"{name!r} is no name for a model file: letters, digits, '.', '_' and '-'",
            details={"param": "name"},
        )
    shown = await tell(services, "ollama", "POST", "/api/show", {"model": model})
    blob, digest = _only_blob(text(shown, "modelfile") or "", model)
    with blob.open("rb") as opened:
        if opened.read(len(MAGIC)) != MAGIC:
            raise _not_plain(model, "its weights are no GGUF file")
    file = services.settings.gguf_dir / file_name
    saved_bytes = 0
    if not file.exists():
        _link(blob, file)
    elif not file.samefile(blob):
        if file.stat().st_size != blob.stat().st_size or await _digest(file) != digest:
            raise GatewayError(
                ErrorCode.CONFLICT, f"there is another {file_name}; delete it first, or give another name"
            )
        saved_bytes = await _replace_by_link(file, blob, digest)
    stem = file_name.removesuffix(".gguf")
    return await _shared(services, ModelName("llama.cpp", stem), digest, blob.stat().st_size, saved_bytes)


async def _shared(
    services: Services, name: ModelName, digest: str, size_bytes: int, saved_bytes: int
) -> Shared:
    listing = await services.directory.list(services, reload=True)
    model = listing.find(name) or listing.find(ModelName(name.runtime, name.name + DEFAULT_TAG))
    return Shared(model=model, digest=f"sha256:{digest}", size_bytes=size_bytes, saved_bytes=saved_bytes)


async def _digest(path: Path) -> str:
    """The sha256, read piece by piece beside the event loop: a caller who leaves ends it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, HASH_PIECE_BYTES):
            await asyncio.to_thread(digest.update, piece)
    return digest.hexdigest()


async def _replace_by_link(file: Path, blob: Path, digest: str) -> int:
    """Makes `file` another name of `blob`, which has the same content; tells how many bytes that frees.

    Who has the file open, as llama-server has, keeps what it has.
    """
    if await _digest(blob) != digest:
        raise GatewayError(
            ErrorCode.INVALID_MODEL_FILE,
            f"Ollama's file {blob.name} is damaged; delete its model in Ollama and share again",
        )
    # Links are made by name, and a name is taken over only by renaming.
    new = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    _link(blob, new)
    only_name = file.stat().st_nlink == 1
    new.replace(file)
    return blob.stat().st_size if only_name else 0


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in LINKS_REFUSED:
            raise
        raise GatewayError(
            ErrorCode.NOT_SUPPORTED,
            f"{target.parent} cannot hold a link to {source} ({error.strerror}): both runtimes' folders must "
            "be on one volume that has hard links, and belong to the gateway's user",
        ) from error


def _only_blob(modelfile: str, model: str) -> tuple[Path, str]:
    """Where Ollama keeps the weights. Raises NOT_SUPPORTED when a model is more than one file."""
    found: list[tuple[str, str, str]] = BLOB_LINE.findall(modelfile)
    if len(found) != 1 or found[0][0] != "FROM":
        raise _not_plain(model, "it is not made of exactly one file (images and adapters need several)")
    return Path(found[0][1]), found[0][2]


def _not_plain(model: str, why: str) -> GatewayError:
    return GatewayError(ErrorCode.NOT_SUPPORTED, f"{model} cannot be served by llama-server: {why}")


def _file_stem(model: str) -> str:
    """`hf.co/owner/smollm2:135m` gives `smollm2-135m`."""
    return NO_NAME.sub("-", model.removesuffix(DEFAULT_TAG).rpartition("/")[2])
