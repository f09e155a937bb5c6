"""The files of the workspace: every function here blocks, is run in a thread, and stays below the root."""

from __future__ import annotations

import base64
import errno
import heapq
import os
import secrets
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import JsonValue

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.files.beneath import Beneath, rename_without_replacing
from lm_gateway.files.models import Entry, EntryType, Listing, Moved, Stored
from lm_gateway.files.paths import show

CHECK_DISK_EVERY_BYTES = 64 * 1024 * 1024
UNFINISHED_PREFIX = ".lm-upload-"
TYPES: dict[int, EntryType] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}
type Names = tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """When a file may be written. `if_match`: the entity tags of which one must be the file's, `*` for
    any file; `create_only`: there must be none. Without both, `overwrite` decides."""

    overwrite: bool = False
    if_match: frozenset[str] | None = None
    create_only: bool = False
    parents: bool = False
    mode: int | None = None


class OpenFile:
    """A regular file, open for reading. It is this version even when another takes its name."""

    def __init__(self, names: Names, descriptor: int, status: os.stat_result) -> None:
        self.path = show(names)
        self.size_bytes = status.st_size
        self.modified_at = status.st_mtime
        self.etag = etag(status)
        self._file = os.fdopen(descriptor, "rb", buffering=0)

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        return os.pread(self._file.fileno(), size, offset)

    def close(self) -> None:
        self._file.close()


class Upload:
    """A file while it arrives, under a name of its own beside its place. Close it in every case."""

    def __init__(self, folder: int, reserve_bytes: int, max_bytes: int) -> None:
        self._received_bytes = 0
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._max_bytes = max_bytes
        self._unchecked_bytes = 0
        self._name = UNFINISHED_PREFIX + secrets.token_hex(8)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._name, flags, 0o666, dir_fd=folder), "wb", buffering=0)

    def expect(self, size: int) -> None:
        """Refuses what will not fit before it comes. Raises BODY_TOO_LARGE, DISK_FULL."""
        if size > self._max_bytes:
            raise too_large(self._max_bytes)
        self._check_disk(size)

    def write(self, content: bytes) -> None:
        """Raises BODY_TOO_LARGE, DISK_FULL."""
        self._received_bytes += len(content)
        if self._received_bytes > self._max_bytes:
            raise too_large(self._max_bytes)
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _as_gateway_error(error, "the file that arrives") from error
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
            raise disk_full(needed, free)


class WorkspaceFiles:
    """All that can be done with files. Every method raises GatewayError."""

    def __init__(self, tree: Beneath, *, reserve_bytes: int, max_bytes: int) -> None:
        self._tree = tree
        self._reserve_bytes = reserve_bytes
        self._max_bytes = max_bytes
        # Looking at a file's version and replacing it is one step for all callers of the gateway.
        self._naming = threading.Lock()

    def open(self, names: Names) -> OpenFile:
        """A regular file. Anything else is refused without being opened: a pipe would wait, a device act."""
        with _told(names):
            looked_at = self._tree.open(names, os.O_PATH)
            try:
                _require_file(names, os.fstat(looked_at))
            finally:
                os.close(looked_at)
            # It may have become something else by now: O_NONBLOCK lets no open wait.
            descriptor = self._tree.open(names, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
            try:
                status = os.fstat(descriptor)
                _require_file(names, status)
            except BaseException:
                os.close(descriptor)
                raise
            return OpenFile(names, descriptor, status)

    def listing(self, names: Names, *, limit: int, after: str | None) -> Listing:
        """A page of a directory in the order of the names' bytes."""
        start = _read_cursor(after)
        with _told(names):
            descriptor = self._tree.open(names, os.O_RDONLY | os.O_DIRECTORY)
            try:
                with os.scandir(descriptor) as found:
                    # Never more names in memory than a page has, however many there are.
                    page = heapq.nsmallest(
                        limit + 1, (name for entry in found if (name := os.fsencode(entry.name)) > start)
                    )
                entries = [
                    entry for name in page[:limit] if (entry := _describe(descriptor, name)) is not None
                ]
            finally:
                os.close(descriptor)
        cursor = base64.urlsafe_b64encode(page[limit - 1]).decode() if len(page) > limit else None
        return Listing(path=show(names), entries=entries, next=cursor)

    def begin_upload(self, names: Names, rules: Rules) -> Upload:
        """Refuses at once what `commit` would refuse now."""
        _require_names(names)
        with _told(names), self._tree.folder(names[:-1], create=rules.parents) as folder:
            _check_rules(names, _status(folder, names[-1]), rules)
            kept = os.dup(folder)
            try:
                return Upload(kept, self._reserve_bytes, self._max_bytes)
            except OSError:
                os.close(kept)
                raise

    def commit(self, names: Names, upload: Upload, rules: Rules) -> Stored:
        """Gives the upload its name, replacing what was there."""
        with _told(names):
            upload.flush()
        with _told(names), self._naming, self._tree.folder(names[:-1]) as folder:
            before = _status(folder, names[-1])
            _check_rules(names, before, rules)
            mode = rules.mode if rules.mode is not None or before is None else stat.S_IMODE(before.st_mode)
            status = upload.rename(names[-1], folder, mode=mode, replace=before is not None)
        return Stored(
            path=show(names),
            size_bytes=status.st_size,
            modified_at=_time(status),
            mode=_mode(status),
            etag=etag(status),
            created=before is None,
        )

    def remove(self, names: Names, *, recursive: bool) -> None:
        """A file, a link itself, an empty folder; with `recursive` a folder with all that is in it."""
        _require_names(names)
        with _told(names), self._tree.folder(names[:-1]) as folder:
            status = os.lstat(names[-1], dir_fd=folder)
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(names[-1], dir_fd=folder)
            elif recursive:
                # It goes down by descriptors and never through a link.
                shutil.rmtree(names[-1], dir_fd=folder)
            else:
                os.rmdir(names[-1], dir_fd=folder)

    def move(self, source: Names, target: Names, *, overwrite: bool, parents: bool) -> Moved:
        """Renames within the workspace; links themselves are moved, not what they point to."""
        _require_names(source)
        _require_names(target)
        with (
            self._naming,
            _told(source),
            self._tree.folder(source[:-1]) as from_folder,
            _told(target),
        ):
            os.lstat(source[-1], dir_fd=from_folder)
            with self._tree.folder(target[:-1], create=parents) as to_folder:
                if overwrite:
                    os.rename(source[-1], target[-1], src_dir_fd=from_folder, dst_dir_fd=to_folder)
                else:
                    rename_without_replacing(source[-1], from_folder, target[-1], to_folder)
        return Moved(from_path=show(source), to=show(target))

    def make_folder(self, names: Names, *, parents: bool) -> bool:
        """Whether it was made; False only with `parents`, when it was there."""
        _require_names(names)
        with _told(names), self._tree.folder(names[:-1], create=parents) as folder:
            try:
                os.mkdir(names[-1], dir_fd=folder)
            except FileExistsError:
                if not parents:
                    raise
                os.close(self._tree.open(names, os.O_PATH | os.O_DIRECTORY))
                return False
            return True


def etag(status: os.stat_result) -> str:
    """A strong entity tag. The time of the last change, which nobody can set, is in steps of the kernel's
    clock (up to 4 ms): a command that changes a file twice within one step, keeping its size, is seen
    once. A file that is written over the gateway is always a new one."""
    return f'"{status.st_ino:x}-{status.st_size:x}-{status.st_ctime_ns:x}"'


def parse_etags(header: str) -> frozenset[str]:
    """The entity tags of an If-Match or If-None-Match header, or `*`. Weak ones match none of ours."""
    return frozenset(tag.strip() for tag in header.split(",")) - {""}


def too_large(max_bytes: int) -> GatewayError:
    return GatewayError(
        ErrorCode.BODY_TOO_LARGE,
        f"a file over the gateway may have at most {max_bytes} bytes; fetch larger ones with a command",
        details={"max_bytes": max_bytes},
    )


def disk_full(needed: int, free: int) -> GatewayError:
    return GatewayError(
        ErrorCode.DISK_FULL,
        f"the volume of the workspace has {free // 1_000_000} MB free"
        + (f" and {needed // 1_000_000} MB would be needed" if needed else "")
        + ", some of which is kept back; delete files or enlarge the disk",
        details={"free_bytes": free, "needed_bytes": needed},
    )


def _check_rules(names: Names, status: os.stat_result | None, rules: Rules) -> None:
    if status is None:
        if rules.if_match is not None:
            raise _changed(names, "there is no such file", None)
        return
    if not stat.S_ISREG(status.st_mode):
        kind = _type(status)
        raise _conflict(
            names,
            f"is a {kind}"
            + ("; write to what it points to, or delete it first" if kind == "symlink" else " and no file"),
            type=kind,
        )
    now = etag(status)
    if rules.create_only:
        raise _changed(names, "the file is there", now)
    if rules.if_match is not None:
        if "*" not in rules.if_match and now not in rules.if_match:
            raise _changed(names, "the file is another version", now)
    elif not rules.overwrite:
        raise _conflict(names, "is there already; replace it with overwrite, or with If-Match", etag=now)


def _changed(names: Names, why: str, now: str | None) -> GatewayError:
    return GatewayError(
        ErrorCode.PRECONDITION_FAILED,
        f"{show(names)} was not written: {why}; read it again",
        details={"etag": now},
    )


def _conflict(names: Names, what: str, **details: JsonValue) -> GatewayError:
    return GatewayError(ErrorCode.CONFLICT, f"{show(names)} {what}", details=details)


def _require_names(names: Names) -> None:
    if not names:
        raise GatewayError(
            ErrorCode.INVALID_REQUEST, "the workspace itself cannot be written, moved or deleted"
        )


def _require_file(names: Names, status: os.stat_result) -> None:
    kind = _type(status)
    if kind == "directory":
        raise _conflict(names, "is a directory; GET /files/?path=… lists it", type=kind)
    if kind != "file":
        raise _conflict(names, f"is a {kind}, which the gateway does not open", type=kind)


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None


def _describe(folder: int, name: bytes) -> Entry | None:
    """None for what has gone since it was listed."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        kind = _type(status)
        target = os.readlink(name, dir_fd=folder) if kind == "symlink" else None
    except OSError:
        return None
    shown = name.decode("utf-8", "backslashreplace")
    return Entry(
        name=shown,
        type=kind,
        size_bytes=status.st_size if kind == "file" else None,
        modified_at=_time(status),
        mode=_mode(status),
        target=None if target is None else target.decode("utf-8", "backslashreplace"),
        etag=etag(status) if kind == "file" else None,
        exact=shown.encode() == name,
    )


def _type(status: os.stat_result) -> EntryType:
    return TYPES[stat.S_IFMT(status.st_mode)]


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"


def _time(status: os.stat_result) -> str:
    return datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="milliseconds")


def _read_cursor(after: str | None) -> bytes:
    try:
        return base64.urlsafe_b64decode(after or "")
    except ValueError as error:
        raise GatewayError(
            ErrorCode.INVALID_REQUEST, "after is no position of a listing; take the `next` of the page before"
        ) from error


@contextmanager
def _told(names: Names) -> Iterator[None]:
    """The system's failures in the gateway's words."""
    try:
        yield
    except OSError as error:
        raise _as_gateway_error(error, show(names)) from error


def _as_gateway_error(error: OSError, path: str) -> GatewayError:
    match error.errno:
        case errno.ENOENT:
            return GatewayError(
                ErrorCode.NOT_FOUND,
                f"there is no {path}, or a folder on the way to it is missing (parents makes folders)",
            )
        case errno.EXDEV:
            return GatewayError(
                ErrorCode.OUTSIDE_WORKSPACE, f"{path} leads out of the workspace or to another file system"
            )
        case errno.ELOOP:
            return GatewayError(
                ErrorCode.OUTSIDE_WORKSPACE, f"{path} leads over symbolic links that are not followed"
            )
        case errno.ENOTDIR:
            return GatewayError(ErrorCode.CONFLICT, f"{path}: a name on the way is no directory")
        case errno.EISDIR:
            return GatewayError(ErrorCode.CONFLICT, f"{path} is a directory")
        case errno.EEXIST:
            return GatewayError(ErrorCode.CONFLICT, f"{path} is there already")
        case errno.ENOTEMPTY:
            return GatewayError(
                ErrorCode.CONFLICT, f"{path} is a folder with something in it; recursive deletes all of it"
            )
        case errno.EACCES | errno.EPERM | errno.EROFS | errno.EBUSY:
            return GatewayError(
                ErrorCode.PERMISSION_DENIED,
                f"{path}: {error.strerror}; see its owner and mode in the listing",
            )
        case errno.ENOSPC | errno.EDQUOT:
            return disk_full(0, 0)
        case errno.EINVAL | errno.ENAMETOOLONG | errno.ENXIO:
            return GatewayError(ErrorCode.INVALID_REQUEST, f"{path}: {error.strerror}")
        # None: rmtree refuses a link that was a folder a moment before.
        case errno.EAGAIN | errno.ESTALE | None:
            return GatewayError(ErrorCode.CONFLICT, f"{path} is being moved about; try again")
        case _:
            return GatewayError(ErrorCode.INTERNAL, f"{path}: {error.strerror}")
