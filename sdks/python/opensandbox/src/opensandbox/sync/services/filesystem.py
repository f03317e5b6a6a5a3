"""Files and directories. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from io import IOBase
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from .._client import Failure, Stream, network_error
from ..._wire.files import FileCalls
from ..._wire.message import Call, Response
from ...exceptions import InvalidArgumentException
from ...models.filesystem import (
    ContentReplaceEntry,
    ContentReplaceResult,
    DirectoryListEntry,
    EntryInfo,
    MoveEntry,
    SearchEntry,
    SetPermissionEntry,
    WriteEntry,
)

if TYPE_CHECKING:
    from ._endpoint import Endpoint
    from .watch import FileWatchSync

P = ParamSpec("P")
T = TypeVar("T")


class FilesystemSync:
    """Reads and writes files of a sandbox; `sandbox.files`.

    Paths may begin with `~` and hold `$NAME`. Modes are digits that look octal (644), or octal literals (0o644).
    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the sandbox refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when it does not answer.
    """

    def __init__(self, endpoint: Endpoint, calls: FileCalls) -> None:
        self._endpoint = endpoint
        self._calls = calls

    def read_file(
        self,
        path: str,
        *,
        encoding: str = "utf-8",
        range_header: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> str:
        """The text of a file.

        Args:
            path: of the file.
            encoding: default UTF-8.
            range_header: bytes to read, `bytes=0-99` or `bytes=-10`; default: all.
            offset: first line to read, from 1; not together with `range_header`.
            limit: number of lines; default: all from `offset` on.

        Raises:
            SandboxNotFoundException: no such file.
            InvalidArgumentException: the bytes are no text of that encoding, or arguments exclude each other.

        Example:
            >>> sandbox.files.write_file("/tmp/lines", "one\\ntwo\\nthree\\n")
            >>> sandbox.files.read_file("/tmp/lines", offset=2, limit=1)
            'two'
        """
        data = self.read_bytes(path, range_header=range_header, offset=offset, limit=limit)
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError) as error:
            raise InvalidArgumentException(f"read {path}: {error}", error) from error

    def read_bytes(
        self, path: str, *, range_header: str | None = None, offset: int | None = None, limit: int | None = None
    ) -> bytes:
        """The bytes of a file; arguments and errors as with `read_file`.

        Example:
            >>> sandbox.files.write_file("/tmp/data", b"\\x00\\x01\\x02")
            >>> sandbox.files.read_bytes("/tmp/data", range_header="bytes=1-2")
            b'\\x01\\x02'
        """
        response = self._endpoint.call(self._calls.download(path, range_header, offset, limit))
        return response.body

    def read_bytes_stream(
        self,
        path: str,
        *,
        chunk_size: int = 65536,
        range_header: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> Iterator[bytes]:
        """A file in pieces, for files that are too large for memory. The connection is free when the last piece was read.

        Args:
            chunk_size: bytes of a piece; the last one may be shorter.
            path, range_header, offset, limit: as with `read_file`.

        Raises:
            InvalidArgumentException: `chunk_size` is not more than 0.

        Example:
            >>> sandbox.files.write_file("/tmp/big", b"x" * 100_000)
            >>> pieces = sandbox.files.read_bytes_stream("/tmp/big", chunk_size=40_000)
            >>> [len(piece) for piece in pieces]
            [40000, 40000, 20000]
        """
        if chunk_size <= 0:
            raise InvalidArgumentException("chunk_size must be more than 0")
        call = self._calls.download(path, range_header, offset, limit)
        target = self._endpoint.target()
        try:
            stream = self._endpoint.client.stream(target, call)
        except Failure as failure:
            raise network_error(failure, call.doing, target) from failure.error
        return self._pieces(stream, call, chunk_size)

    def _pieces(self, stream: Stream, call: Call[Response], chunk_size: int) -> Iterator[bytes]:
        held = bytearray()
        try:
            while data := stream.read(self._endpoint.client.timeout):
                held += data
                while len(held) >= chunk_size:
                    piece = bytes(held[:chunk_size])
                    del held[:chunk_size]
                    yield piece
            if held:
                yield bytes(held)
        except Failure as failure:
            raise network_error(failure, call.doing, self._endpoint.target()) from failure.error
        finally:
            stream.close()

    def write_files(self, entries: list[WriteEntry]) -> None:
        """Write files in one request. Missing directories are made; each file appears complete or not at all.

        Args:
            entries: what to write where; nothing happens for an empty list.

        Raises:
            InvalidArgumentException: no data, a text file object, an encoding that cannot express the text, or no mode.

        Example:
            >>> from opensandbox.models import WriteEntry
            >>> sandbox.files.write_files([WriteEntry(path="/tmp/a/b.txt", data="text", mode=600)])
            >>> (sandbox.files.get_file_info(["/tmp/a/b.txt"]))["/tmp/a/b.txt"].mode
            600
        """
        if entries:
            self._endpoint.call(_checked(self._calls.upload, entries))

    def write_file(
        self,
        path: str,
        data: str | bytes | IOBase,
        *,
        encoding: str = "utf-8",
        mode: int = 755,
        owner: str | None = None,
        group: str | None = None,
    ) -> None:
        """Write one file; see `write_files`.

        Args:
            path: where.
            data: text, bytes, or a binary file object.
            encoding: of text; default UTF-8.
            mode: default 755.
            owner, group: default: those of the daemon.
        """
        entry = _checked(WriteEntry, path=path, data=data, encoding=encoding, mode=mode, owner=owner, group=group)
        self.write_files([entry])

    def create_directories(self, entries: list[WriteEntry]) -> None:
        """Make directories with their parents; those that exist stay as they are.

        Args:
            entries: path, mode, owner and group count.

        Example:
            >>> from opensandbox.models import DirectoryListEntry, WriteEntry
            >>> sandbox.files.create_directories([WriteEntry(path="/tmp/tree/leaf", mode=0o750)])
            >>> [e.mode for e in sandbox.files.list_directory(DirectoryListEntry(path="/tmp/tree"))]
            [750]
        """
        self._endpoint.call(_checked(self._calls.create_directories, entries))

    def delete_files(self, paths: list[str]) -> None:
        """Remove files and links. What is not there counts as removed; directories are refused."""
        self._endpoint.call(self._calls.delete(paths))

    def delete_directories(self, paths: list[str]) -> None:
        """Remove directories with all that is in them. What is not there counts as removed."""
        self._endpoint.call(self._calls.delete_directories(paths))

    def move_files(self, entries: list[MoveEntry]) -> None:
        """Give entries other names, one after the other.

        Raises:
            SandboxNotFoundException: the old name is not there.
            SandboxConflictException: the new name is taken.

        Example:
            >>> from opensandbox.models import MoveEntry
            >>> sandbox.files.write_file("/tmp/old", "x")
            >>> sandbox.files.move_files([MoveEntry(source="/tmp/old", destination="/tmp/new")])
            >>> sandbox.files.read_file("/tmp/new")
            'x'
        """
        self._endpoint.call(self._calls.move(entries))

    def set_permissions(self, entries: list[SetPermissionEntry]) -> None:
        """Set owner, group and mode.

        Raises:
            SandboxNotFoundException: an entry is not there.
        """
        self._endpoint.call(_checked(self._calls.permissions, entries))

    def replace_contents(self, entries: list[ContentReplaceEntry]) -> None:
        """Replace every occurrence of a text in files.

        Raises:
            SandboxNotFoundException: a file is not there.
        """
        self._endpoint.call(self._calls.replace(entries, verbose=False))

    def replace_contents_detailed(self, entries: list[ContentReplaceEntry]) -> list[ContentReplaceResult]:
        """As `replace_contents`, and how often each was found.

        Example:
            >>> from opensandbox.models import ContentReplaceEntry
            >>> sandbox.files.write_file("/tmp/r", "a b a")
            >>> entry = ContentReplaceEntry(path="/tmp/r", old_content="a", new_content="c")
            >>> (sandbox.files.replace_contents_detailed([entry]))[0].replaced_count
            2
        """
        return self._endpoint.call(self._calls.replace(entries, verbose=True))

    def search(self, entry: SearchEntry) -> list[EntryInfo]:
        """Files below a directory whose names match a pattern.

        Raises:
            SandboxNotFoundException: no such directory.

        Example:
            >>> from opensandbox.models import SearchEntry
            >>> sandbox.files.write_file("/tmp/found/x.log", "")
            >>> [e.path for e in sandbox.files.search(SearchEntry(path="/tmp/found", pattern="*.log"))]
            ['/tmp/found/x.log']
        """
        return self._endpoint.call(self._calls.search(entry))

    def list_directory(self, entry: DirectoryListEntry) -> list[EntryInfo]:
        """What is in a directory.

        Raises:
            SandboxNotFoundException: no such directory.
        """
        return self._endpoint.call(self._calls.list_directory(entry))

    def get_file_info(self, paths: list[str]) -> dict[str, EntryInfo]:
        """Size, mode, owner and times, by path. Links are described as links.

        Raises:
            SandboxNotFoundException: one of them is not there.
        """
        if not paths:
            return {}
        return self._endpoint.call(self._calls.info(paths))

    @contextmanager
    def watch(self, path: str, *, recursive: bool = False) -> Generator[FileWatchSync, None, None]:
        """Changes of a file or directory, as they happen. Needs a daemon that can watch, as ours can.

        When the `with` block is entered everything is watched; leaving it ends the watch. A broken connection is mended without
        losing changes.

        Args:
            path: of the file or directory.
            recursive: also all below it; default False.

        Raises:
            SandboxNotFoundException: no such path.
            SandboxRateLimitException: too many watches.

        Example:
            >>> with sandbox.files.watch("/tmp") as changes:
            ...     sandbox.files.write_file("/tmp/fresh", "x")
            ...     for change in changes:
            ...         if change.path == "/tmp/fresh":
            ...             break
            >>> change.path
            '/tmp/fresh'
        """
        from .watch import FileWatchSync

        watch = FileWatchSync(self._endpoint, self._calls, path, recursive)
        watch.start()
        try:
            yield watch
        finally:
            watch.stop()


def _checked(make: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> T:
    """What a value error of ours becomes."""
    try:
        return make(*args, **options)
    except ValueError as error:
        raise InvalidArgumentException(str(error), error) from error
