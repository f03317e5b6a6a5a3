"""Calls of the credential vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..exceptions import InvalidArgumentException
from ..models.base import Model
from .lifecycle import Json, dumped, given
from .message import Call, Request, json_request, nothing, segment

if TYPE_CHECKING:
    from ..models.sandboxes import (
        Credential,
        CredentialBinding,
        CredentialBindingMetadata,
        CredentialBindingMutationSet,
        CredentialMetadata,
        CredentialMutationSet,
        CredentialVaultState,
    )

M = TypeVar("M", bound=Model)
PATH = "/credential-vault"


def body_of(kind: type[M], value: M | dict[str, object]) -> Any:
    """A model, or a dict that is checked like one, as the wire wants it."""
    try:
        return dumped(value if isinstance(value, kind) else kind.model_validate(value))
    except ValueError as error:
        raise InvalidArgumentException(str(error), error) from error


def create(
    credentials: list[Credential | dict[str, object]], bindings: list[CredentialBinding | dict[str, object]]
) -> Call[CredentialVaultState]:
    from ..models.sandboxes import Credential, CredentialBinding

    body = {
        "credentials": [body_of(Credential, item) for item in credentials],
        "bindings": [body_of(CredentialBinding, item) for item in bindings],
    }
    return Call(json_request("POST", PATH, body), lambda r: _state(r.json()), "make the credential vault")


def get() -> Call[CredentialVaultState]:
    return Call(json_request("GET", PATH), lambda r: _state(r.json()), "get the credential vault")


def patch(
    expected_revision: int | None,
    credentials: CredentialMutationSet | dict[str, object] | None,
    bindings: CredentialBindingMutationSet | dict[str, object] | None,
) -> Call[CredentialVaultState]:
    from ..models.sandboxes import CredentialBindingMutationSet, CredentialMutationSet

    body = given(
        expectedRevision=expected_revision,
        credentials=None if credentials is None else body_of(CredentialMutationSet, credentials),
        bindings=None if bindings is None else body_of(CredentialBindingMutationSet, bindings))
    return Call(json_request("PATCH", PATH, body), lambda r: _state(r.json()), "change the credential vault")


def delete() -> Call[None]:
    return Call(Request("DELETE", PATH), nothing, "delete the credential vault")


def list_credentials() -> Call[list[CredentialMetadata]]:
    request = json_request("GET", f"{PATH}/credentials")
    return Call(request, lambda r: _credentials(r.json()["credentials"]), "list credentials")


def get_credential(name: str) -> Call[CredentialMetadata]:
    request = json_request("GET", f"{PATH}/credentials/{segment(name)}")
    return Call(request, lambda r: _credentials([r.json()])[0], f"get credential {name}")


def list_bindings() -> Call[list[CredentialBindingMetadata]]:
    request = json_request("GET", f"{PATH}/bindings")
    return Call(request, lambda r: _bindings(r.json()["bindings"]), "list credential bindings")


def get_binding(name: str) -> Call[CredentialBindingMetadata]:
    request = json_request("GET", f"{PATH}/bindings/{segment(name)}")
    return Call(request, lambda r: _bindings([r.json()])[0], f"get credential binding {name}")


def _credentials(values: list[Json]) -> list[CredentialMetadata]:
    from ..models.sandboxes import CredentialMetadata

    return [CredentialMetadata.model_validate(value) for value in values]


def _bindings(values: list[Json]) -> list[CredentialBindingMetadata]:
    from ..models.sandboxes import CredentialBindingMetadata

    return [CredentialBindingMetadata.model_validate(value) for value in values]


def _state(value: Json) -> CredentialVaultState:
    from ..models.sandboxes import CredentialVaultState

    return CredentialVaultState.model_validate({"credentials": [], "bindings": [], **value})
