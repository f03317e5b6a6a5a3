"""`Sandbox`, the async face. The blocking one, `SandboxSync`, is made from this text by tools/unasync.py."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from . import _io_async as io
from ._client import Client, Failure
from ._wire import lifecycle as wire
from ._wire.lifecycle import Place
from .config.connection import ConnectionConfig
from .constants import DEFAULT_EGRESS_PORT, DEFAULT_EXECD_PORT
from .exceptions import (
    InvalidArgumentException,
    SandboxConflictException,
    SandboxException,
    SandboxInternalException,
    SandboxNotFoundException,
    SandboxReadyTimeoutException,
    SandboxUnauthorizedException,
)
from .services._endpoint import Endpoint
from .services.command import Commands
from .services.health import Health
from .services.sandbox import Sandboxes

if TYPE_CHECKING:
    from .manager import SandboxManager as SandboxManager
    from .models.diagnostics import DiagnosticContent
    from .models.sandboxes import (
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
    from .models.sandboxes import SandboxOrigin as SandboxOrigin
    from .services.diagnostics import Diagnostics
    from .services.egress import CredentialVault, Egress
    from .services.filesystem import Filesystem
    from .services.isolated import IsolationService
    from .services.metrics import Metrics
    from .services.pty import Terminals

log: logging.Logger = logging.getLogger("opensandbox")

_ENTRYPOINT = ["tail", "-f", "/dev/null"]
_RESOURCE = {"cpu": "1", "memory": "2Gi"}
_FIRST_PAUSE = 0.01  # of readiness; doubled up to the polling interval
_TEMPLATE = "template"
_UNKNOWN = "unknown"
_NOT_YET = "KUBERNETES::POD_IP_NOT_AVAILABLE"

HealthCheck = Callable[["Sandbox"], Awaitable[bool]]


class Sandbox:
    """A private machine: run commands, move files, look, and throw it away.

    Made by `create`, `connect`, `resume` or `create_from_template`. Leaving an `async with` block (or `close`) lets go of
    connections only; `kill` ends the sandbox. Used from one event loop.

    All methods raise `SandboxApiException` (or a subclass, such as `SandboxNotFoundException`) when the server refuses, and
    `SandboxConnectionException` or `SandboxTimeoutException` when nothing answers.

    Example:
        >>> from opensandbox import Sandbox
        >>> box = await Sandbox.create("host")
        >>> async with box:
        ...     run = await box.commands.run("echo hello")
        ...     await box.kill()
        >>> run.text
        'hello'
    """

    def __init__(
        self,
        sandbox_id: str,
        sandbox_service: Sandboxes,
        filesystem_service: Filesystem | None,
        command_service: Commands,
        health_service: Health,
        metrics_service: Metrics | None,
        egress_service: Egress | None,
        connection_config: ConnectionConfig,
        diagnostics_service: Diagnostics | None = None,
        isolated_service: IsolationService | None = None,
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
        self._pty: Terminals | None = None
        self._client: Client | None = None
        self._execd: Endpoint | None = None
        self._report: io.Task | None = None

    # -- making one

    @classmethod
    async def create(
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
        connection_config: ConnectionConfig | None = None,
        health_check: HealthCheck | None = None,
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
        lifecycle: SandboxLifecycle | None = None,
    ) -> Sandbox:
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
            health_check: async function that says whether the sandbox is ready, in place of the built-in ping.
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
        return await cls._create(body, name, _UNKNOWN, connection_config, health_check, ready_timeout, interval, skip_health_check)

    @classmethod
    async def create_from_template(
        cls,
        template_id: str,
        *,
        timeout: timedelta,
        ready_timeout: timedelta = timedelta(seconds=30),
        metadata: dict[str, str] | None = None,
        network_policy: NetworkPolicy | None = None,
        extensions: dict[str, str] | None = None,
        connection_config: ConnectionConfig | None = None,
        health_check: HealthCheck | None = None,
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
    ) -> Sandbox:
        """Make a sandbox from a template and wait until it is ready; arguments and errors as with `create`.

        Args:
            template_id: of a template that has been built.
            timeout: it ends by itself after this time.
        """
        interval = _interval(health_check_polling_interval)
        body = wire.template_body(template_id, timeout, metadata, network_policy, extensions)
        name = f"template:{template_id}"
        return await cls._create(body, name, _TEMPLATE, connection_config, health_check, ready_timeout, interval, skip_health_check)

    @classmethod
    async def _create(
        cls,
        body: dict[str, Any],
        name: str | None,
        origin: str,
        config: ConnectionConfig | None,
        health_check: HealthCheck | None,
        ready_timeout: timedelta,
        interval: timedelta,
        skip_health_check: bool,
    ) -> Sandbox:
        config = config or ConnectionConfig()
        client = Client.of(config)
        sandboxes = _sandboxes(client, config)
        begun = time.monotonic()
        made: str | None = None
        try:
            made = (await sandboxes.create(body)).id
            sandbox = cls._assemble(made, client, sandboxes, config, health_check, origin)
            await sandbox._get_ready(ready_timeout, interval, skip_health_check)
        except BaseException as error:
            await _give_up(sandboxes, made)
            _tell(client, config, sandboxes, made, name, begun, False)
            await client.release()
            raise _wrapped(error, "create a sandbox") from error
        sandbox._report = _tell(client, config, sandboxes, made, name, begun, True)
        return sandbox

    @classmethod
    async def connect(
        cls,
        sandbox_id: str,
        connection_config: ConnectionConfig | None = None,
        health_check: HealthCheck | None = None,
        connect_timeout: timedelta = timedelta(seconds=30),
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
    ) -> Sandbox:
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
            >>> from opensandbox import Sandbox
            >>> same = await Sandbox.connect(sandbox.id)
            >>> async with same:
            ...     print((await same.commands.run("echo here")).text)
            here
        """
        return await cls._connect(sandbox_id, connection_config, health_check, connect_timeout,
                                  health_check_polling_interval, skip_health_check, resume=False)

    @classmethod
    async def resume(
        cls,
        sandbox_id: str,
        connection_config: ConnectionConfig | None = None,
        health_check: HealthCheck | None = None,
        resume_timeout: timedelta = timedelta(seconds=30),
        health_check_polling_interval: timedelta = timedelta(milliseconds=200),
        skip_health_check: bool = False,
    ) -> Sandbox:
        """Let a paused sandbox run again, and use it.

        Args:
            sandbox_id: its id.
            resume_timeout: how long to wait for readiness; default 30 s.
            connection_config, health_check, health_check_polling_interval, skip_health_check: as with `create`.

        Raises:
            SandboxNotFoundException: no such sandbox.
            SandboxConflictException: it is not paused.

        Example:
            >>> from opensandbox import Sandbox
            >>> await sandbox.pause()
            >>> async with await Sandbox.resume(sandbox.id) as awake:
            ...     state = (await awake.get_info()).status.state
            >>> state
            'Running'
        """
        return await cls._connect(sandbox_id, connection_config, health_check, resume_timeout,
                                  health_check_polling_interval, skip_health_check, resume=True)

    @classmethod
    async def _connect(
        cls,
        sandbox_id: str,
        config: ConnectionConfig | None,
        health_check: HealthCheck | None,
        timeout: timedelta,
        polling_interval: timedelta,
        skip_health_check: bool,
        resume: bool,
    ) -> Sandbox:
        interval = _interval(polling_interval)
        sandbox_id = str(sandbox_id) if sandbox_id else ""
        wire.sandbox_path(sandbox_id)
        config = config or ConnectionConfig()
        client = Client.of(config)
        sandboxes = _sandboxes(client, config)
        try:
            if resume:
                await sandboxes.resume_sandbox(sandbox_id)
            sandbox = cls._assemble(sandbox_id, client, sandboxes, config, health_check, _UNKNOWN)
            await sandbox._get_ready(timeout, interval, skip_health_check)
        except BaseException as error:
            await client.release()
            raise _wrapped(error, f"{'resume' if resume else 'connect to'} sandbox {sandbox_id}") from error
        return sandbox

    @classmethod
    def _assemble(
        cls,
        sandbox_id: str,
        client: Client,
        sandboxes: Sandboxes,
        config: ConnectionConfig,
        health_check: HealthCheck | None,
        origin: str,
    ) -> Sandbox:
        async def find() -> Place:
            return await sandboxes.place(sandbox_id, DEFAULT_EXECD_PORT, config.use_server_proxy)

        endpoint = Endpoint(client, find)
        sandbox = cls(
            sandbox_id, sandboxes, None, Commands(endpoint), Health(endpoint), None, None, config,
            custom_health_check=health_check, origin=origin)
        sandbox._client = client
        sandbox._execd = endpoint
        return sandbox

    # -- readiness

    async def _get_ready(self, timeout: timedelta, interval: timedelta, skip: bool) -> None:
        deadline = time.monotonic() + timeout.total_seconds()
        place = await self._find_execd(deadline, interval)
        if place.origin == _TEMPLATE:
            self._origin = _TEMPLATE
        if not skip:
            await self._await_ready(deadline, timeout, interval)

    async def _find_execd(self, deadline: float, interval: timedelta) -> Place:
        """The daemon's address. Some servers need a while to know it."""
        pause = _FIRST_PAUSE
        while True:
            try:
                return await self._sandboxes.place(self.id, DEFAULT_EXECD_PORT, self._config.use_server_proxy)
            except SandboxNotFoundException as error:
                if error.error.code != _NOT_YET or time.monotonic() + pause >= deadline:
                    raise
            except SandboxConflictException:
                state = (await self.get_info()).status.state
                if state != "Pending" or time.monotonic() + pause >= deadline:
                    raise
            await io.sleep(pause)
            pause = min(interval.total_seconds(), pause * 2)

    async def check_ready(self, timeout: timedelta, polling_interval: timedelta) -> None:
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
        await self._await_ready(deadline, timeout, _interval(polling_interval))

    async def _await_ready(self, deadline: float, timeout: timedelta, interval: timedelta) -> None:
        attempts, pause = 0, _FIRST_PAUSE
        last: Exception | None = None
        while True:
            attempts += 1
            try:
                if await self._check(max(0.05, deadline - time.monotonic())):
                    return
                last = None
            except (SandboxUnauthorizedException, SandboxNotFoundException):
                if self._custom_health_check is None:
                    raise
            except Exception as error:
                last = error.error if isinstance(error, Failure) and isinstance(error.error, Exception) else error
            left = deadline - time.monotonic()
            if left <= 0:
                raise SandboxReadyTimeoutException(await self._not_ready(timeout, attempts, last), last)
            await io.sleep(min(pause, left, interval.total_seconds()))
            pause = min(interval.total_seconds(), pause * 2)

    async def _check(self, left: float) -> bool:
        if self._custom_health_check is not None:
            return bool(await self._custom_health_check(self))
        await self._health.ask(left)
        return True

    async def _not_ready(self, timeout: timedelta, attempts: int, last: Exception | None) -> str:
        why = f"last error: {last}" if last is not None else "the health check returned false each time"
        message = f"sandbox {self.id} was not ready after {timeout.total_seconds():g} s and {attempts} checks; {why}"
        if self._custom_health_check is None and self._execd is not None:
            target = await self._execd.target()
            message += f". Address: {target.url}"
            if not self._config.use_server_proxy:
                message += ". If this address cannot be reached from here, set use_server_proxy=True in the connection config"
        return message

    # -- what it can do

    @property
    def files(self) -> Filesystem:
        """Files and directories."""
        if self._files is None:
            self._files = self._files_below("")
        return self._files

    @property
    def commands(self) -> Commands:
        """Commands and shell sessions."""
        return self._commands

    @property
    def pty(self) -> Terminals:
        """Terminals."""
        if self._pty is None:
            from .services.pty import Terminals

            self._pty = Terminals(self._endpoint())
        return self._pty

    @property
    def metrics(self) -> Metrics:
        """CPU and memory."""
        if self._metrics is None:
            from .services.metrics import Metrics

            self._metrics = Metrics(self._endpoint())
        return self._metrics

    @property
    def isolation(self) -> IsolationService:
        """Isolated sessions."""
        if self._isolated is None:
            from .services.isolated import IsolationService

            self._isolated = IsolationService(self._endpoint())
        return self._isolated

    @property
    def diagnostics(self) -> Diagnostics:
        """Logs and events that the server has."""
        if self._diagnostics is None:
            from .services.diagnostics import Diagnostics

            self._diagnostics = Diagnostics(self._sandboxes)
        return self._diagnostics

    @property
    def credential_vault(self) -> CredentialVault:
        """Secrets for requests of the sandbox.

        Raises:
            SandboxInternalException: sandboxes made from templates have none.
        """
        if self._origin == _TEMPLATE:
            raise SandboxInternalException("sandboxes made from templates have no credential vault")
        return self._egress_service()

    @property
    def connection_config(self) -> ConnectionConfig:
        """The configuration that it was made with."""
        return self._config

    @property
    def origin(self) -> str:
        """What it was made from, one of `SandboxOrigin`."""
        return self._origin

    def files_with_identity(self, uid: int, gid: int) -> Filesystem:
        """Files in a user's name: the kernel checks and owns as that user and group would.

        Args:
            uid, gid: 0 to 4294967294.

        Raises:
            InvalidArgumentException: ids outside that range.

        Example:
            >>> theirs = sandbox.files_with_identity(65534, 65534)
            >>> await theirs.write_file("/tmp/theirs", "x")
            >>> (await theirs.get_file_info(["/tmp/theirs"]))["/tmp/theirs"].owner
            'nobody'
        """
        from ._wire.files import identity_prefix

        return self._files_below(identity_prefix(uid, gid))

    def _files_below(self, prefix: str) -> Filesystem:
        from ._wire.files import FileCalls
        from .services.filesystem import Filesystem

        return Filesystem(self._endpoint(), FileCalls(prefix, self._config.use_server_proxy))

    def _endpoint(self) -> Endpoint:
        if self._execd is None:
            raise SandboxInternalException("this sandbox was made without a connection")
        return self._execd

    def _egress_service(self) -> Egress:
        if self._egress is None:
            from .services.egress import Egress

            async def find() -> Place:
                return await self._sandboxes.place(self.id, DEFAULT_EGRESS_PORT, self._config.use_server_proxy)

            endpoint = Endpoint(self._endpoint().client, find)
            self._egress = Egress(endpoint, self._sandboxes, self.id, lambda: self._origin == _TEMPLATE)
        return self._egress

    # -- the sandbox itself

    async def get_info(self) -> SandboxInfo:
        """State, times and labels, as the server sees them.

        Example:
            >>> (await sandbox.get_info()).status.state
            'Running'
        """
        return await self._sandboxes.get_sandbox_info(self.id)

    async def get_endpoint(self, port: int) -> SandboxEndpoint:
        """Where a port of the sandbox is reached.

        Args:
            port: 1 to 65535; nothing need listen there.

        Raises:
            InvalidArgumentException: a port outside that range.

        Example:
            >>> (await sandbox.get_endpoint(8000)).endpoint.endswith("8000")
            True
        """
        return await self._sandboxes.get_sandbox_endpoint(self.id, port, self._config.use_server_proxy)

    async def get_signed_endpoint(self, port: int, expires: int) -> SandboxEndpoint:
        """An address that works without headers until a time.

        Args:
            port: 1 to 65535.
            expires: Unix seconds.

        Raises:
            SandboxApiException: 400 where the server offers none.
        """
        return await self._sandboxes.get_signed_sandbox_endpoint(self.id, port, expires, self._config.use_server_proxy)

    async def get_metrics(self) -> SandboxMetrics:
        """What it uses now.

        Example:
            >>> (await sandbox.get_metrics()).cpu_count > 0
            True
        """
        return await self.metrics.get_metrics(self.id)

    async def get_diagnostic_logs(self, scope: str) -> DiagnosticContent:
        """Logs that the server has; see `Diagnostics.get_logs`."""
        return await self.diagnostics.get_logs(self.id, scope)

    async def get_diagnostic_events(self, scope: str) -> DiagnosticContent:
        """Events that the server has; see `Diagnostics.get_events`."""
        return await self.diagnostics.get_events(self.id, scope)

    async def renew(self, timeout: timedelta) -> SandboxRenewResponse:
        """Let it live so long from now on.

        Args:
            timeout: more than 0.

        Raises:
            SandboxConflictException: it has no end (`timeout=None`).

        Example:
            >>> from datetime import datetime, timedelta, timezone
            >>> renewed = await sandbox.renew(timedelta(minutes=30))
            >>> renewed.expires_at > datetime.now(timezone.utc) + timedelta(minutes=29)
            True
        """
        return await self._sandboxes.renew_sandbox_expiration(self.id, datetime.now(timezone.utc) + timeout)

    async def patch_metadata(self, patch: dict[str, str | None]) -> SandboxInfo:
        """Set labels; None removes one.

        Example:
            >>> info = await sandbox.patch_metadata({"team": "blue"})
            >>> info.metadata["team"]
            'blue'
        """
        return await self._sandboxes.patch_sandbox_metadata(self.id, patch)

    async def create_snapshot(self, name: str | None = None) -> SnapshotInfo:
        """Keep its files for sandboxes to come.

        Args:
            name: to find it by.
        """
        return await self._sandboxes.call(wire.create_snapshot(self.id, name))  # type: ignore[no-any-return]

    async def get_egress_policy(self) -> NetworkPolicy:
        """What it may reach."""
        return await self._egress_service().get_policy()

    async def patch_egress_rules(self, rules: list[NetworkRule]) -> None:
        """Add rules, or change those of the same target."""
        await self._egress_service().patch_rules(rules)

    async def delete_egress_rules(self, targets: list[str]) -> None:
        """Remove the rules of these targets."""
        await self._egress_service().delete_rules(targets)

    async def pause(self) -> None:
        """Freeze all its processes; `Sandbox.resume` lets them run again. Its time to live runs on.

        Raises:
            SandboxConflictException: it does not run.
        """
        await self._sandboxes.pause_sandbox(self.id)

    async def kill(self) -> None:
        """End it, at once and for good.

        Raises:
            SandboxNotFoundException: it has ended already.
        """
        await self._sandboxes.kill_sandbox(self.id)

    async def destroy(self) -> None:
        """`kill`, then `close`, which happens in any case."""
        try:
            await self.kill()
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of connections. The sandbox lives on; a second call does nothing."""
        client, self._client = self._client, None
        if client is None:
            return
        if self._report is not None and not await self._report.join(0.5):
            self._report.cancel()
        await client.release()

    async def is_healthy(self) -> bool:
        """Whether it answers, or what the custom health check says. False for any failure."""
        try:
            if self._custom_health_check is not None:
                return bool(await self._custom_health_check(self))
            return await self._health.ping(self.id)
        except Exception as error:
            log.debug("the health check of sandbox %s failed: %s", self.id, error)
            return False

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        await self.close()


def _interval(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise InvalidArgumentException("the polling interval must not be negative")
    return value


def _sandboxes(client: Client, config: ConnectionConfig) -> Sandboxes:
    return Sandboxes(client, config.endpoint_cache_ttl, config.endpoint_cache_size, not config.endpoint_cache_disabled)


async def _give_up(sandboxes: Sandboxes, sandbox_id: str | None) -> None:
    """Kill what was made, if anything was. A failure is logged: the reason for giving up is the one to raise."""
    if sandbox_id is None:
        return
    try:
        await sandboxes.kill_sandbox(sandbox_id)
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
    config: ConnectionConfig,
    sandboxes: Sandboxes,
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
        if name == "SandboxManager":  # documented under this path
            from .manager import SandboxManager

            return SandboxManager
        if name == "SandboxOrigin":
            from .models.sandboxes import SandboxOrigin

            return SandboxOrigin
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["DEFAULT_EGRESS_PORT", "DEFAULT_EXECD_PORT", "Sandbox"]
