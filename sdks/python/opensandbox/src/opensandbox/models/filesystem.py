"""What file calls take and give.

Modes are digits that look octal: `mode=644` means rw-r--r--. A value that was written as an octal literal, such as `0o644`, means
the same: see `opensandbox.modes`.
"""

from __future__ import annotations

from datetime import datetime
from io import IOBase
from typing import ClassVar

from pydantic import ConfigDict, Field, field_validator

from .base import Model, not_blank


class EntryInfo(Model):
    """A file, directory or link.

    Attributes:
        path: as it was asked for.
        entry_type: `file`, `directory`, `symlink` or `other`.
        mode: digits, 644 for rw-r--r--.
        owner, group: names, or numbers without a name.
        size: bytes.
        modified_at, created_at: times with offset.
    """

    path: str
    entry_type: str | None = Field(default=None, alias="type")
    mode: int
    owner: str
    group: str
    size: int
    modified_at: datetime
    created_at: datetime


class WriteEntry(Model):
    """A file to write, or a directory to make.

    Attributes:
        path: where; missing directories are made.
        data: text, bytes, or a binary file object that is read to its end; not used for directories.
        mode: digits that look octal; default 755.
        owner, group: names; default: those of the daemon.
        encoding: of text; default UTF-8.

    Raises:
        pydantic.ValidationError: for a blank path or encoding, or a negative mode.

    Example:
        >>> from opensandbox.models import WriteEntry
        >>> WriteEntry(path="/tmp/a.txt", data="text", mode=644).encoding
        'utf-8'
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    path: str
    data: str | bytes | IOBase | None = None
    mode: int = 755
    owner: str | None = None
    group: str | None = None
    encoding: str = "utf-8"

    @field_validator("path")
    @classmethod
    def path_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "path")

    @field_validator("mode")
    @classmethod
    def mode_must_be_non_negative(cls, v: int) -> int:
        if v < 0:
            raise ValueError("mode must not be negative")
        return v

    @field_validator("encoding")
    @classmethod
    def encoding_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "encoding")


class DirectoryListEntry(Model):
    """A directory to list.

    Attributes:
        path: of the directory.
        depth: levels; None: one.
    """

    path: str
    depth: int | None = None

    @field_validator("path")
    @classmethod
    def path_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "path")

    @field_validator("depth")
    @classmethod
    def depth_must_be_non_negative(cls, v: int | None) -> int | None:
        if v is not None and v < 0:
            raise ValueError("depth must not be negative")
        return v


class MoveEntry(Model):
    """A new name for an entry.

    Attributes:
        src: the old name, also settable as `source`.
        dest: the new name, also settable as `destination`; it must be free.
    """

    src: str = Field(alias="source")
    dest: str = Field(alias="destination")

    @field_validator("src")
    @classmethod
    def src_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "src")

    @field_validator("dest")
    @classmethod
    def dest_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "dest")


class SetPermissionEntry(Model):
    """New owner, group and mode of an entry; None leaves owner or group as they are.

    Attributes:
        path: of the entry; links are followed.
        owner, group: names or numbers.
        mode: digits that look octal; default 755.
    """

    path: str
    owner: str | None = None
    group: str | None = None
    mode: int = 755

    @field_validator("path")
    @classmethod
    def path_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "path")

    @field_validator("mode")
    @classmethod
    def mode_must_be_non_negative(cls, v: int) -> int:
        if v < 0:
            raise ValueError("mode must not be negative")
        return v


class ContentReplaceEntry(Model):
    """A text to replace wherever it occurs in a file.

    Attributes:
        path: of the file.
        old_content: what to look for, not a pattern.
        new_content: what takes its place.
    """

    path: str
    old_content: str
    new_content: str

    @field_validator("path")
    @classmethod
    def path_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "path")


class ContentReplaceResult(Model):
    """How often a text was replaced in a file."""

    path: str
    replaced_count: int


class SearchEntry(Model):
    """What to look for below a directory.

    Attributes:
        path: of the directory.
        pattern: glob for names: `*`, `**`, `?`, `[a-z]`, `{a,b}`.
    """

    path: str
    pattern: str

    @field_validator("path")
    @classmethod
    def path_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "path")

    @field_validator("pattern")
    @classmethod
    def pattern_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "pattern")


class FileChange(Model):
    """Something changed below a watched path.

    Attributes:
        type: `created`, `modified`, `attributes`, `deleted`, `moved`, or `overflow` (changes were lost, or not all is watched).
        path: what changed; None for `moved`.
        source, destination: of `moved`.
        directory: whether it is a directory; None for `overflow`.
        reason: of `overflow`: `queue` (look at the tree again) or `watches` (not every directory is watched).
        timestamp: Unix milliseconds.
    """

    type: str
    path: str | None = None
    source: str | None = Field(default=None, alias="from")
    destination: str | None = Field(default=None, alias="to")
    directory: bool | None = None
    reason: str | None = None
    timestamp: int = 0
