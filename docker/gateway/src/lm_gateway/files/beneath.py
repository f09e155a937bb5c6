"""Opening what lies below a directory, and nothing else, whatever changes there meanwhile.

A check of a path (`realpath`) and its use are two looks at a tree in which commands move things: a
directory that was one at the first look is a symbolic link out of the workspace at the second. So the
kernel resolves each path in one step from a descriptor of the workspace: openat2(2) with RESOLVE_BENEATH.
Symbolic links that stay below are followed. Where the kernel or the engine's seccomp profile has no
openat2, the path is walked name by name with O_NOFOLLOW, and no link is followed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

# One number on all architectures.
SYS_OPENAT2 = 437
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_BENEATH = 0x08
RENAME_NOREPLACE = 1
# The kernel gives up when something was moved while it resolved a path; it says so, and asking again helps.
RESOLVE_TRIES = 128
DIRECTORY = os.O_PATH | os.O_DIRECTORY

OpenBeneath: TypeAlias = Callable[[int, tuple[str, ...], int, int], int]


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def open_with_kernel(root: int, names: tuple[str, ...], flags: int, mode: int = 0) -> int:
    """openat2 beneath `root`. Raises OSError; EXDEV: the path leads out, ELOOP: too many links."""
    path = os.fsencode("/".join(names) or ".")
    how = _OpenHow(flags | os.O_CLOEXEC, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
    for _ in range(RESOLVE_TRIES):
        descriptor: int = _libc.syscall(
            ctypes.c_long(SYS_OPENAT2),
            ctypes.c_long(root),
            ctypes.c_char_p(path),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if descriptor >= 0:
            return descriptor
        if (number := ctypes.get_errno()) not in (errno.EAGAIN, errno.EINTR):
            raise OSError(number, os.strerror(number), "/".join(names))
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), "/".join(names))


def open_name_by_name(root: int, names: tuple[str, ...], flags: int, mode: int = 0) -> int:
    """The same without openat2: any symbolic link on the way is refused (ELOOP or ENOTDIR)."""
    folder = os.open(".", DIRECTORY | os.O_CLOEXEC, dir_fd=root)
    try:
        for name in names[:-1]:
            deeper = os.open(name, DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = deeper
        last = names[-1] if names else "."
        found = os.open(last, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder)
    finally:
        os.close(folder)
    # With O_PATH alone a link itself is opened.
    if flags & os.O_PATH and stat.S_ISLNK(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), "/".join(names))
    return found


def choose_open() -> OpenBeneath:
    """The kernel's way where it is to be had."""
    probe = os.open("/", DIRECTORY)
    try:
        os.close(open_with_kernel(probe, (), DIRECTORY))
    except OSError as error:
        # EPERM: a seccomp profile that does not know the call. EINVAL: a kernel without one of the flags.
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL):
            raise
        return open_name_by_name
    finally:
        os.close(probe)
    return open_with_kernel


class Beneath:
    """The tree below one directory, which must itself not be in the reach of whoever changes the tree."""

    def __init__(
        self, root: Path, open_beneath: OpenBeneath | None = None, *, owner: int | None = None
    ) -> None:
        self._root = root
        #: Whose new files and folders are, where that is not us.
        self.owner = owner
        self._open_beneath = open_beneath or choose_open()

    def open(self, names: tuple[str, ...], flags: int, mode: int = 0) -> int:
        """A descriptor of what is there. Raises OSError."""
        root = os.open(self._root, DIRECTORY | os.O_CLOEXEC)
        try:
            return self._open_beneath(root, names, flags, mode)
        finally:
            os.close(root)

    @contextmanager
    def folder(
        self, names: tuple[str, ...], *, create: bool = False, flags: int = DIRECTORY
    ) -> Iterator[int]:
        """A descriptor of a folder, for the calls that take one and a name. `create`: also its parents."""
        descriptor = self._make_folders(names) if create else self.open(names, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _make_folders(self, names: tuple[str, ...]) -> int:
        try:
            return self.open(names, DIRECTORY)
        except FileNotFoundError:
            if not names:
                raise
        above = self._make_folders(names[:-1])
        try:
            self.make_folder(names[-1], above)
        except FileExistsError:
            pass
        finally:
            os.close(above)
        return self.open(names, DIRECTORY)

    def make_folder(self, name: str, above: int) -> None:
        """Raises FileExistsError and other OSErrors."""
        os.mkdir(name, dir_fd=above)
        if self.owner is not None:
            # A folder has one name only, so what is given away is below the root, whatever it is by now.
            made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
            try:
                os.fchown(made, self.owner, self.owner)
            finally:
                os.close(made)


def rename_without_replacing(source: str, source_folder: int, target: str, target_folder: int) -> None:
    """renameat2 with RENAME_NOREPLACE. Raises FileExistsError when the target is there.

    A file system without it (some network and FUSE ones) gets a look and a rename, which two
    callers at one moment could both pass.
    """
    failed = _libc.renameat2(
        ctypes.c_int(source_folder),
        ctypes.c_char_p(os.fsencode(source)),
        ctypes.c_int(target_folder),
        ctypes.c_char_p(os.fsencode(target)),
        ctypes.c_uint(RENAME_NOREPLACE),
    )
    if not failed:
        return
    number = ctypes.get_errno()
    if number not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(number, os.strerror(number), source, None, target)
    try:
        os.lstat(target, dir_fd=target_folder)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target)
