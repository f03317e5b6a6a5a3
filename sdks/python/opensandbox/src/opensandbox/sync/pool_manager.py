"""Ends pools by name. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from ..config.connection_sync import ConnectionConfigSync
from ..exceptions import PoolDestroyedException, PoolDestroyIncompleteException, SandboxException, SandboxNotFoundException
from .manager import SandboxManagerSync
from ..pool_types import PoolStateStore, PoolDestroyOptions, PoolDestroyResult, PoolDestroyState


class SandboxPoolManagerSync:
    """Destroys pools: their idle sandboxes are killed, and their name is blocked for a while."""

    def __init__(
        self,
        *,
        state_store: PoolStateStore,
        connection_config: ConnectionConfigSync | None = None,
        owner_id: str | None = None,
        sandbox_manager_factory: Callable[[ConnectionConfigSync], SandboxManagerSync] = SandboxManagerSync.create,
    ) -> None:
        self._store = state_store
        self._config = connection_config or ConnectionConfigSync()
        self._owner = owner_id or f"pool-destroyer-{uuid.uuid4()}"
        self._new_manager = sandbox_manager_factory

    def destroy(self, pool_name: str, options: PoolDestroyOptions | None = None) -> PoolDestroyResult:
        """Destroy a pool, whoever uses it; may be tried again when it failed.

        Args:
            pool_name: which.
            options: how long its name stays blocked, and how long to try.

        Raises:
            PoolDestroyedException: it was destroyed already.
            PoolDestroyIncompleteException: not all idle sandboxes could be killed in time.
        """
        options = options or PoolDestroyOptions()
        if self._store.get_destroy_state(pool_name) is PoolDestroyState.DESTROYED:
            raise PoolDestroyedException(f"pool {pool_name} was destroyed already")
        self._store.begin_destroy(pool_name, self._owner)
        end = time.monotonic() + options.drain_timeout.total_seconds()
        manager = self._new_manager(self._config)
        drained = killed = 0
        try:
            while (sandbox_id := self._store.try_take_idle(pool_name)) is not None:
                drained += 1
                try:
                    manager.kill_sandbox(sandbox_id)
                    killed += 1
                except SandboxNotFoundException:
                    pass
                except SandboxException as error:
                    message = f"pool {pool_name}: sandbox {sandbox_id} could not be killed: {error}"
                    raise PoolDestroyIncompleteException(message, error) from error
                if time.monotonic() > end:
                    raise PoolDestroyIncompleteException(f"pool {pool_name}: there are more idle sandboxes than could be killed in time")
        finally:
            manager.close()
        self._store.clear_pool_state(pool_name)
        self._store.mark_destroyed(pool_name, self._owner, options.tombstone_ttl)
        return PoolDestroyResult(pool_name, PoolDestroyState.DESTROYED, drained, killed, True)
