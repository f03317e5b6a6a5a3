"""Configurations: a plain one is made without a validator, and nobody can tell."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest
from opensandbox.config import ConnectionConfig, ConnectionConfigSync
from opensandbox.transport.retry import RetryPolicy
from pydantic import TypeAdapter, ValidationError, field_validator

KINDS = [ConnectionConfig, ConnectionConfigSync]
PLAIN: list[dict[str, Any]] = [
    {},
    {"domain": "d", "api_key": "k"},
    {"domain": None, "api_key": None, "protocol": "https"},
    {"request_timeout": timedelta(seconds=1), "debug": True, "user_agent": "me"},
    {"retry_policy": RetryPolicy.disabled(), "use_server_proxy": True, "follow_redirects": True, "disable_metrics": True},
]
# Values that a validator changes or refuses.
OTHERS: list[dict[str, Any]] = [
    {"protocol": "HTTPS"},
    {"request_timeout": 5},
    {"debug": "yes"},
    {"headers": {"a": "b"}},
    {"unknown": 1},
]
WRONG: list[dict[str, Any]] = [
    {"protocol": "ftp"},
    {"request_timeout": timedelta(0)},
    {"domain": 1},
    {"api_key": b"\xff"},
    {"debug": None},
    {"retry_policy": None},
    {"transport": object()},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", PLAIN + OTHERS, ids=str)
def test_it_is_what_a_validator_makes(kind, given):
    made, validated = kind(**given), kind.__new__(kind)
    kind.model_rebuild(force=True)
    kind.__pydantic_validator__.validate_python(given, self_instance=validated)
    assert made == validated and vars(made) == vars(validated) and repr(made) == repr(validated)
    assert made.model_fields_set == validated.model_fields_set == given.keys() & kind.model_fields.keys()
    assert made.__getstate__().keys() == validated.__getstate__().keys() and not made.owns_transport
    for twin in (copy.deepcopy(made), made.model_copy(), pickle.loads(pickle.dumps(made)), kind.model_validate(given)):
        assert twin == made and twin.get_base_url() == made.get_base_url()
    made.domain = "other"
    assert made.domain == "other" and validated.domain == given.get("domain")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", WRONG, ids=str)
def test_what_cannot_be_meant_is_refused(kind, given):
    with pytest.raises(ValidationError):
        kind(**given)
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(given)


@pytest.mark.parametrize("kind", KINDS)
def test_validators_of_a_users_class_are_heard(kind):
    class Mine(kind):
        @field_validator("domain")
        @classmethod
        def _shout(cls, value):
            return value.upper()

    assert Mine(domain="d").domain == "D"
    with pytest.raises(TypeError):
        kind("d")
