"""Ends pools by name. The blocking client is made from this text."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable

from .config.connection import ConnectionConfig
from .exceptions import PoolDestroyedException, PoolDestroyIncompleteException, SandboxException, SandboxNotFoundException
from .manager import SandboxManager
from .pool_types import AsyncPoolStateStore, PoolDestroyOptions, PoolDestroyResult, PoolDestroyState


class SandboxPoolManagerAsync:
    """Destroys pools: their idle sandboxes are killed, and their name is blocked for a while."""

    def __init__(
        self,
        *,
        state_store: AsyncPoolStateStore,
        connection_config: ConnectionConfig | None = None,
        owner_id: str | None = None,
        sandbox_manager_factory: Callable[[ConnectionConfig], Awaitable[SandboxManager]] = SandboxManager.create,
    ) -> None:
        self._store = state_store
        self._config = connection_config or ConnectionConfig()
        self._owner = owner_id or f"pool-destroyer-{uuid.uuid4()}"
        self._new_manager = sandbox_manager_factory

    async def destroy(self, pool_name: str, options: PoolDestroyOptions | None = None) -> PoolDestroyResult:
        """Destroy a pool, whoever uses it; may be tried again when it failed.

        Args:
            pool_name: which.
            options: how long its name stays blocked, and how long to try.

        Raises:
            PoolDestroyedException: it was destroyed already.
            PoolDestroyIncompleteException: not all idle sandboxes could be killed in time.
        """
        options = options or PoolDestroyOptions()
        if await self._store.get_destroy_state(pool_name) is PoolDestroyState.DESTROYED:
            raise PoolDestroyedException(f"pool {pool_name} was destroyed already")
        await self._store.begin_destroy(pool_name, self._owner)
        end = time.monotonic() + options.drain_timeout.total_seconds()
        manager = await self._new_manager(self._config)
        drained = killed = 0
        try:
            while (sandbox_id := await self._store.try_take_idle(pool_name)) is not None:
                drained += 1
                try:
                    await manager.kill_sandbox(sandbox_id)
                    killed += 1
                except SandboxNotFoundException:
                    pass
                except SandboxException as error:
                    message = f"pool {pool_name}: sandbox {sandbox_id} could not be killed: {error}"
                    raise PoolDestroyIncompleteException(message, error) from error
                if time.monotonic() > end:
                    raise PoolDestroyIncompleteException(f"pool {pool_name}: there are more idle sandboxes than could be killed in time")
        finally:
            await manager.close()
        await self._store.clear_pool_state(pool_name)
        await self._store.mark_destroyed(pool_name, self._owner, options.tombstone_ttl)
        return PoolDestroyResult(pool_name, PoolDestroyState.DESTROYED, drained, killed, True)
