"""Calls of the file API."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

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
from ..modes import mode_digits
from .execd import EVENTS, not_blank
from .lifecycle import given
from .message import Call, Request, Response, json_request, nothing, query, segment
from .multipart import Multipart


class FileCalls:
    """Calls of the file API below a path: that of the daemon, of an identity, or of an isolated session."""

    def __init__(self, prefix: str = "", full_names: bool = False) -> None:
        self._prefix = prefix
        self._full_names = full_names

    def info(self, paths: list[str]) -> Call[dict[str, EntryInfo]]:
        request = json_request("GET", self._prefix + "/files/info" + query(("path", path) for path in paths))
        return Call(request, _infos, "get information about files")

    def search(self, entry: SearchEntry) -> Call[list[EntryInfo]]:
        pairs = [("path", entry.path), ("pattern", entry.pattern)]
        return Call(json_request("GET", self._prefix + "/files/search" + query(pairs)), _entries, f"search in {entry.path}")

    def list_directory(self, entry: DirectoryListEntry) -> Call[list[EntryInfo]]:
        pairs = [("path", entry.path), ("depth", entry.depth)]
        return Call(json_request("GET", self._prefix + "/directories/list" + query(pairs)), _entries, f"list {entry.path}")

    def delete(self, paths: Iterable[str]) -> Call[None]:
        return Call(Request("DELETE", self._prefix + "/files" + query(("path", path) for path in paths)), nothing, "delete files")

    def delete_directories(self, paths: Iterable[str]) -> Call[None]:
        path = self._prefix + "/directories" + query(("path", path) for path in paths)
        return Call(Request("DELETE", path), nothing, "delete directories")

    def move(self, entries: Iterable[MoveEntry]) -> Call[None]:
        body = [{"src": entry.src, "dest": entry.dest} for entry in entries]
        return Call(json_request("POST", self._prefix + "/files/mv", body), nothing, "move files")

    def permissions(self, entries: Iterable[SetPermissionEntry]) -> Call[None]:
        return Call(json_request("POST", self._prefix + "/files/permissions", _permissions(entries)), nothing, "set permissions")

    def create_directories(self, entries: Iterable[WriteEntry]) -> Call[None]:
        return Call(json_request("POST", self._prefix + "/directories", _permissions(entries)), nothing, "make directories")

    def replace(self, entries: Iterable[ContentReplaceEntry], verbose: bool) -> Call[list[ContentReplaceResult]]:
        body = {entry.path: {"old": entry.old_content, "new": entry.new_content} for entry in entries}
        path = self._prefix + "/files/replace" + query([("verbose", verbose)])
        return Call(json_request("POST", path, body), _replaced if verbose else _no_counts, "replace texts in files")

    def upload(self, entries: list[WriteEntry]) -> Call[None]:
        boundary = f"opensandbox_{os.urandom(8).hex()}_{int(time.time())}"
        form = Multipart(entries, boundary, self._full_names)
        request = Request("POST", self._prefix + "/files/upload", {"Content-Type": form.content_type}, form)
        return Call(request, nothing, f"write {', '.join(entry.path for entry in entries[:3])}")

    def download(self, path: str, range_header: str | None, offset: int | None, limit: int | None) -> Call[Response]:
        not_blank(path, "path")
        if range_header is not None and (offset is not None or limit is not None):
            raise InvalidArgumentException("range_header cannot be combined with offset and limit")
        for name, value in (("offset", offset), ("limit", limit)):
            if value is not None and value < 1:
                raise InvalidArgumentException(f"{name} must be at least 1")
        target = f"{self._prefix}/files/download?path={quote(path, safe='/')}"
        target += query([("offset", offset), ("limit", limit)]).replace("?", "&", 1)
        headers = {"Range": range_header} if range_header is not None else {}
        return Call(Request("GET", target, headers), lambda response: response, f"read {path}", (200, 206))

    def watch(self, path: str, recursive: bool) -> Call[None]:
        pairs = [("path", not_blank(path, "path")), ("recursive", recursive)]
        return Call(Request("GET", self._prefix + "/files/watch" + query(pairs), {"Accept": EVENTS}), nothing, f"watch {path}", (200,))

    def resume_watch(self, watch_id: str, after: int) -> Call[None]:
        path = f"{self._prefix}/files/watch/{segment(watch_id)}/resume{query([('after_eid', after)])}"
        return Call(Request("GET", path, {"Accept": EVENTS}), nothing, f"go on with watch {watch_id}", (200,))

    def end_watch(self, watch_id: str) -> Call[None]:
        return Call(Request("DELETE", self._prefix + "/files/watch" + query([("id", watch_id)])), nothing, f"end watch {watch_id}")


def identity_prefix(uid: int, gid: int) -> str:
    for name, value in (("uid", uid), ("gid", gid)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4294967294:
            raise InvalidArgumentException(f"{name} must be from 0 to 4294967294: {value}")
    return f"/v1/filesystem/{uid}/{gid}"


def _permissions(entries: Iterable[SetPermissionEntry | WriteEntry]) -> dict[str, Any]:
    return {entry.path: given(mode=mode_digits(entry.mode), owner=entry.owner, group=entry.group) for entry in entries}


def _infos(response: Response) -> dict[str, EntryInfo]:
    return {path: EntryInfo.model_validate(value) for path, value in response.json().items()}


def _entries(response: Response) -> list[EntryInfo]:
    return [EntryInfo.model_validate(value) for value in response.json() or ()]


def _replaced(response: Response) -> list[ContentReplaceResult]:
    return [ContentReplaceResult(path=path, replaced_count=value.get("replacedCount", 0)) for path, value in response.json().items()]


def _no_counts(_: Response) -> list[ContentReplaceResult]:
    return []
