"""Requests and answers of the files' routes. Paths are relative to the workspace."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

EntryType = Literal["file", "directory", "symlink", "fifo", "socket", "device"]
Encoding = Literal["utf-8", "base64"]
LONGEST_READ_BYTES = 1024 * 1024
PATH = Field(max_length=4096, description="relative to the workspace, or absolute and inside of it")


class Entry(BaseModel):
    """One entry of a directory. `size_bytes` and `etag` of files only, `target` of symbolic links only.

    `exact` false: the name is not UTF-8 and is shown with replacements; only commands can reach it.
    """

    name: str
    type: EntryType
    size_bytes: int | None
    modified_at: str
    mode: str
    target: str | None = None
    etag: str | None = None
    exact: bool = True


class Listing(BaseModel):
    """A page of a directory, by name. `next`, unless null, is the `after` of the page behind it."""

    path: str
    entries: list[Entry]
    next: str | None


class Stored(BaseModel):
    """A file that was written; `created` false: it replaced another."""

    path: str
    size_bytes: int
    modified_at: str
    mode: str
    etag: str
    created: bool


class Removed(BaseModel):
    """What is gone."""

    path: str


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MoveRequest(_Request):
    """`parents`: make the folders that `to` needs. `overwrite`: a file there is replaced."""

    from_path: str = Field(alias="from", max_length=4096)
    to: str = PATH
    overwrite: bool = False
    parents: bool = False


class Moved(BaseModel):
    """Where it was and where it is."""

    from_path: str = Field(serialization_alias="from")
    to: str


class MakeFolderRequest(_Request):
    """`parents`: also the folders above, and one that is there already is no failure."""

    path: str = PATH
    parents: bool = False


class FolderMade(BaseModel):
    """A folder that is there now; `created` false: it was before."""

    path: str
    created: bool


class ReadRequest(_Request):
    """A piece of a file as text, or as base64 of its bytes."""

    path: str = PATH
    encoding: Encoding = "utf-8"
    offset: int = Field(default=0, ge=0, le=2**62, description="the first byte")
    max_bytes: int = Field(default=256 * 1024, ge=4, le=LONGEST_READ_BYTES)


class FileText(BaseModel):
    """`next_offset`, unless null, is where the next piece begins; a character is never cut."""

    path: str
    content: str
    encoding: Encoding
    offset: int
    next_offset: int | None
    size_bytes: int
    etag: str


class WriteRequest(_Request):
    """A whole file as text, or as base64 of its bytes. `if_match`: only when it is still that version."""

    path: str = PATH
    content: str
    encoding: Encoding = "utf-8"
    overwrite: bool = False
    parents: bool = False
    if_match: str | None = None
    mode: str | None = Field(default=None, pattern=r"^[0-7]{3}$")
