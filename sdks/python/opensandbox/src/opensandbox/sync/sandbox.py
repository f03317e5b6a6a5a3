"""`SandboxSync`, the blocking face. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from .. import _io_sync as io
from ._client import Client, Failure
from .._wire import lifecycle as wire
from .._wire.lifecycle import Place
from ..config.connection_sync import ConnectionConfigSync
from ..constants import DEFAULT_EGRESS_PORT, DEFAULT_EXECD_PORT
from ..exceptions import (
    InvalidArgumentException,
    SandboxConflictException,
    SandboxException,
    SandboxInternalException,
    SandboxNotFoundException,
    SandboxReadyTimeoutException,
    SandboxUnauthorizedException,
)
from .services._endpoint import Endpoint
from .services.command import CommandsSync
from .services.health import HealthSync
from .services.sandbox import SandboxesSync

if TYPE_CHECKING:
    from .manager import SandboxManagerSync as SandboxManagerSync
    from ..models.diagnostics import DiagnosticContent
    from ..models.sandboxes import (
        CredentialProxyConfig,
        NetworkPolicy,
        NetworkRule,
        PlatformSpec,
        SandboxEndpoint,
        SandboxImageSpec,
        SandboxInfo,
        SandboxLifecycle,
        SandboxMetrics,
        SandboxRenewResponse,
        SnapshotInfo,
        Volume,
    )
    from ..models.sandboxes import SandboxOrigin as SandboxOrigin
    from .services.diagnostics import DiagnosticsSync
    from .services.egress import CredentialVaultSync, EgressSync
    from .services.filesystem import FilesystemSync
    from .services.isolated import IsolationServiceSync
    from .services.metrics import MetricsSync
    from .services.pty import TerminalsSync

log: logging.Logger = logging.getLogger("opensandbox")

_ENTRYPOINT = ["tail", "-f", "/dev/null"]
_RESOURCE = {"cpu": "1", "memory": "2Gi"}
_FIRST_PAUSE = 0.01  # of readiness; doubled up to the polling interval
_TEMPLATE = "template"
_UNKNOWN = "unknown"
_NOT_YET = "KUBERNETES::POD_IP_NOT_AVAILABLE"

HealthCheck = Callable[["SandboxSync"], bool]


class SandboxSync:
    """A private machine: run commands, move files, look, and throw it away.

    Made by `create`, `connect`, `resume` or `create_from_template`. Leaving an `with` block (or `close`) lets go of
    connections only; `kill` ends the sandbox. Usable from several threads.

    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the server refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when nothing answers.

    Example:
        >>> from opensandbox import SandboxSync
        >>> box = SandboxSync.create("host")
        >>> with box:
        ...     run = box.commands.run("echo hello")
        ...     box.kill()
        >>> run.text
        'hello'
    """

    def __init__(
        self,
        sandbox_id: str,
        sandbox_service: SandboxesSync,
        filesystem_service: FilesystemSync | None,
        command_service: CommandsSync,
        health_service: HealthSync,
        metrics_service: MetricsSync | None,
        egress_service: EgressSync | None,
        connection_config: ConnectionConfigSync,
        diagnostics_service: DiagnosticsSync | None = None,
        isolated_service: IsolationServiceSync | None = None,
        custom_health_check: HealthCheck | None = None,
        origin: str = _UNKNOWN,
    ) -> None:
        self.id = sandbox_id
        self._sandboxes = sandbox_service
        self._files = filesystem_service
        self._commands = command_service
        self._health = health_service
        self._metrics = metrics_service
        self._egress = egress_service
        self._config = connection_config
        self._diagnostics = diagnostics_service
        self._isolated = isolated_service
        self._custom_health_check = custom_health_check
        self._origin = origin
        self._pty: TerminalsSync | None = None
        self._client: Client | None = None
        self._execd: Endpoint | None = None
        self._report: io.Task | None = None

    # -- making one

    @classmethod
    def create(
        cls,
        image: SandboxImageSpec | str | None = None,
        *,
        snapshot_id: str | None = None,
        timeout: timedelta | None = timedelta(minutes=10),
        ready_timeout: timedelta = timedelta(seconds=30),
        env: dict[str, str] | None = None,
        metadata: dict[str, str] | None = None,
        resource: dict[str, str] | None = None,
        resource_requests: dict[str, str] | None = None,
        platform: PlatformSpec | None = None,
        network_policy: NetworkPolicy | None = None,
        credential_proxy: CredentialProxyConfig | None = None,
        extensions: dict[str, str] | None = None,
        secure_access: bool = False,
        entrypoint: list[str] | None = None,
        volumes: list[Volume] | None = None,
        connection_config: ConnectionConfigSync | None = None,
        health_check: HealthCheck | None = None,
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
        lifecycle: SandboxLifecycle | None = None,
    ) -> SandboxSync:
        """Make a sandbox and wait until it is ready.

        If it does not become ready, or this is cancelled, the new sandbox is killed.

        Args:
            image: name of an image, or `SandboxImageSpec` with credentials.
            snapshot_id: of a snapshot, in place of an image.
            timeout: it ends by itself after this time; None: not before it is killed. Default 10 minutes.
            ready_timeout: how long to wait for readiness, counted from the server's answer. Default 30 s.
            env: variables of the sandbox.
            metadata: labels to find it by.
            resource: ceilings; default `{"cpu": "1", "memory": "2Gi"}`.
            resource_requests: what a scheduler sets aside; default: the ceilings.
            platform: default: that of the server.
            network_policy: what it may reach; default: everything.
            credential_proxy: whether it has a credential vault.
            extensions: settings of a particular server.
            secure_access: protect its ports with a token.
            entrypoint: program that runs in it; default `["tail", "-f", "/dev/null"]`.
            volumes: storage to mount.
            connection_config: how to reach the server; default: from the environment.
            health_check: function that says whether the sandbox is ready, in place of the built-in ping.
            health_check_polling_interval: longest pause between two checks; default 200 ms.
            skip_health_check: return at once.
            lifecycle: programs that run before or beside the entrypoint.

        Raises:
            InvalidArgumentException: not exactly one of image and snapshot, or a value that cannot be meant.
            SandboxReadyTimeoutException: it was not ready in time.
            SandboxCapacityException: the server has no room.
            SandboxUnauthorizedException: the key is missing or wrong.
        """
        interval = _interval(health_check_polling_interval)
        if entrypoint is None and image is not None:
            entrypoint = _ENTRYPOINT
        body = wire.create_body(
            image=image, snapshot_id=snapshot_id, entrypoint=entrypoint, timeout=timeout, resource=resource or _RESOURCE,
            resource_requests=resource_requests, env=env, metadata=metadata, extensions=extensions, platform=platform,
            secure_access=secure_access, network_policy=network_policy, credential_proxy=credential_proxy, volumes=volumes,
            lifecycle=lifecycle)
        name = snapshot_id if image is None else image if isinstance(image, str) else image.image
        return cls._create(body, name, _UNKNOWN, connection_config, health_check, ready_timeout, interval, skip_health_check)

    @classmethod
    def create_from_template(
        cls,
        template_id: str,
        *,
        timeout: timedelta,
        ready_timeout: timedelta = timedelta(seconds=30),
        metadata: dict[str, str] | None = None,
        network_policy: NetworkPolicy | None = None,
        extensions: dict[str, str] | None = None,
        connection_config: ConnectionConfigSync | None = None,
        health_check: HealthCheck | None = None,
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
    ) -> SandboxSync:
        """Make a sandbox from a template and wait until it is ready; arguments and errors as with `create`.

        Args:
            template_id: of a template that has been built.
            timeout: it ends by itself after this time.
        """
        interval = _interval(health_check_polling_interval)
        body = wire.template_body(template_id, timeout, metadata, network_policy, extensions)
        name = f"template:{template_id}"
        return cls._create(body, name, _TEMPLATE, connection_config, health_check, ready_timeout, interval, skip_health_check)

    @classmethod
    def _create(
        cls,
        body: dict[str, Any],
        name: str | None,
        origin: str,
        config: ConnectionConfigSync | None,
        health_check: HealthCheck | None,
        ready_timeout: timedelta,
        interval: timedelta,
        skip_health_check: bool,
    ) -> SandboxSync:
        config = config or ConnectionConfigSync()
        client = Client.of(config)
        sandboxes = _sandboxes(client, config)
        begun = time.monotonic()
        made: str | None = None
        try:
            made = (sandboxes.create(body)).id
            sandbox = cls._assemble(made, client, sandboxes, config, health_check, origin)
            sandbox._get_ready(ready_timeout, interval, skip_health_check)
        except BaseException as error:
            _give_up(sandboxes, made)
            _tell(client, config, sandboxes, made, name, begun, False)
            client.release()
            raise _wrapped(error, "create a sandbox") from error
        sandbox._report = _tell(client, config, sandboxes, made, name, begun, True)
        return sandbox

    @classmethod
    def connect(
        cls,
        sandbox_id: str,
        connection_config: ConnectionConfigSync | None = None,
        health_check: HealthCheck | None = None,
        connect_timeout: timedelta = timedelta(seconds=30),
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
    ) -> SandboxSync:
        """Use a sandbox that there is already.

        Args:
            sandbox_id: its id.
            connect_timeout: how long to wait for readiness; default 30 s.
            connection_config, health_check, health_check_polling_interval, skip_health_check: as with `create`.

        Raises:
            SandboxNotFoundException: no such sandbox.
            SandboxConflictException: it has ended, or is paused.
            SandboxReadyTimeoutException: it was not ready in time.

        Example:
            >>> from opensandbox import SandboxSync
            >>> same = SandboxSync.connect(sandbox.id)
            >>> with same:
            ...     print((same.commands.run("echo here")).text)
            here
        """
        return cls._connect(sandbox_id, connection_config, health_check, connect_timeout,
                                  health_check_polling_interval, skip_health_check, resume=False)

    @classmethod
    def resume(
        cls,
        sandbox_id: str,
        connection_config: ConnectionConfigSync | None = None,
        health_check: HealthCheck | None = None,
        resume_timeout: timedelta = timedelta(seconds=30),
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
    ) -> SandboxSync:
        """Let a paused sandbox run again, and use it.

        Args:
            sandbox_id: its id.
            resume_timeout: how long to wait for readiness; default 30 s.
            connection_config, health_check, health_check_polling_interval, skip_health_check: as with `create`.

        Raises:
            SandboxNotFoundException: no such sandbox.
            SandboxConflictException: it is not paused.

        Example:
            >>> from opensandbox import SandboxSync
            >>> sandbox.pause()
            >>> with SandboxSync.resume(sandbox.id) as awake:
            ...     state = (awake.get_info()).status.state
            >>> state
            'Running'
        """
        return cls._connect(sandbox_id, connection_config, health_check, resume_timeout,
                                  health_check_polling_interval, skip_health_check, resume=True)

    @classmethod
    def _connect(
        cls,
        sandbox_id: str,
        config: ConnectionConfigSync | None,
        health_check: HealthCheck | None,
        timeout: timedelta,
        polling_interval: timedelta,
        skip_health_check: bool,
        resume: bool,
    ) -> SandboxSync:
        interval = _interval(polling_interval)
        sandbox_id = str(sandbox_id) if sandbox_id else ""
        wire.sandbox_path(sandbox_id)
        config = config or ConnectionConfigSync()
        client = Client.of(config)
        sandboxes = _sandboxes(client, config)
        try:
            if resume:
                sandboxes.resume_sandbox(sandbox_id)
            sandbox = cls._assemble(sandbox_id, client, sandboxes, config, health_check, _UNKNOWN)
            sandbox._get_ready(timeout, interval, skip_health_check)
        except BaseException as error:
            client.release()
            raise _wrapped(error, f"{'resume' if resume else 'connect to'} sandbox {sandbox_id}") from error
        return sandbox

    @classmethod
    def _assemble(
        cls,
        sandbox_id: str,
        client: Client,
        sandboxes: SandboxesSync,
        config: ConnectionConfigSync,
        health_check: HealthCheck | None,
        origin: str,
    ) -> SandboxSync:
        def find() -> Place:
            return sandboxes.place(sandbox_id, DEFAULT_EXECD_PORT, config.use_server_proxy)

        endpoint = Endpoint(client, find)
        sandbox = cls(
            sandbox_id, sandboxes, None, CommandsSync(endpoint), HealthSync(endpoint), None, None, config,
            custom_health_check=health_check, origin=origin)
        sandbox._client = client
        sandbox._execd = endpoint
        return sandbox

    # -- readiness

    def _get_ready(self, timeout: timedelta, interval: timedelta, skip: bool) -> None:
        deadline = time.monotonic() + timeout.total_seconds()
        place = self._find_execd(deadline, interval)
        if place.origin == _TEMPLATE:
            self._origin = _TEMPLATE
        if not skip:
            self._await_ready(deadline, timeout, interval)

    def _find_execd(self, deadline: float, interval: timedelta) -> Place:
        """The daemon's address. Some servers need a while to know it."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._sandboxes.place(self.id, DEFAULT_EXECD_PORT, self._config.use_server_proxy)
            except SandboxNotFoundException as error:
                if error.error.code != _NOT_YET or time.monotonic() + pause >= deadline:
                    raise
            except SandboxConflictException:
                state = (self.get_info()).status.state
                if state != "Pending" or time.monotonic() + pause >= deadline:
                    raise
            io.sleep(pause)
            pause = min(interval.total_seconds(), pause * 2)

    def check_ready(self, timeout: timedelta, polling_interval: timedelta) -> None:
        """Wait until the health check says yes.

        Args:
            timeout: how long.
            polling_interval: longest pause between two checks; not negative.

        Raises:
            SandboxReadyTimeoutException: not in time; the message has the address and what it answered.
            SandboxUnauthorizedException, SandboxNotFoundException: the address refuses, waiting would not help.
            InvalidArgumentException: a negative interval.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        self._await_ready(deadline, timeout, _interval(polling_interval))

    def _await_ready(self, deadline: float, timeout: timedelta, interval: timedelta) -> None:
        attempts, pause = 0, _FIRST_PAUSE
        last: Exception | None = None
        while True:
            attempts += 1
            try:
                if self._check(max(0.05, deadline - time.monotonic())):
                    return
                last = None
            except (SandboxUnauthorizedException, SandboxNotFoundException):
                if self._custom_health_check is None:
                    raise
            except Exception as error:
                last = error.error if isinstance(error, Failure) and isinstance(error.error, Exception) else error
            left = deadline - time.monotonic()
            if left <= 0:
                raise SandboxReadyTimeoutException(self._not_ready(timeout, attempts, last), last)
            io.sleep(min(pause, left, interval.total_seconds()))
            pause = min(interval.total_seconds(), pause * 2)

    def _check(self, left: float) -> bool:
        if self._custom_health_check is not None:
            return bool(self._custom_health_check(self))
        self._health.ask(left)
        return True

    def _not_ready(self, timeout: timedelta, attempts: int, last: Exception | None) -> str:
        why = f"last error: {last}" if last is not None else "the health check returned false each time"
        message = f"sandbox {self.id} was not ready after {timeout.total_seconds():g} s and {attempts} checks; {why}"
        if self._custom_health_check is None and self._execd is not None:
            target = self._execd.target()
            message += f". Address: {target.url}"
            if not self._config.use_server_proxy:
                message += ". If this address cannot be reached from here, set use_server_proxy=True in the connection config"
        return message

    # -- what it can do

    @property
    def files(self) -> FilesystemSync:
        """Files and directories."""
        if self._files is None:
            self._files = self._files_below("")
        return self._files

    @property
    def commands(self) -> CommandsSync:
        """Commands and shell sessions."""
        return self._commands

    @property
    def pty(self) -> TerminalsSync:
        """Terminals."""
        if self._pty is None:
            from .services.pty import TerminalsSync

            self._pty = TerminalsSync(self._endpoint())
        return self._pty

    @property
    def metrics(self) -> MetricsSync:
        """CPU and memory."""
        if self._metrics is None:
            from .services.metrics import MetricsSync

            self._metrics = MetricsSync(self._endpoint())
        return self._metrics

    @property
    def isolation(self) -> IsolationServiceSync:
        """Isolated sessions."""
        if self._isolated is None:
            from .services.isolated import IsolationServiceSync

            self._isolated = IsolationServiceSync(self._endpoint())
        return self._isolated

    @property
    def diagnostics(self) -> DiagnosticsSync:
        """Logs and events that the server has."""
        if self._diagnostics is None:
            from .services.diagnostics import DiagnosticsSync

            self._diagnostics = DiagnosticsSync(self._sandboxes)
        return self._diagnostics

    @property
    def credential_vault(self) -> CredentialVaultSync:
        """Secrets for requests of the sandbox.

        Raises:
            SandboxInternalException: sandboxes made from templates have none.
        """
        if self._origin == _TEMPLATE:
            raise SandboxInternalException("sandboxes made from templates have no credential vault")
        return self._egress_service()

    @property
    def connection_config(self) -> ConnectionConfigSync:
        """The configuration that it was made with."""
        return self._config

    @property
    def origin(self) -> str:
        """What it was made from, one of `SandboxOrigin`."""
        return self._origin

    def files_with_identity(self, uid: int, gid: int) -> FilesystemSync:
        """Files in a user's name: the kernel checks and owns as that user and group would.

        Args:
            uid, gid: 0 to 4294967294.

        Raises:
            InvalidArgumentException: ids outside that range.

        Example:
            >>> theirs = sandbox.files_with_identity(65534, 65534)
            >>> theirs.write_file("/tmp/theirs", "x")
            >>> (theirs.get_file_info(["/tmp/theirs"]))["/tmp/theirs"].owner
            'nobody'
        """
        from .._wire.files import identity_prefix

        return self._files_below(identity_prefix(uid, gid))

    def _files_below(self, prefix: str) -> FilesystemSync:
        from .._wire.files import FileCalls
        from .services.filesystem import FilesystemSync

        return FilesystemSync(self._endpoint(), FileCalls(prefix, self._config.use_server_proxy))

    def _endpoint(self) -> Endpoint:
        if self._execd is None:
            raise SandboxInternalException("this sandbox was made without a connection")
        return self._execd

    def _egress_service(self) -> EgressSync:
        if self._egress is None:
            from .services.egress import EgressSync

            def find() -> Place:
                return self._sandboxes.place(self.id, DEFAULT_EGRESS_PORT, self._config.use_server_proxy)

            endpoint = Endpoint(self._endpoint().client, find)
            self._egress = EgressSync(endpoint, self._sandboxes, self.id, lambda: self._origin == _TEMPLATE)
        return self._egress

    # -- the sandbox itself

    def get_info(self) -> SandboxInfo:
        """State, times and labels, as the server sees them.

        Example:
            >>> (sandbox.get_info()).status.state
            'Running'
        """
        return self._sandboxes.get_sandbox_info(self.id)

    def get_endpoint(self, port: int) -> SandboxEndpoint:
        """Where a port of the sandbox is reached.

        Args:
            port: 1 to 65535; nothing need listen there.

        Raises:
            InvalidArgumentException: a port outside that range.

        Example:
            >>> (sandbox.get_endpoint(8000)).endpoint.endswith("8000")
            True
        """
        return self._sandboxes.get_sandbox_endpoint(self.id, port, self._config.use_server_proxy)

    def get_signed_endpoint(self, port: int, expires: int) -> SandboxEndpoint:
        """An address that works without headers until a time.

        Args:
            port: 1 to 65535.
            expires: Unix seconds.

        Raises:
            SandboxApiException: 400 where the server offers none.
        """
        return self._sandboxes.get_signed_sandbox_endpoint(self.id, port, expires, self._config.use_server_proxy)

    def get_metrics(self) -> SandboxMetrics:
        """What it uses now.

        Example:
            >>> (sandbox.get_metrics()).cpu_count > 0
            True
        """
        return self.metrics.get_metrics(self.id)

    def get_diagnostic_logs(self, scope: str) -> DiagnosticContent:
        """Logs that the server has; see `Diagnostics.get_logs`."""
        return self.diagnostics.get_logs(self.id, scope)

    def get_diagnostic_events(self, scope: str) -> DiagnosticContent:
        """Events that the server has; see `Diagnostics.get_events`."""
        return self.diagnostics.get_events(self.id, scope)

    def renew(self, timeout: timedelta) -> SandboxRenewResponse:
        """Let it live so long from now on.

        Args:
            timeout: more than 0.

        Raises:
            SandboxConflictException: it has no end (`timeout=None`).

        Example:
            >>> from datetime import datetime, timedelta, timezone
            >>> renewed = sandbox.renew(timedelta(minutes=30))
            >>> renewed.expires_at > datetime.now(timezone.utc) + timedelta(minutes=29)
            True
        """
        return self._sandboxes.renew_sandbox_expiration(self.id, datetime.now(timezone.utc) + timeout)

    def patch_metadata(self, patch: dict[str, str | None]) -> SandboxInfo:
        """Set labels; None removes one.

        Example:
            >>> info = sandbox.patch_metadata({"team": "blue"})
            >>> info.metadata["team"]
            'blue'
        """
        return self._sandboxes.patch_sandbox_metadata(self.id, patch)

    def create_snapshot(self, name: str | None = None) -> SnapshotInfo:
        """Keep its files for sandboxes to come.

        Args:
            name: to find it by.
        """
        return self._sandboxes.call(wire.create_snapshot(self.id, name))  # type: ignore[no-any-return]

    def get_egress_policy(self) -> NetworkPolicy:
        """What it may reach."""
        return self._egress_service().get_policy()

    def patch_egress_rules(self, rules: list[NetworkRule]) -> None:
        """Add rules, or change those of the same target."""
        self._egress_service().patch_rules(rules)

    def delete_egress_rules(self, targets: list[str]) -> None:
        """Remove the rules of these targets."""
        self._egress_service().delete_rules(targets)

    def pause(self) -> None:
        """Freeze all its processes; `SandboxSync.resume` lets them run again. Its time to live runs on.

        Raises:
            SandboxConflictException: it does not run.
        """
        self._sandboxes.pause_sandbox(self.id)

    def kill(self) -> None:
        """End it, at once and for good.

        Raises:
            SandboxNotFoundException: it has ended already.
        """
        self._sandboxes.kill_sandbox(self.id)

    def destroy(self) -> None:
        """`kill`, then `close`, which happens in any case."""
        try:
            self.kill()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of connections. The sandbox lives on; a second call does nothing."""
        client, self._client = self._client, None
        if client is None:
            return
        if self._report is not None and not self._report.join(0.5):
            self._report.cancel()
        client.release()

    def is_healthy(self) -> bool:
        """Whether it answers, or what the custom health check says. False for any failure."""
        try:
            if self._custom_health_check is not None:
                return bool(self._custom_health_check(self))
            return self._health.ping(self.id)
        except Exception as error:
            log.debug("the health check of sandbox %s failed: %s", self.id, error)
            return False

    def __enter__(self) -> SandboxSync:
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self.close()


def _interval(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise InvalidArgumentException("the polling interval must not be negative")
    return value


def _sandboxes(client: Client, config: ConnectionConfigSync) -> SandboxesSync:
    return SandboxesSync(client, config.endpoint_cache_ttl, config.endpoint_cache_size, not config.endpoint_cache_disabled)


def _give_up(sandboxes: SandboxesSync, sandbox_id: str | None) -> None:
    """Kill what was made, if anything was. A failure is logged: the reason for giving up is the one to raise."""
    if sandbox_id is None:
        return
    try:
        sandboxes.kill_sandbox(sandbox_id)
    except Exception as error:
        log.warning("sandbox %s was not ready and could not be killed: %s", sandbox_id, error)


def _wrapped(error: BaseException, doing: str) -> BaseException:
    """What callers of create, connect and resume get."""
    if isinstance(error, Failure):
        return SandboxInternalException(f"{doing}: {error}", error)
    if isinstance(error, SandboxException) or not isinstance(error, Exception):
        return error
    if isinstance(error, (ValueError, TypeError)):
        return InvalidArgumentException(f"{doing}: {error}", error)
    return SandboxInternalException(f"{doing}: {error}", error)


def _tell(
    client: Client,
    config: ConnectionConfigSync,
    sandboxes: SandboxesSync,
    sandbox_id: str | None,
    name: str | None,
    begun: float,
    success: bool,
) -> io.Task | None:
    """Report the create to the server, in the background. Whether it arrives does not matter."""
    if not config.metrics_wanted():
        return None
    took = int((time.monotonic() - begun) * 1000)
    return io.spawn(client.call, sandboxes.target, wire.create_metric(sandbox_id, name, took, success))


if not TYPE_CHECKING:  # which would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name == "SandboxManagerSync":  # documented under this path
            from .manager import SandboxManagerSync

            return SandboxManagerSync
        if name == "SandboxOrigin":
            from ..models.sandboxes import SandboxOrigin

            return SandboxOrigin
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["DEFAULT_EGRESS_PORT", "DEFAULT_EXECD_PORT", "SandboxSync"]
