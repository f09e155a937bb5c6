"""Failures of the file system in the gateway's words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import JsonValue

from lm_gateway.disk import disk_full
from lm_gateway.errors import ErrorCode, GatewayError
from lm_gateway.files.paths import Names, show


def conflict(names: Names, what: str, **details: JsonValue) -> GatewayError:
    return GatewayError(ErrorCode.CONFLICT, f"{show(names)} {what}", details=details)


@contextmanager
def told(names: Names) -> Iterator[None]:
    """The system's failures in the gateway's words."""
    try:
        yield
    except OSError as error:
        raise as_gateway_error(error, show(names)) from error


def as_gateway_error(error: OSError, path: str) -> GatewayError:
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
            return disk_full("workspace")
        case errno.EINVAL | errno.ENAMETOOLONG | errno.ENXIO:
            return GatewayError(ErrorCode.INVALID_REQUEST, f"{path}: {error.strerror}")
        # None: rmtree refuses a link that was a folder a moment before.
        case errno.EAGAIN | errno.ESTALE | None:
            return GatewayError(ErrorCode.CONFLICT, f"{path} is being moved about; try again")
        case _:
            return GatewayError(ErrorCode.INTERNAL, f"{path}: {error.strerror}")
