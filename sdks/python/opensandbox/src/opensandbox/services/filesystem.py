"""Files and directories. The blocking client is made from this text."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import IOBase
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from .._client import Failure, Stream, network_error
from .._wire.files import FileCalls
from .._wire.message import Call, Response
from ..exceptions import InvalidArgumentException
from ..models.filesystem import (
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
    from .watch import FileWatch

P = ParamSpec("P")
T = TypeVar("T")


class Filesystem:
    """Reads and writes files of a sandbox; `sandbox.files`.

    Paths may begin with `~` and hold `$NAME`. Modes are digits that look octal (644), or octal literals (0o644).
    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the sandbox refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when it does not answer.
    """

    def __init__(self, endpoint: Endpoint, calls: FileCalls) -> None:
        self._endpoint = endpoint
        self._calls = calls

    async def read_file(
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
            >>> await sandbox.files.write_file("/tmp/lines", "one\\ntwo\\nthree\\n")
            >>> await sandbox.files.read_file("/tmp/lines", offset=2, limit=1)
            'two'
        """
        data = await self.read_bytes(path, range_header=range_header, offset=offset, limit=limit)
        try:
            return data.decode(encoding)
        except (LookupError, UnicodeError) as error:
            raise InvalidArgumentException(f"read {path}: {error}", error) from error

    async def read_bytes(
        self, path: str, *, range_header: str | None = None, offset: int | None = None, limit: int | None = None
    ) -> bytes:
        """The bytes of a file; arguments and errors as with `read_file`.

        Example:
            >>> await sandbox.files.write_file("/tmp/data", b"\\x00\\x01\\x02")
            >>> await sandbox.files.read_bytes("/tmp/data", range_header="bytes=1-2")
            b'\\x01\\x02'
        """
        response = await self._endpoint.call(self._calls.download(path, range_header, offset, limit))
        return response.body

    async def read_bytes_stream(
        self,
        path: str,
        *,
        chunk_size: int = 65536,
        range_header: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[bytes]:
        """A file in pieces, for files that are too large for memory. The connection is free when the last piece was read.

        Args:
            chunk_size: bytes of a piece; the last one may be shorter.
            path, range_header, offset, limit: as with `read_file`.

        Raises:
            InvalidArgumentException: `chunk_size` is not more than 0.

        Example:
            >>> await sandbox.files.write_file("/tmp/big", b"x" * 100_000)
            >>> pieces = await sandbox.files.read_bytes_stream("/tmp/big", chunk_size=40_000)
            >>> [len(piece) async for piece in pieces]
            [40000, 40000, 20000]
        """
        if chunk_size <= 0:
            raise InvalidArgumentException("chunk_size must be more than 0")
        call = self._calls.download(path, range_header, offset, limit)
        target = await self._endpoint.target()
        try:
            stream = await self._endpoint.client.stream(target, call)
        except Failure as failure:
            raise network_error(failure, call.doing, target) from failure.error
        return self._pieces(stream, call, chunk_size)

    async def _pieces(self, stream: Stream, call: Call[Response], chunk_size: int) -> AsyncIterator[bytes]:
        held = bytearray()
        try:
            while data := await stream.read(self._endpoint.client.timeout):
                held += data
                while len(held) >= chunk_size:
                    piece = bytes(held[:chunk_size])
                    del held[:chunk_size]
                    yield piece
            if held:
                yield bytes(held)
        except Failure as failure:
            raise network_error(failure, call.doing, await self._endpoint.target()) from failure.error
        finally:
            await stream.close()

    async def write_files(self, entries: list[WriteEntry]) -> None:
        """Write files in one request. Missing directories are made; each file appears complete or not at all.

        Args:
            entries: what to write where; nothing happens for an empty list.

        Raises:
            InvalidArgumentException: no data, a text file object, an encoding that cannot express the text, or no mode.

        Example:
            >>> from opensandbox.models import WriteEntry
            >>> await sandbox.files.write_files([WriteEntry(path="/tmp/a/b.txt", data="text", mode=600)])
            >>> (await sandbox.files.get_file_info(["/tmp/a/b.txt"]))["/tmp/a/b.txt"].mode
            600
        """
        if entries:
            await self._endpoint.call(_checked(self._calls.upload, entries))

    async def write_file(
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
        await self.write_files([entry])

    async def create_directories(self, entries: list[WriteEntry]) -> None:
        """Make directories with their parents; those that exist stay as they are.

        Args:
            entries: path, mode, owner and group count.

        Example:
            >>> from opensandbox.models import DirectoryListEntry, WriteEntry
            >>> await sandbox.files.create_directories([WriteEntry(path="/tmp/tree/leaf", mode=0o750)])
            >>> [e.mode for e in await sandbox.files.list_directory(DirectoryListEntry(path="/tmp/tree"))]
            [750]
        """
        await self._endpoint.call(_checked(self._calls.create_directories, entries))

    async def delete_files(self, paths: list[str]) -> None:
        """Remove files and links. What is not there counts as removed; directories are refused."""
        await self._endpoint.call(self._calls.delete(paths))

    async def delete_directories(self, paths: list[str]) -> None:
        """Remove directories with all that is in them. What is not there counts as removed."""
        await self._endpoint.call(self._calls.delete_directories(paths))

    async def move_files(self, entries: list[MoveEntry]) -> None:
        """Give entries other names, one after the other.

        Raises:
            SandboxNotFoundException: the old name is not there.
            SandboxConflictException: the new name is taken.

        Example:
            >>> from opensandbox.models import MoveEntry
            >>> await sandbox.files.write_file("/tmp/old", "x")
            >>> await sandbox.files.move_files([MoveEntry(source="/tmp/old", destination="/tmp/new")])
            >>> await sandbox.files.read_file("/tmp/new")
            'x'
        """
        await self._endpoint.call(self._calls.move(entries))

    async def set_permissions(self, entries: list[SetPermissionEntry]) -> None:
        """Set owner, group and mode.

        Raises:
            SandboxNotFoundException: an entry is not there.
        """
        await self._endpoint.call(_checked(self._calls.permissions, entries))

    async def replace_contents(self, entries: list[ContentReplaceEntry]) -> None:
        """Replace every occurrence of a text in files.

        Raises:
            SandboxNotFoundException: a file is not there.
        """
        await self._endpoint.call(self._calls.replace(entries, verbose=False))

    async def replace_contents_detailed(self, entries: list[ContentReplaceEntry]) -> list[ContentReplaceResult]:
        """As `replace_contents`, and how often each was found.

        Example:
            >>> from opensandbox.models import ContentReplaceEntry
            >>> await sandbox.files.write_file("/tmp/r", "a b a")
            >>> entry = ContentReplaceEntry(path="/tmp/r", old_content="a", new_content="c")
            >>> (await sandbox.files.replace_contents_detailed([entry]))[0].replaced_count
            2
        """
        return await self._endpoint.call(self._calls.replace(entries, verbose=True))

    async def search(self, entry: SearchEntry) -> list[EntryInfo]:
        """Files below a directory whose names match a pattern.

        Raises:
            SandboxNotFoundException: no such directory.

        Example:
            >>> from opensandbox.models import SearchEntry
            >>> await sandbox.files.write_file("/tmp/found/x.log", "")
            >>> [e.path for e in await sandbox.files.search(SearchEntry(path="/tmp/found", pattern="*.log"))]
            ['/tmp/found/x.log']
        """
        return await self._endpoint.call(self._calls.search(entry))

    async def list_directory(self, entry: DirectoryListEntry) -> list[EntryInfo]:
        """What is in a directory.

        Raises:
            SandboxNotFoundException: no such directory.
        """
        return await self._endpoint.call(self._calls.list_directory(entry))

    async def get_file_info(self, paths: list[str]) -> dict[str, EntryInfo]:
        """Size, mode, owner and times, by path. Links are described as links.

        Raises:
            SandboxNotFoundException: one of them is not there.
        """
        if not paths:
            return {}
        return await self._endpoint.call(self._calls.info(paths))

    @asynccontextmanager
    async def watch(self, path: str, *, recursive: bool = False) -> AsyncGenerator[FileWatch, None]:
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
            >>> async with sandbox.files.watch("/tmp") as changes:
            ...     await sandbox.files.write_file("/tmp/fresh", "x")
            ...     async for change in changes:
            ...         if change.path == "/tmp/fresh":
            ...             break
            >>> change.path
            '/tmp/fresh'
        """
        from .watch import FileWatch

        watch = FileWatch(self._endpoint, self._calls, path, recursive)
        await watch.start()
        try:
            yield watch
        finally:
            await watch.stop()


def _checked(make: Callable[P, T], /, *args: P.args, **options: P.kwargs) -> T:
    """What a value error of ours becomes."""
    try:
        return make(*args, **options)
    except ValueError as error:
        raise InvalidArgumentException(str(error), error) from error
