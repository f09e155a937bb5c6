"""The GGUF files that llama-server serves: listed, received in pieces, removed."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from lm_gateway.disk import disk_full
from lm_gateway.errors import ErrorCode, GatewayError

MAGIC = b"GGUF"
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,190}\.gguf")
CHECK_DISK_EVERY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class ModelFile:
    """A file, or the part of one that has arrived (`complete` false). Time as ISO 8601 in UTC."""

    name: str
    size_bytes: int
    modified_at: str
    complete: bool


@dataclass(frozen=True)
class Piece:
    """What a request brings: bytes from `offset` on, of a file of `total` bytes (None: not told)."""

    offset: int
    total: int | None


class ModelFiles:
    """The folder of models and, on the same volume, the folder of unfinished uploads."""

    def __init__(self, folder: Path, uploads: Path, reserve_bytes: int) -> None:
        self._folder = folder
        self._uploads = uploads
        self._reserve_bytes = reserve_bytes
        self._receiving: set[str] = set()

    def all(self) -> list[ModelFile]:
        """All complete files, then all unfinished ones, by name."""
        complete = [_describe(path, complete=True) for path in sorted(self._folder.glob("*.gguf"))]
        unfinished = [_describe(path, complete=False) for path in sorted(self._uploads.glob("*.gguf"))]
        return complete + unfinished

    def find(self, name: str) -> ModelFile:
        """One file, complete or not. Raises NOT_FOUND."""
        path, part = self._paths(name)
        for candidate in (path, part):
            if candidate.is_file():
                return _describe(candidate, complete=candidate is path)
        raise GatewayError(ErrorCode.NOT_FOUND, f"there is no model file {name}; GET /models/gguf lists them")

    def complete(self, name: str) -> ModelFile:
        """One complete file. Raises NOT_FOUND."""
        file = self.find(name)
        if not file.complete:
            raise GatewayError(ErrorCode.NOT_FOUND, f"{name} has not arrived completely yet")
        return file

    def remove(self, name: str) -> None:
        """Deletes a file and what has arrived of an upload of that name. Raises NOT_FOUND, CONFLICT."""
        path, part = self._paths(name)
        self.find(name)
        with self._only_one(name):
            path.unlink(missing_ok=True)
            part.unlink(missing_ok=True)

    async def receive(
        self, name: str, piece: Piece, content: AsyncIterator[bytes], *, overwrite: bool
    ) -> ModelFile:
        """Writes a piece; with the last one the file appears under its name.

        Raises CONFLICT (exists, in use, wrong offset), INVALID_MODEL_FILE (no GGUF), DISK_FULL.
        What has arrived stays when the caller goes away, and can be continued.
        """
        path, part = self._paths(name)
        if path.exists() and not overwrite:
            raise GatewayError(
                ErrorCode.CONFLICT, f"{name} is there already; delete it first or add ?overwrite=true"
            )
        with self._only_one(name):
            self._uploads.mkdir(parents=True, exist_ok=True)
            self._check_offset(part, piece)
            self._check_disk(piece)
            received = await self._write(part, piece, content)
            if piece.total is not None and received > piece.total:
                part.unlink()
                raise GatewayError(
                    ErrorCode.INVALID_REQUEST, f"{received} bytes came, {piece.total} were announced"
                )
            if piece.total is not None and received < piece.total:
                return _describe(part, complete=False)
            _check_magic(part)
            await asyncio.to_thread(_flush, part)
            part.replace(path)
        return _describe(path, complete=True)

    def _paths(self, name: str) -> tuple[Path, Path]:
        if not NAME_PATTERN.fullmatch(name):
            raise GatewayError(
                ErrorCode.INVALID_REQUEST,
                f"{name!r} is no name for a model file: letters, digits, '.', '_' and '-', ending in .gguf",
            )
        return self._folder / name, self._uploads / name

    @contextmanager
    def _only_one(self, name: str) -> Iterator[None]:
        if name in self._receiving:
            raise GatewayError(ErrorCode.CONFLICT, f"{name} is being received by another request")
        self._receiving.add(name)
        try:
            yield
        finally:
            self._receiving.discard(name)

    @staticmethod
    def _check_offset(part: Path, piece: Piece) -> None:
        received = part.stat().st_size if part.exists() else 0
        if piece.offset not in (0, received):
            raise GatewayError(
                ErrorCode.CONFLICT,
                f"the piece begins at byte {piece.offset}, but {received} bytes have arrived; continue there",
                details={"received_bytes": received},
            )

    def _check_disk(self, piece: Piece) -> None:
        needed = 0 if piece.total is None else piece.total - piece.offset
        free = shutil.disk_usage(self._uploads).free
        if needed + self._reserve_bytes > free:
            raise self._disk_full(free, needed)

    def _disk_full(self, free: int, needed: int = 0) -> GatewayError:
        return disk_full("models", needed_bytes=needed, free_bytes=free, reserve_bytes=self._reserve_bytes)

    async def _write(self, part: Path, piece: Piece, content: AsyncIterator[bytes]) -> int:
        unchecked = 0
        # Unbuffered: what the caller is told to have arrived is in the file.
        with part.open("r+b" if piece.offset else "wb", buffering=0) as file:
            file.seek(piece.offset)
            try:
                async for received in content:
                    if file.tell() == 0 and len(received) >= len(MAGIC):
                        _require_magic(received)
                    await asyncio.to_thread(_write_all, file, received)
                    unchecked += len(received)
                    if unchecked > CHECK_DISK_EVERY_BYTES:
                        unchecked = 0
                        free = shutil.disk_usage(self._uploads).free
                        if free < self._reserve_bytes:
                            raise self._disk_full(free)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                # An unfinished file on a full disk would keep everything else from working.
                part.unlink(missing_ok=True)
                raise disk_full("models") from error
            except GatewayError:
                part.unlink(missing_ok=True)
                raise
            return file.tell()


def _write_all(file: FileIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _describe(path: Path, *, complete: bool) -> ModelFile:
    status = path.stat()
    modified = datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds")
    return ModelFile(path.name, status.st_size, modified, complete)


def _require_magic(beginning: bytes) -> None:
    if not beginning.startswith(MAGIC):
        raise GatewayError(
            ErrorCode.INVALID_MODEL_FILE,
            "this is no GGUF file (it does not begin with GGUF); convert the model, or download its GGUF",
        )


def _check_magic(part: Path) -> None:
    try:
        with part.open("rb") as file:
            _require_magic(file.read(len(MAGIC)))
    except GatewayError:
        part.unlink()
        raise


def _flush(path: Path) -> None:
    """The file is on the disk before its name appears."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
