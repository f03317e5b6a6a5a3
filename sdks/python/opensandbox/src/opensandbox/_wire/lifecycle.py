"""Calls of the lifecycle API. Members without a value are left out of requests; answers may leave them out or have null."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..exceptions import InvalidArgumentException
from .message import Call, Request, Response, json_request, members, nothing, query, segment

if TYPE_CHECKING:
    from ..models.diagnostics import DiagnosticContent
    from ..models.sandboxes import (
        CredentialProxyConfig,
        NetworkPolicy,
        NetworkRule,
        PagedSandboxInfos,
        PagedSnapshotInfos,
        PlatformSpec,
        SandboxFilter,
        SandboxImageSpec,
        SandboxInfo,
        SandboxLifecycle,
        SandboxRenewResponse,
        SnapshotFilter,
        SnapshotInfo,
        Volume,
    )
    from ..models.templates import CreateTemplateRequest, PagedTemplateInfos, TemplateFilter, TemplateInfo

Json = dict[str, Any]


@dataclass(slots=True)
class Created:
    """A sandbox that has just been made."""

    id: str
    platform: Json | None
    extensions: dict[str, str] | None


@dataclass(slots=True)
class Place:
    """Where a port of a sandbox is."""

    endpoint: str
    headers: dict[str, str]
    origin: str | None


def given(**members: Any) -> Json:
    """Members that have a value."""
    return {name: value for name, value in members.items() if value is not None}


def renamed(value: Mapping[str, Any], **names: str) -> Json:
    """Members under the names of our models: `createdAt` becomes `created_at`; `names` are exceptions to that."""
    return {names.get(name, snake(name)): member for name, member in value.items() if member is not None}


def snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def dumped(model: Any) -> Any:
    """A model as the wire wants it."""
    return None if model is None else model.model_dump(mode="json", by_alias=True, exclude_none=True)


# -- sandboxes


def create_body(
    *,
    image: SandboxImageSpec | str | None = None,
    snapshot_id: str | None = None,
    entrypoint: list[str] | None = None,
    timeout: timedelta | None = None,
    resource: Mapping[str, str] | None = None,
    resource_requests: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    extensions: Mapping[str, str] | None = None,
    platform: PlatformSpec | None = None,
    secure_access: bool = False,
    network_policy: NetworkPolicy | None = None,
    credential_proxy: CredentialProxyConfig | None = None,
    volumes: list[Volume] | None = None,
    lifecycle: SandboxLifecycle | None = None,
) -> Json:
    """
    Raises:
        InvalidArgumentException: not exactly one of image and snapshot.
    """
    if isinstance(image, str) and not image.strip():
        image = None
    if (image is None) == (not snapshot_id):
        raise InvalidArgumentException("exactly one of image and snapshot_id must be given")
    body = given(snapshotId=snapshot_id or None, entrypoint=entrypoint, resourceLimits=dict(resource or {}))
    if image is not None:
        body["image"] = {"uri": image} if isinstance(image, str) else image_body(image)
    body["timeout"] = seconds(timeout)
    body |= given(
        resourceRequests=dict(resource_requests) if resource_requests else None,
        env=dict(env) if env else None,
        metadata=dict(metadata) if metadata else None,
        extensions=dict(extensions) if extensions else None,
        platform=dumped(platform),
        secureAccess=True if secure_access else None,
        networkPolicy=dumped(network_policy),
        credentialProxy=dumped(credential_proxy),
        volumes=[dumped(volume) for volume in volumes] if volumes else None,
        lifecycle=dumped(lifecycle) or None,
    )
    return body


def image_body(image: SandboxImageSpec) -> Json:
    auth = image.auth
    return given(uri=image.image, auth=None if auth is None else {"username": auth.username, "password": auth.password})


def seconds(timeout: timedelta | None) -> int | None:
    """Whole seconds, rounded up, so that a sandbox never lives shorter than asked for."""
    if timeout is None:
        return None
    whole = -int(-timeout.total_seconds() // 1)
    if whole <= 0:
        raise InvalidArgumentException("timeout must be more than 0")
    return whole


def template_body(
    template_id: str,
    timeout: timedelta,
    metadata: Mapping[str, str] | None,
    network_policy: NetworkPolicy | None,
    extensions: Mapping[str, str] | None,
) -> Json:
    if not template_id or not template_id.strip():
        raise InvalidArgumentException("template_id must not be blank")
    return given(
        templateId=template_id,
        timeout=seconds(timeout),
        metadata=dict(metadata) if metadata else None,
        networkPolicy=dumped(network_policy),
        extensions=dict(extensions) if extensions else None,
    )


def create(body: Json) -> Call[Created]:
    return Call(json_request("POST", "/sandboxes", body), _created, "create a sandbox", (200, 201, 202))


def _created(response: Response) -> Created:
    value = response.json()
    return Created(str(value["id"]), value.get("platform"), value.get("extensions"))


def sandbox_path(sandbox_id: str) -> str:
    if not sandbox_id or not str(sandbox_id).strip():
        raise InvalidArgumentException("sandbox_id must not be blank")
    return f"/sandboxes/{segment(sandbox_id)}"


def get(sandbox_id: str) -> Call[SandboxInfo]:
    return Call(json_request("GET", sandbox_path(sandbox_id)), lambda r: sandbox_info(r.json()), f"get sandbox {sandbox_id}")


def sandbox_info(value: Json) -> SandboxInfo:
    from ..models.sandboxes import SandboxInfo

    fields = renamed(value)
    fields["status"] = renamed(value["status"])
    fields.setdefault("entrypoint", [])
    if "image" in fields:
        image = fields["image"]
        fields["image"] = given(image=image.get("uri"), auth=image.get("auth"))
    if "allocation" in fields:
        fields["allocation"] = renamed(fields["allocation"])
    return SandboxInfo.model_validate(fields)


def metadata_filter(metadata: Mapping[str, str] | None) -> str | None:
    """Pairs as one query value; each part is encoded once more than the value itself, so that `&` and `=` can be in it."""
    if not metadata:
        return None
    return "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in metadata.items())


def list_sandboxes(wanted: SandboxFilter) -> Call[PagedSandboxInfos]:
    pairs: list[tuple[str, object]] = [("state", state) for state in wanted.states or ()]
    pairs += [("metadata", metadata_filter(wanted.metadata)), ("page", wanted.page or None), ("pageSize", wanted.page_size)]
    return Call(json_request("GET", "/sandboxes" + query(pairs)), _page_of_sandboxes, "list sandboxes")


def _page_of_sandboxes(response: Response) -> PagedSandboxInfos:
    from ..models.sandboxes import PagedSandboxInfos

    value = response.json()
    return PagedSandboxInfos.model_validate(
        {"sandbox_infos": [sandbox_info(item) for item in value["items"]], "pagination": renamed(value["pagination"])})


def patch_metadata(sandbox_id: str, patch: Mapping[str, str | None]) -> Call[SandboxInfo]:
    request = json_request("PATCH", f"{sandbox_path(sandbox_id)}/metadata", dict(patch),
                           {"Content-Type": "application/merge-patch+json"})
    return Call(request, lambda r: sandbox_info(r.json()), f"change the metadata of sandbox {sandbox_id}")


def kill(sandbox_id: str) -> Call[None]:
    return Call(Request("DELETE", sandbox_path(sandbox_id)), nothing, f"kill sandbox {sandbox_id}")


def pause(sandbox_id: str) -> Call[None]:
    return Call(Request("POST", f"{sandbox_path(sandbox_id)}/pause"), nothing, f"pause sandbox {sandbox_id}")


def resume(sandbox_id: str) -> Call[None]:
    return Call(Request("POST", f"{sandbox_path(sandbox_id)}/resume"), nothing, f"resume sandbox {sandbox_id}")


def renew(sandbox_id: str, when: datetime) -> Call[SandboxRenewResponse]:
    if when.tzinfo is None:
        when = when.astimezone()
    body = {"expiresAt": when.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")}
    request = json_request("POST", f"{sandbox_path(sandbox_id)}/renew-expiration", body)
    return Call(request, _renewed, f"renew sandbox {sandbox_id}")


def _renewed(response: Response) -> SandboxRenewResponse:
    from ..models.sandboxes import SandboxRenewResponse

    return SandboxRenewResponse.model_validate({"expires_at": response.json()["expiresAt"]})


def endpoint(sandbox_id: str, port: int, use_server_proxy: bool, expires: int | None = None) -> Call[Place]:
    if not 0 < port < 65536:
        raise InvalidArgumentException(f"port must be from 1 to 65535: {port}")
    pairs = [("use_server_proxy", use_server_proxy), ("expires", expires)]
    path = f"{sandbox_path(sandbox_id)}/endpoints/{port}{query(pairs)}"
    return Call(json_request("GET", path), _place, f"find port {port} of sandbox {sandbox_id}")


def _place(response: Response) -> Place:
    value = response.json()
    headers = {name: str(text) for name, text in (members(value.get("headers")) or {}).items()}
    address = str(value["endpoint"])
    return Place(address.partition("://")[2] or address, headers, response.headers.get("open-sandbox-origin"))


# -- snapshots


def create_snapshot(sandbox_id: str, name: str | None) -> Call[SnapshotInfo]:
    request = json_request("POST", f"{sandbox_path(sandbox_id)}/snapshots", given(name=name))
    return Call(request, lambda r: snapshot_info(r.json()), f"make a snapshot of sandbox {sandbox_id}")


def snapshot_info(value: Json) -> SnapshotInfo:
    from ..models.sandboxes import SnapshotInfo

    return SnapshotInfo.model_validate({**renamed(value), "status": renamed(value["status"])})


def _snapshot_path(snapshot_id: str) -> str:
    if not snapshot_id or not snapshot_id.strip():
        raise InvalidArgumentException("snapshot_id must not be blank")
    return f"/snapshots/{segment(snapshot_id)}"


def get_snapshot(snapshot_id: str) -> Call[SnapshotInfo]:
    request = json_request("GET", _snapshot_path(snapshot_id))
    return Call(request, lambda r: snapshot_info(r.json()), f"get snapshot {snapshot_id}")


def list_snapshots(wanted: SnapshotFilter) -> Call[PagedSnapshotInfos]:
    pairs: list[tuple[str, object]] = [("sandboxId", wanted.sandbox_id), ("name", wanted.name)]
    pairs += [("state", state) for state in wanted.states or ()]
    pairs += [("page", wanted.page or None), ("pageSize", wanted.page_size)]
    return Call(json_request("GET", "/snapshots" + query(pairs)), _page_of_snapshots, "list snapshots")


def _page_of_snapshots(response: Response) -> PagedSnapshotInfos:
    from ..models.sandboxes import PagedSnapshotInfos

    value = response.json()
    return PagedSnapshotInfos.model_validate(
        {"snapshot_infos": [snapshot_info(item) for item in value["items"]], "pagination": renamed(value["pagination"])})


def delete_snapshot(snapshot_id: str) -> Call[None]:
    return Call(Request("DELETE", _snapshot_path(snapshot_id)), nothing, f"delete snapshot {snapshot_id}")


# -- templates


def create_template(request: CreateTemplateRequest) -> Call[TemplateInfo]:
    return Call(json_request("POST", "/templates", dumped(request)), lambda r: template_info(r.json()), "create a template")


def template_info(value: Json) -> TemplateInfo:
    from ..models.templates import TemplateInfo

    fields = renamed(value)
    fields["status"] = renamed(value["status"])
    if "readiness" in fields:
        fields["readiness"] = renamed(fields["readiness"])
    return TemplateInfo.model_validate(fields)


def _template_path(template_id: str) -> str:
    if not template_id or not template_id.strip():
        raise InvalidArgumentException("template_id must not be blank")
    return f"/templates/{segment(template_id)}"


def get_template(template_id: str) -> Call[TemplateInfo]:
    request = json_request("GET", _template_path(template_id))
    return Call(request, lambda r: template_info(r.json()), f"get template {template_id}")


def list_templates(wanted: TemplateFilter) -> Call[PagedTemplateInfos]:
    pairs: list[tuple[str, object]] = [("metadata", metadata_filter(wanted.metadata)), ("page", wanted.page)]
    pairs.append(("pageSize", wanted.page_size))
    return Call(json_request("GET", "/templates" + query(pairs)), _page_of_templates, "list templates")


def _page_of_templates(response: Response) -> PagedTemplateInfos:
    from ..models.templates import PagedTemplateInfos

    value = response.json()
    return PagedTemplateInfos.model_validate(
        {"template_infos": [template_info(item) for item in value["items"]], "pagination": renamed(value["pagination"])})


def delete_template(template_id: str) -> Call[None]:
    return Call(Request("DELETE", _template_path(template_id)), nothing, f"delete template {template_id}")


# -- diagnostics, policies, telemetry


def diagnostics(sandbox_id: str, kind: str, scope: str) -> Call[DiagnosticContent]:
    if not scope or not scope.strip():
        raise InvalidArgumentException("scope must not be blank")
    request = json_request("GET", f"{sandbox_path(sandbox_id)}/diagnostics/{kind}{query([('scope', scope)])}")
    return Call(request, _diagnostics, f"get {kind} of sandbox {sandbox_id}")


def _diagnostics(response: Response) -> DiagnosticContent:
    from ..models.diagnostics import DiagnosticContent

    return DiagnosticContent.model_validate(response.json())


def get_policy(path: str) -> Call[NetworkPolicy]:
    """The call that reads a policy, below the server or a sandbox's egress program."""
    return Call(json_request("GET", path), _policy, "get the egress policy")


def _policy(response: Response) -> NetworkPolicy:
    from ..models.sandboxes import NetworkPolicy

    return NetworkPolicy.model_validate(response.json()["policy"])


def patch_policy(path: str, rules: Iterable[NetworkRule]) -> Call[None]:
    return Call(json_request("PATCH", path, [dumped(rule) for rule in rules]), nothing, "change the egress policy")


def delete_policy(path: str, targets: list[str]) -> Call[None]:
    return Call(json_request("DELETE", path, list(targets)), nothing, "delete egress rules")


def create_metric(sandbox_id: str | None, image: str | None, took_ms: int, success: bool) -> Call[None]:
    body = given(eventType="sandbox.create", sandboxId=sandbox_id, image=image, createDurationMs=took_ms, success=success)
    return Call(json_request("POST", "/metrics/events", body), nothing, "tell how long the create took")
