"""The files of the workspace: every function here blocks, is run in a thread, and stays below the root."""

from __future__ import annotations

import base64
import heapq
import os
import shutil
import stat
import threading

from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.files.beneath import Beneath, rename_without_replacing
from lm_gateway.files.describe import describe, etag, mode_of, modified_at
from lm_gateway.files.failures import told
from lm_gateway.files.models import Listing, Moved, Stored
from lm_gateway.files.open_file import OpenFile, require_file
from lm_gateway.files.paths import Names, show
from lm_gateway.files.upload import Upload
from lm_gateway.files.versions import Rules, check_rules


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
        with told(names):
            looked_at = self._tree.open(names, os.O_PATH)
            try:
                require_file(names, os.fstat(looked_at))
            finally:
                os.close(looked_at)
            # It may have become something else by now: O_NONBLOCK lets no open wait.
            descriptor = self._tree.open(names, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
            try:
                status = os.fstat(descriptor)
                require_file(names, status)
            except BaseException:
                os.close(descriptor)
                raise
            return OpenFile(names, descriptor, status)

    def listing(self, names: Names, *, limit: int, after: str | None) -> Listing:
        """A page of a directory in the order of the names' bytes."""
        start = _read_cursor(after)
        with told(names):
            descriptor = self._tree.open(names, os.O_RDONLY | os.O_DIRECTORY)
            try:
                with os.scandir(descriptor) as found:
                    # Never more names in memory than a page has, however many there are.
                    page = heapq.nsmallest(
                        limit + 1, (name for entry in found if (name := os.fsencode(entry.name)) > start)
                    )
                entries = [
                    entry for name in page[:limit] if (entry := describe(descriptor, name)) is not None
                ]
            finally:
                os.close(descriptor)
        cursor = base64.urlsafe_b64encode(page[limit - 1]).decode() if len(page) > limit else None
        return Listing(path=show(names), entries=entries, next=cursor)

    def begin_upload(self, names: Names, rules: Rules) -> Upload:
        """Refuses at once what `commit` would refuse now."""
        _require_names(names)
        with told(names), self._tree.folder(names[:-1], create=rules.parents) as folder:
            check_rules(names, _status(folder, names[-1]), rules)
            kept = os.dup(folder)
            try:
                return Upload(kept, self._reserve_bytes, self._max_bytes, owner=self._tree.owner)
            except OSError:
                os.close(kept)
                raise

    def commit(self, names: Names, upload: Upload, rules: Rules) -> Stored:
        """Gives the upload its name, replacing what was there."""
        with told(names):
            upload.flush()
        with told(names), self._naming, self._tree.folder(names[:-1]) as folder:
            before = _status(folder, names[-1])
            check_rules(names, before, rules)
            mode = rules.mode if rules.mode is not None or before is None else stat.S_IMODE(before.st_mode)
            status = upload.rename(names[-1], folder, mode=mode, replace=before is not None)
        return Stored(
            path=show(names),
            size_bytes=status.st_size,
            modified_at=modified_at(status),
            mode=mode_of(status),
            etag=etag(status),
            created=before is None,
        )

    def remove(self, names: Names, *, recursive: bool) -> None:
        """A file, a link itself, an empty folder; with `recursive` a folder with all that is in it."""
        _require_names(names)
        with told(names), self._tree.folder(names[:-1]) as folder:
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
            told(source),
            self._tree.folder(source[:-1]) as from_folder,
            told(target),
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
        with told(names), self._tree.folder(names[:-1], create=parents) as folder:
            try:
                self._tree.make_folder(names[-1], folder)
            except FileExistsError:
                if not parents:
                    raise
                os.close(self._tree.open(names, os.O_PATH | os.O_DIRECTORY))
                return False
            return True


def _require_names(names: Names) -> None:
    if not names:
        raise GatewayError(
            ErrorCode.INVALID_REQUEST, "the workspace itself cannot be written, moved or deleted"
        )


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None


def _read_cursor(after: str | None) -> bytes:
    try:
        return base64.urlsafe_b64decode(after or "")
    except ValueError as error:
        raise GatewayError(
            ErrorCode.INVALID_REQUEST, "after is no position of a listing; take the `next` of the page before"
        ) from error
