"""What a sandbox may reach, and the credentials its requests get. Made by tools/unasync.py; edit the async text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..._wire import lifecycle, vault
from ..._wire.message import Call
from ...exceptions import SandboxInternalException

if TYPE_CHECKING:
    from ...models.sandboxes import (
        Credential,
        CredentialBinding,
        CredentialBindingMetadata,
        CredentialBindingMutationSet,
        CredentialMetadata,
        CredentialMutationSet,
        CredentialVaultState,
        NetworkPolicy,
        NetworkRule,
    )
    from ._endpoint import Endpoint
    from .sandbox import SandboxesSync


class CredentialVaultSync:
    """Secrets that are added to requests on their way out, so that the sandbox never sees them; `sandbox.credential_vault`.

    Arguments may be models or dicts of the same shape. Answers never hold a secret.
    """

    def __init__(self, endpoint: Endpoint, sandboxes: SandboxesSync, sandbox_id: str, by_server: Callable[[], bool]) -> None:
        self._endpoint = endpoint
        self._sandboxes = sandboxes
        self._sandbox_id = sandbox_id
        self._by_server = by_server

    def _ask(self, call: Call[Any]) -> Any:
        if self._by_server():
            raise SandboxInternalException("sandboxes made from templates have no credential vault")
        return self._endpoint.call(call)

    def create(
        self,
        *,
        credentials: list[Credential | dict[str, object]],
        bindings: list[CredentialBinding | dict[str, object]],
    ) -> CredentialVaultState:
        """Make the vault.

        Args:
            credentials: named secrets.
            bindings: which requests get which.

        Raises:
            SandboxConflictException: there is one already.
            InvalidArgumentException: a dict of another shape.
        """
        state: CredentialVaultState = self._ask(vault.create(credentials, bindings))
        return state

    def get(self) -> CredentialVaultState:
        """All of it, without secrets."""
        state: CredentialVaultState = self._ask(vault.get())
        return state

    def patch(
        self,
        *,
        expected_revision: int | None = None,
        credentials: CredentialMutationSet | dict[str, object] | None = None,
        bindings: CredentialBindingMutationSet | dict[str, object] | None = None,
    ) -> CredentialVaultState:
        """Change it, all at once or nothing.

        Args:
            expected_revision: refuse if the vault has another one; default: whatever it has.
            credentials, bindings: what to add, replace and delete.
        """
        state: CredentialVaultState = self._ask(vault.patch(expected_revision, credentials, bindings))
        return state

    def delete(self) -> None:
        """Remove it with all secrets."""
        self._ask(vault.delete())

    def list_credentials(self) -> list[CredentialMetadata]:
        """Names and revisions of the secrets."""
        found: list[CredentialMetadata] = self._ask(vault.list_credentials())
        return found

    def get_credential(self, name: str) -> CredentialMetadata:
        """Name and revision of one secret."""
        found: CredentialMetadata = self._ask(vault.get_credential(name))
        return found

    def list_bindings(self) -> list[CredentialBindingMetadata]:
        """Which requests get which secret."""
        found: list[CredentialBindingMetadata] = self._ask(vault.list_bindings())
        return found

    def get_binding(self, name: str) -> CredentialBindingMetadata:
        """One binding."""
        found: CredentialBindingMetadata = self._ask(vault.get_binding(name))
        return found


class EgressSync(CredentialVaultSync):
    """The network policy, and the vault."""

    def _path(self) -> str:
        return f"{lifecycle.sandbox_path(self._sandbox_id)}/networkpolicy" if self._by_server() else "/policy"

    def _policy(self, call: Call[Any]) -> Any:
        return (self._sandboxes.call(call) if self._by_server() else self._endpoint.call(call))

    def get_policy(self) -> NetworkPolicy:
        """What the sandbox may reach."""
        policy: NetworkPolicy = self._policy(lifecycle.get_policy(self._path()))
        return policy

    def patch_rules(self, rules: list[NetworkRule]) -> None:
        """Add rules, or change those of the same target."""
        self._policy(lifecycle.patch_policy(self._path(), rules))

    def delete_rules(self, targets: list[str]) -> None:
        """Remove the rules of these targets; those that have none count as removed."""
        self._policy(lifecycle.delete_policy(self._path(), targets))
