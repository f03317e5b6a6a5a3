"""The lifecycle API. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ... import _io_sync as io
from .._client import Client
from ..._wire import lifecycle
from ..._wire.address import Target
from ..._wire.cache import PlaceCache
from ..._wire.lifecycle import Created, Place
from ..._wire.message import Call

if TYPE_CHECKING:
    from ...models.sandboxes import (
        CreateSnapshotRequest,
        CredentialProxyConfig,
        NetworkPolicy,
        PagedSandboxInfos,
        PagedSnapshotInfos,
        PlatformSpec,
        SandboxCreateResponse,
        SandboxEndpoint,
        SandboxFilter,
        SandboxImageSpec,
        SandboxInfo,
        SandboxLifecycle,
        SandboxRenewResponse,
        SnapshotFilter,
        SnapshotInfo,
        Volume,
    )
    from ...models.templates import CreateTemplateRequest, PagedTemplateInfos, TemplateFilter, TemplateInfo


class SandboxesSync:
    """Calls of the lifecycle API as they are; `SandboxSync` and `SandboxManagerSync` are the comfortable way to them."""

    def __init__(self, client: Client, ttl: timedelta, size: int, cached: bool) -> None:
        self._client = client
        self._places = PlaceCache(ttl.total_seconds(), size) if cached else None
        self._asking: dict[tuple[str, int, bool], io.Lock] = {}
        self._target: Target | None = None

    @property
    def target(self) -> Target:
        if self._target is None:
            self._target = self._client.lifecycle()
        return self._target

    def call(self, call: Call[Any]) -> Any:
        return self._client.call(self.target, call)

    # -- sandboxes

    def create(self, body: dict[str, Any]) -> Created:
        """Create from a request body."""
        return self._client.call(self.target, lifecycle.create(body))

    def create_sandbox(
        self,
        spec: SandboxImageSpec | None,
        entrypoint: list[str] | None,
        env: dict[str, str],
        metadata: dict[str, str],
        timeout: timedelta | None,
        resource: dict[str, str],
        network_policy: NetworkPolicy | None,
        extensions: dict[str, str],
        volumes: list[Volume] | None,
        platform: PlatformSpec | None = None,
        secure_access: bool = False,
        snapshot_id: str | None = None,
        credential_proxy: CredentialProxyConfig | None = None,
        resource_requests: dict[str, str] | None = None,
        lifecycle: SandboxLifecycle | None = None,
    ) -> SandboxCreateResponse:
        """Create a sandbox; see `SandboxSync.create` for the arguments."""
        from ..._wire import lifecycle as wire

        body = wire.create_body(
            image=spec, snapshot_id=snapshot_id, entrypoint=entrypoint, timeout=timeout, resource=resource,
            resource_requests=resource_requests, env=env, metadata=metadata, extensions=extensions, platform=platform,
            secure_access=secure_access, network_policy=network_policy, credential_proxy=credential_proxy, volumes=volumes,
            lifecycle=lifecycle)
        return _create_response(self.create(body))

    def create_sandbox_from_template(
        self,
        template_id: str,
        timeout: timedelta,
        metadata: dict[str, str] | None = None,
        network_policy: NetworkPolicy | None = None,
        extensions: dict[str, str] | None = None,
    ) -> SandboxCreateResponse:
        """Create a sandbox from a template."""
        body = lifecycle.template_body(template_id, timeout, metadata, network_policy, extensions)
        return _create_response(self.create(body))

    def get_sandbox_info(self, sandbox_id: str) -> SandboxInfo:
        """A sandbox as the server sees it."""
        return self._client.call(self.target, lifecycle.get(sandbox_id))

    def list_sandboxes(self, filter: SandboxFilter) -> PagedSandboxInfos:
        """One page of sandboxes."""
        return self._client.call(self.target, lifecycle.list_sandboxes(filter))

    def patch_sandbox_metadata(self, sandbox_id: str, patch: dict[str, str | None]) -> SandboxInfo:
        """Set metadata; None removes a key."""
        return self._client.call(self.target, lifecycle.patch_metadata(sandbox_id, patch))

    def kill_sandbox(self, sandbox_id: str) -> None:
        """End a sandbox."""
        self.invalidate_endpoint_cache(sandbox_id)
        self._client.call(self.target, lifecycle.kill(sandbox_id))

    def pause_sandbox(self, sandbox_id: str) -> None:
        """Freeze a sandbox."""
        self.invalidate_endpoint_cache(sandbox_id)
        self._client.call(self.target, lifecycle.pause(sandbox_id))

    def resume_sandbox(self, sandbox_id: str) -> None:
        """Let a paused sandbox run again."""
        self._client.call(self.target, lifecycle.resume(sandbox_id))

    def renew_sandbox_expiration(self, sandbox_id: str, new_expiration_time: datetime) -> SandboxRenewResponse:
        """Move the end of a sandbox's life."""
        return self._client.call(self.target, lifecycle.renew(sandbox_id, new_expiration_time))

    # -- addresses

    def place(self, sandbox_id: str, port: int, use_server_proxy: bool) -> Place:
        """Where a port is; asked once for many that want to know at a time."""
        call = lifecycle.endpoint(sandbox_id, port, use_server_proxy)
        if self._places is None:
            return self._client.call(self.target, call)
        key = (sandbox_id, port, use_server_proxy)
        place = self._places.get(key)
        if place is not None:
            return place
        with self._asking.setdefault(key, io.Lock()):
            place = self._places.get(key)
            if place is None:
                place = self._client.call(self.target, call)
                self._places.put(key, place)
        self._asking.pop(key, None)
        return place

    def get_sandbox_endpoint(
        self, sandbox_id: str, port: int, use_server_proxy: bool = False
    ) -> SandboxEndpoint:
        """Where a port of a sandbox is reached."""
        return _endpoint(self.place(sandbox_id, port, use_server_proxy))

    def get_signed_sandbox_endpoint(
        self, sandbox_id: str, port: int, expires: int, use_server_proxy: bool = False
    ) -> SandboxEndpoint:
        """An address that works without further headers until `expires` (Unix seconds)."""
        return _endpoint(self._client.call(self.target, lifecycle.endpoint(sandbox_id, port, use_server_proxy, expires)))

    def invalidate_endpoint_cache(self, sandbox_id: str) -> None:
        """Forget addresses of a sandbox."""
        if self._places is not None:
            self._places.forget(sandbox_id)

    # -- snapshots

    def create_snapshot(self, sandbox_id: str, request: CreateSnapshotRequest | None = None) -> SnapshotInfo:
        """Make a snapshot."""
        name = None if request is None else request.name
        return self._client.call(self.target, lifecycle.create_snapshot(sandbox_id, name))

    def get_snapshot(self, snapshot_id: str) -> SnapshotInfo:
        """A snapshot as the server sees it."""
        return self._client.call(self.target, lifecycle.get_snapshot(snapshot_id))

    def list_snapshots(self, filter: SnapshotFilter) -> PagedSnapshotInfos:
        """One page of snapshots."""
        return self._client.call(self.target, lifecycle.list_snapshots(filter))

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove a snapshot."""
        self._client.call(self.target, lifecycle.delete_snapshot(snapshot_id))

    # -- templates

    def create_template(self, request: CreateTemplateRequest) -> TemplateInfo:
        """Begin to make a template."""
        return self._client.call(self.target, lifecycle.create_template(request))

    def get_template(self, template_id: str) -> TemplateInfo:
        """A template as the server sees it."""
        return self._client.call(self.target, lifecycle.get_template(template_id))

    def list_templates(self, filter: TemplateFilter) -> PagedTemplateInfos:
        """One page of templates."""
        return self._client.call(self.target, lifecycle.list_templates(filter))

    def delete_template(self, template_id: str) -> None:
        """Remove a template."""
        self._client.call(self.target, lifecycle.delete_template(template_id))


def _create_response(created: Created) -> SandboxCreateResponse:
    from ...models.sandboxes import SandboxCreateResponse

    return SandboxCreateResponse.model_validate(
        {"id": created.id, "platform": created.platform, "extensions": created.extensions})


def _endpoint(place: Place) -> SandboxEndpoint:
    from ...models.sandboxes import SandboxEndpoint

    return SandboxEndpoint(endpoint=place.endpoint, headers=dict(place.headers), origin=place.origin)
