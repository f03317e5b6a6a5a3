"""Sandboxes, snapshots, volumes, network policies, credentials."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from .base import Constants, Model, not_blank

if TYPE_CHECKING:
    from ..config import ConnectionConfig, ConnectionConfigSync


class SandboxState(Constants):
    """States as they stand in `SandboxStatus.state`; a newer server may have others."""

    PENDING = "Pending"
    RUNNING = "Running"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    STOPPING = "Stopping"
    TERMINATED = "Terminated"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


class SandboxOrigin(Constants):
    """What a sandbox was made from."""

    TEMPLATE = "template"
    UNKNOWN = "unknown"


class SandboxImageAuth(Model):
    """Name and password for the registry of an image, neither blank."""

    username: str
    password: str = Field(repr=False)

    @field_validator("username")
    @classmethod
    def username_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "username")

    @field_validator("password")
    @classmethod
    def password_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "password")


class SandboxImageSpec(Model):
    """An image by name, with credentials if its registry wants them.

    Example:
        >>> from opensandbox.models.sandboxes import SandboxImageAuth, SandboxImageSpec
        >>> SandboxImageSpec("registry.example/app:1", auth=SandboxImageAuth(username="u", password="p")).image
        'registry.example/app:1'
    """

    image: str
    auth: SandboxImageAuth | None = None

    def __init__(self, image: str, *, auth: SandboxImageAuth | None = None, **data: Any) -> None:
        data |= {"image": image, "auth": auth}
        super().__init__(**data)

    @field_validator("image")
    @classmethod
    def image_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "image")


class PlatformSpec(Model):
    """Operating system and processor."""

    os: Literal["linux", "windows"]
    arch: Literal["amd64", "arm64"]


class NetworkRule(Model):
    """Allow or deny one target: a host name, `*.example.org`, an address or a network."""

    action: Literal["allow", "deny"]
    target: str

    @field_validator("action", mode="before")
    @classmethod
    def _action_in_any_case(cls, v: object) -> object:
        return v.lower() if isinstance(v, str) else v

    @field_validator("target")
    @classmethod
    def target_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "target")


class NetworkPolicy(Model):
    """What a sandbox may reach.

    Attributes:
        default_action: for what no rule names; default `deny`.
        egress: rules, the first that fits counts.
    """

    default_action: Literal["allow", "deny"] | None = Field(default="deny", alias="defaultAction")
    egress: list[NetworkRule] | None = None


class LifecycleHook(Model):
    """A program that runs before the entrypoint; the create fails when it does.

    Attributes:
        command: program and arguments, none blank.
        timeout_seconds: it is killed after that; default of the server: 60.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    command: list[str] = Field(min_length=1)
    timeout_seconds: int | None = Field(default=None, alias="timeoutSeconds", ge=1, le=10800)

    @field_validator("command")
    @classmethod
    def command_must_not_be_blank(cls, value: list[str]) -> list[str]:
        if not value[0].strip():
            raise ValueError("command must not be blank")
        return value


class PeriodicLifecycleHook(Model):
    """A program that runs again and again beside the entrypoint, never beside itself.

    Attributes:
        name: unique in the sandbox.
        schedule: a duration such as `30s`, `1m30s`, `@every 5m`.
        command: program and arguments.
        timeout_seconds: it is killed after that; default of the server: 60.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: str
    schedule: str
    command: list[str] = Field(min_length=1)
    timeout_seconds: int | None = Field(default=None, alias="timeoutSeconds", ge=1, le=300)

    @field_validator("name", "schedule")
    @classmethod
    def text_must_not_be_blank(cls, value: str) -> str:
        return not_blank(value, "name and schedule")

    @field_validator("command")
    @classmethod
    def command_must_not_be_blank(cls, value: list[str]) -> list[str]:
        if not value[0].strip():
            raise ValueError("command must not be blank")
        return value


class SandboxLifecycle(Model):
    """Hooks of a sandbox."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    pre_start: LifecycleHook | None = Field(default=None, alias="preStart")
    periodic: list[PeriodicLifecycleHook] | None = None

    @model_validator(mode="after")
    def periodic_names_must_be_unique(self) -> SandboxLifecycle:
        """No two periodic hooks have one name."""
        names = [hook.name for hook in self.periodic or ()]
        if len(names) != len(set(names)):
            raise ValueError("periodic hooks must have different names")
        return self


_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]")


class Host(Model):
    """A directory of the server's machine; the path is absolute."""

    path: str

    @field_validator("path")
    @classmethod
    def path_must_be_absolute(cls, v: str) -> str:
        if not v.startswith("/") and not _WINDOWS_PATH.match(v):
            raise ValueError("host path must be absolute")
        return v


class PVC(Model):
    """A named volume.

    Attributes:
        claim_name: its name.
        create_if_not_exists: make it if it is missing; default True.
        delete_on_sandbox_termination: default False.
        storage_class, storage, access_modes: for volumes that are made; None: the server's defaults.
    """

    claim_name: str = Field(alias="claimName")
    create_if_not_exists: bool = Field(default=True, alias="createIfNotExists")
    delete_on_sandbox_termination: bool = Field(default=False, alias="deleteOnSandboxTermination")
    storage_class: str | None = Field(default=None, alias="storageClass")
    storage: str | None = None
    access_modes: list[str] | None = Field(default=None, alias="accessModes")

    @field_validator("claim_name")
    @classmethod
    def claim_name_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "claim_name")


class OSSFS(Model):
    """A bucket of an object store; both keys are needed."""

    bucket: str
    endpoint: str
    version: Literal["1.0", "2.0"] = "2.0"
    options: list[str] | None = None
    access_key_id: str | None = Field(default=None, alias="accessKeyId")
    access_key_secret: str | None = Field(default=None, alias="accessKeySecret", repr=False)

    @model_validator(mode="after")
    def validate_inline_credentials(self) -> OSSFS:
        """Both keys are there."""
        if not self.access_key_id or not self.access_key_secret:
            raise ValueError("access_key_id and access_key_secret are needed")
        return self


class Volume(Model):
    """Storage that is mounted into a sandbox: exactly one of `host`, `pvc`, `ossfs`.

    Attributes:
        name: of the volume in the request.
        mount_path: absolute, in the sandbox.
        read_only: default False.
        sub_path: directory in the volume; None: all of it.
    """

    name: str
    host: Host | None = None
    pvc: PVC | None = None
    ossfs: OSSFS | None = None
    mount_path: str = Field(alias="mountPath")
    read_only: bool = Field(default=False, alias="readOnly")
    sub_path: str | None = Field(default=None, alias="subPath")

    @field_validator("name")
    @classmethod
    def name_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "name")

    @field_validator("mount_path")
    @classmethod
    def mount_path_must_be_absolute(cls, v: str) -> str:
        if not v.startswith("/"):
            raise ValueError("mount_path must be absolute")
        return v

    @model_validator(mode="after")
    def validate_exactly_one_backend(self) -> Volume:
        """One kind of storage."""
        if sum(kind is not None for kind in (self.host, self.pvc, self.ossfs)) != 1:
            raise ValueError("exactly one of host, pvc and ossfs must be given")
        return self


class SandboxStatus(Model):
    """State of a sandbox, one of `SandboxState`, with reason and message for people."""

    state: str
    reason: str | None = None
    message: str | None = None
    last_transition_at: datetime | None = None


class SandboxAllocation(Model):
    """From which pool of the server a sandbox came."""

    mode: Literal["pool"]
    pool_ref: str
    state: Literal["allocated"]


class SandboxInfo(Model):
    """A sandbox as the server sees it.

    Attributes:
        expires_at: when it ends by itself; None: it stays until it is killed.
        image: None if it was made from a snapshot or template.
    """

    id: str
    status: SandboxStatus
    entrypoint: list[str]
    expires_at: datetime | None = None
    created_at: datetime
    image: SandboxImageSpec | None = None
    snapshot_id: str | None = None
    platform: PlatformSpec | None = None
    allocation: SandboxAllocation | None = None
    metadata: dict[str, str] | None = None
    extensions: dict[str, str] | None = None


class SandboxCreateResponse(Model):
    """What a create answers, as far as clients need it."""

    id: str
    platform: PlatformSpec | None = None
    extensions: dict[str, str] | None = None


class SandboxRenewResponse(Model):
    """The new end of a sandbox's life."""

    expires_at: datetime


class SandboxEndpoint(Model):
    """Where a port of a sandbox is reached.

    Attributes:
        endpoint: `host:port`, maybe with a path, without scheme.
        headers: to be sent with every request there.
        origin: one of `SandboxOrigin`, None if the server does not say.
    """

    endpoint: str
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    origin: str | None = None

    def build_request_headers(self, connection_config: ConnectionConfig | ConnectionConfigSync) -> dict[str, str]:
        """All headers for a request to this endpoint: those of the configuration, then those of the endpoint.

        Args:
            connection_config: the API key is added only if it says `use_server_proxy`.
        """
        from ..config.client_ip import apply_client_ip

        headers = {"User-Agent": connection_config.user_agent, **apply_client_ip(connection_config.headers)}
        if connection_config.use_server_proxy and connection_config.get_api_key():
            headers["OPEN-SANDBOX-API-KEY"] = connection_config.get_api_key()
        return {**headers, **self.headers}


class PaginationInfo(Model):
    """Where a page stands; pages count from 1."""

    page: int
    page_size: int
    total_items: int
    total_pages: int
    has_next_page: bool


class PagedSandboxInfos(Model):
    """One page of sandboxes."""

    sandbox_infos: list[SandboxInfo]
    pagination: PaginationInfo


class SandboxFilter(Model):
    """Which sandboxes to list.

    Attributes:
        states: any of them, without regard to case.
        metadata: all pairs must match.
        page_size: more than 0; None: the server's default.
        page: from 1; None: the first.
    """

    states: list[str] | None = None
    metadata: dict[str, str] | None = None
    page_size: int | None = None
    page: int | None = None

    @field_validator("page_size")
    @classmethod
    def page_size_must_be_positive(cls, v: int | None) -> int | None:
        if v is not None and v <= 0:
            raise ValueError("page_size must be more than 0")
        return v

    @field_validator("page")
    @classmethod
    def page_must_be_non_negative(cls, v: int | None) -> int | None:
        if v is not None and v < 0:
            raise ValueError("page must not be negative")
        return v


class SnapshotStatus(Model):
    """State of a snapshot: `Creating`, `Ready`, `Failed` and the like."""

    state: str
    reason: str | None = None
    message: str | None = None
    last_transition_at: datetime | None = None


class SnapshotInfo(Model):
    """A snapshot of a sandbox."""

    id: str
    sandbox_id: str
    name: str | None = None
    status: SnapshotStatus
    created_at: datetime


class CreateSnapshotRequest(Model):
    """How a new snapshot is called."""

    name: str | None = None


class PagedSnapshotInfos(Model):
    """One page of snapshots."""

    snapshot_infos: list[SnapshotInfo]
    pagination: PaginationInfo


class SnapshotFilter(Model):
    """Which snapshots to list; fields as in `SandboxFilter`, and exact `sandbox_id` and `name`."""

    sandbox_id: str | None = None
    name: str | None = None
    states: list[str] | None = None
    page_size: int | None = None
    page: int | None = None

    @field_validator("page_size")
    @classmethod
    def snapshot_page_size_must_be_positive(cls, v: int | None) -> int | None:
        if v is not None and v <= 0:
            raise ValueError("page_size must be more than 0")
        return v

    @field_validator("page")
    @classmethod
    def snapshot_page_must_be_non_negative(cls, v: int | None) -> int | None:
        if v is not None and v < 0:
            raise ValueError("page must not be negative")
        return v


class SandboxMetrics(Model):
    """What a sandbox uses now.

    Attributes:
        cpu_count: CPUs that it may use.
        cpu_used_percentage: of all of those, 0 to 100.
        memory_total_in_mib, memory_used_in_mib: MiB.
        timestamp: Unix milliseconds.
    """

    cpu_count: float
    cpu_used_percentage: float
    memory_total_in_mib: float
    memory_used_in_mib: float
    timestamp: int


class CredentialProxyConfig(Model):
    """Whether requests of the sandbox get credentials on their way out."""

    enabled: bool = False


class InlineCredentialSource(Model):
    """A secret given as text."""

    value: str = Field(repr=False)
    type: Literal["inline"] = "inline"

    @field_validator("value")
    @classmethod
    def value_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "value")


class Credential(Model):
    """A secret with a name; the source may be a dict."""

    name: str
    source: InlineCredentialSource | dict[str, str] = Field(repr=False)

    @field_validator("name")
    @classmethod
    def credential_name_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "name")

    @model_validator(mode="after")
    def normalize_source(self) -> Credential:
        """Dicts become models."""
        if isinstance(self.source, dict):
            self.source = InlineCredentialSource.model_validate(self.source)
        return self


class CredentialMatch(Model):
    """Which requests a credential is for.

    Attributes:
        schemes: default: https.
        ports: deprecated; the scheme decides.
        hosts: at least one name or pattern.
        methods, paths: None: all.
    """

    schemes: list[Literal["https", "http"]] | None = None
    ports: list[int] | None = Field(default=None, deprecated="the scheme decides the port")
    hosts: list[str]
    methods: list[str] | None = None
    paths: list[str] | None = None

    @field_validator("hosts")
    @classmethod
    def hosts_must_not_be_empty(cls, v: list[str]) -> list[str]:
        if not v or not all(host.strip() for host in v):
            raise ValueError("hosts must not be empty")
        return v


class CustomHeaderEntry(Model):
    """A header whose value is a credential."""

    name: str
    credential: str


class CredentialSubstitution(Model):
    """A placeholder in requests that a credential takes the place of."""

    credential: str
    placeholder: str
    in_: list[Literal["path", "query", "header", "body"]] = Field(alias="in")


class CredentialAuth(Model):
    """How a credential is added to a request."""

    type: Literal["bearer", "basic", "apiKey", "customHeaders", "passthrough"]
    credential: str | None = None
    name: str | None = None
    headers: list[CustomHeaderEntry] | None = None
    substitutions: list[CredentialSubstitution] | None = None


class CredentialBinding(Model):
    """Which requests get which credential; `match` and `auth` may be dicts."""

    name: str
    match: CredentialMatch | dict[str, object]
    auth: CredentialAuth | dict[str, object]

    @field_validator("name")
    @classmethod
    def binding_name_must_not_be_empty(cls, v: str) -> str:
        return not_blank(v, "name")

    @model_validator(mode="after")
    def normalize_nested_models(self) -> CredentialBinding:
        """Dicts become models."""
        if isinstance(self.match, dict):
            self.match = CredentialMatch.model_validate(self.match)
        if isinstance(self.auth, dict):
            self.auth = CredentialAuth.model_validate(self.auth)
        return self


class CredentialMetadata(Model):
    """A credential without its secret."""

    name: str
    source_type: str = Field(alias="sourceType")
    revision: int


class CredentialAuthMetadata(Model):
    """How a credential is added, without naming it."""

    type: str
    name: str | None = None


class CredentialBindingMetadata(Model):
    """A binding as the vault shows it."""

    name: str
    revision: int
    match: CredentialMatch | None = None
    auth: CredentialAuthMetadata | None = None


class CredentialVaultState(Model):
    """All of a vault, without secrets. `revision` goes up by one with every change."""

    revision: int
    credentials: list[CredentialMetadata]
    bindings: list[CredentialBindingMetadata]


class CredentialListResponse(Model):
    """The credentials of a vault."""

    revision: int
    credentials: list[CredentialMetadata]


class CredentialBindingListResponse(Model):
    """The bindings of a vault."""

    revision: int
    bindings: list[CredentialBindingMetadata]


class CredentialMutationSet(Model):
    """Changes to credentials; `delete` has names."""

    add: list[Credential | dict[str, object]] | None = None
    replace: list[Credential | dict[str, object]] | None = None
    delete: list[str] | None = None


class CredentialBindingMutationSet(Model):
    """Changes to bindings; `delete` has names."""

    add: list[CredentialBinding | dict[str, object]] | None = None
    replace: list[CredentialBinding | dict[str, object]] | None = None
    delete: list[str] | None = None


class CredentialVaultPatchRequest(Model):
    """Changes to a vault, all or none. `expected_revision`: refuse if the vault has another one."""

    expected_revision: int | None = Field(default=None, alias="expectedRevision")
    credentials: CredentialMutationSet | dict[str, object] | None = None
    bindings: CredentialBindingMutationSet | dict[str, object] | None = None
