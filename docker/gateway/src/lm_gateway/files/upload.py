"""A file while it arrives."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress

from lm_gateway.disk import disk_full
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.files.beneath import rename_without_replacing
from lm_gateway.files.failures import as_gateway_error
from lm_gateway.files.lock import Lock, lock

CHECK_DISK_EVERY_BYTES = 64 * 1024 * 1024
UNFINISHED_PREFIX = ".lm-upload-"
UNFINISHED_RANDOM_BYTES = 8


class Upload:
    """A file while it arrives, under a name of its own beside its place. Close it in every case."""

    def __init__(self, folder: int, reserve_bytes: int, max_bytes: int, *, owner: int | None = None) -> None:
        self._received_bytes = 0
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._max_bytes = max_bytes
        self._unchecked_bytes = 0
        self._name, descriptor = _create(folder)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        if owner is not None:
            os.fchown(descriptor, owner, owner)

    def expect(self, size: int) -> None:
        """Refuses what will not fit before it comes. Raises BODY_TOO_LARGE, DISK_FULL."""
        if size > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._check_disk(size)

    def write(self, content: bytes) -> None:
        """Raises BODY_TOO_LARGE, DISK_FULL."""
        self._received_bytes += len(content)
        if self._received_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise as_gateway_error(error, "the file that arrives") from error
        self._unchecked_bytes += len(content)
        if self._unchecked_bytes > CHECK_DISK_EVERY_BYTES:
            self._unchecked_bytes = 0
            self._check_disk(0)

    def flush(self) -> None:
        """Everything is on the disk before the name appears."""
        os.fsync(self._file.fileno())

    def rename(self, name: str, folder: int, *, mode: int | None, replace: bool) -> os.stat_result:
        """Gives it its name. Raises FileExistsError without `replace`. Gives the state it then has."""
        if mode is not None:
            os.fchmod(self._file.fileno(), mode)
        if replace:
            os.rename(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder)
        else:
            rename_without_replacing(self._name, self._folder, name, folder)
        return os.fstat(self._file.fileno())

    def close(self) -> None:
        """Removes what has not got its name."""
        if self._file.closed:
            return
        self._file.close()
        with suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=self._folder)
        os.close(self._folder)

    def _check_disk(self, needed: int) -> None:
        disk = os.fstatvfs(self._file.fileno())
        free = disk.f_bavail * disk.f_frsize
        if needed + self._reserve_bytes > free:
            raise disk_full(
                "workspace", needed_bytes=needed, free_bytes=free, reserve_bytes=self._reserve_bytes
            )


def _too_large(max_bytes: int) -> GatewayError:
    return GatewayError(
        ErrorCode.BODY_TOO_LARGE,
        f"a file over the gateway may have at most {max_bytes} bytes; fetch larger ones with a command",
        details={"max_bytes": max_bytes},
    )


def _create(folder: int) -> tuple[str, int]:
    """A new file and its name. It is locked for as long as it is open, which the kernel ends with the
    gateway, however that ends; leftovers.py takes those away that nobody has locked."""
    while True:
        name = UNFINISHED_PREFIX + secrets.token_hex(UNFINISHED_RANDOM_BYTES)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o666, dir_fd=folder)
        if lock(descriptor) is not Lock.TAKEN and os.fstat(descriptor).st_nlink:
            return name, descriptor
        # Another gateway that starts just now found it before it was locked, and takes it away.
        os.close(descriptor)
