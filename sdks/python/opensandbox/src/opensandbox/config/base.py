"""What both configurations have in common."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from .._version import __version__
from ..transport.retry import RetryPolicy
from .client_ip import apply_client_ip

if TYPE_CHECKING:
    Policy = RetryPolicy
else:
    Policy = Any  # a validator of ours is quicker than pydantic's for a dataclass

USER_AGENT = f"OpenSandbox-Python-SDK/{__version__}"
_DOMAIN = "localhost:8080"

# Fields whose values mean what they say, and of which types. A configuration of nothing else needs no validator, which takes longer
# to build than the first sandbox to make.
_TEXT, _SWITCH = (str,), (bool,)
_PLAIN: dict[str, tuple[type, ...]] = {
    "api_key": (str, type(None)),
    "domain": (str, type(None)),
    "protocol": _TEXT,
    "request_timeout": (timedelta,),
    "debug": _SWITCH,
    "user_agent": _TEXT,
    "follow_redirects": _SWITCH,
    "use_server_proxy": _SWITCH,
    "retry_policy": (RetryPolicy,),
    "endpoint_cache_disabled": _SWITCH,
    "disable_metrics": _SWITCH,
    "enable_tracing": _SWITCH,
}


def _is_plain(name: str, value: Any) -> bool:
    """Whether a validator would let it through as it is."""
    if type(value) not in _PLAIN.get(name, ()):
        return False
    if name == "protocol":
        return value in ("http", "https")
    return name != "request_timeout" or value > timedelta(0)


class Connection(BaseModel):
    """Fields and their meaning are described with `ConnectionConfig`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True, defer_build=True)  # nobody makes one of this class itself

    api_key: str | None = Field(default=None, repr=False)
    domain: str | None = None
    protocol: str = "http"
    request_timeout: timedelta = timedelta(seconds=30)
    debug: bool = False
    user_agent: str = USER_AGENT
    headers: dict[str, str] = Field(default_factory=dict, repr=False)
    follow_redirects: bool = False
    event_hooks: dict[str, list[Any]] = Field(default_factory=dict)
    retry_policy: Policy = Field(default_factory=RetryPolicy)
    use_server_proxy: bool = False
    endpoint_cache_ttl: timedelta = timedelta(seconds=600)
    endpoint_cache_size: int = 1024
    endpoint_cache_disabled: bool = False
    disable_metrics: bool = False
    enable_tracing: bool = False

    _client: Any = PrivateAttr(default=None)
    _owns_transport: bool = PrivateAttr(default=False)

    if not TYPE_CHECKING:  # the parameters are the fields

        def __init__(self, **given: Any) -> None:
            ours = type(self).__base__ is Connection  # a user's class may validate more
            if ours and all(_is_plain(name, value) for name, value in given.items()):
                self.__setstate__(type(self).model_construct(**given).__getstate__())
            else:
                super().__init__(**given)

    @field_validator("protocol")
    @classmethod
    def protocol_must_be_valid(cls, v: str) -> str:
        v = v.lower()
        if v not in ("http", "https"):
            raise ValueError("protocol must be http or https")
        return v

    @field_validator("request_timeout")
    @classmethod
    def timeout_must_be_positive(cls, v: timedelta) -> timedelta:
        if v <= timedelta(0):
            raise ValueError("request_timeout must be more than 0")
        return v

    @field_validator("retry_policy")
    @classmethod
    def _retry_policy_must_be_one(cls, v: Any) -> Any:
        if not isinstance(v, RetryPolicy):
            raise ValueError("retry_policy must be a RetryPolicy")
        return v

    def get_api_key(self) -> str:
        """The key: the field, else `OPEN_SANDBOX_API_KEY`, else nothing."""
        return self.api_key if self.api_key is not None else os.environ.get("OPEN_SANDBOX_API_KEY", "")

    def get_domain(self) -> str:
        """The server: the field, else `OPEN_SANDBOX_DOMAIN`, else `localhost:8080`."""
        return self.domain or os.environ.get("OPEN_SANDBOX_DOMAIN") or _DOMAIN

    def get_base_url(self) -> str:
        """Where the lifecycle API is, with `/v1`. A scheme in the domain wins over `protocol`.

        Example:
            >>> from opensandbox.config import ConnectionConfig
            >>> ConnectionConfig(domain="api.example").get_base_url()
            'http://api.example/v1'
            >>> ConnectionConfig(domain="https://api.example/sandboxes/").get_base_url()
            'https://api.example/sandboxes/v1'
        """
        domain = self.get_domain().rstrip("/")
        domain = domain.removesuffix("/v1")
        return f"{domain}/v1" if "://" in domain else f"{self.protocol}://{domain}/v1"

    def endpoint_scheme(self) -> str:
        """How programs in sandboxes are reached: as the server is when `protocol` was not given, else as it says."""
        scheme, separator, _ = self.get_domain().partition("://")
        if separator and "protocol" not in self.model_fields_set and scheme.lower() in ("http", "https"):
            return scheme.lower()
        return self.protocol

    def headers_with_client_ip(self) -> dict[str, str]:
        return apply_client_ip(self.headers)

    def metrics_wanted(self) -> bool:
        """Whether the server is told how long creates take."""
        return not self.disable_metrics and os.environ.get("OPENSANDBOX_DISABLE_METRICS", "") not in ("1", "true", "TRUE")

    @property
    def owns_transport(self) -> bool:
        """Whether the transport was made by `with_transport_if_missing`, and is to be closed by `close_transport_if_owned`."""
        return self._owns_transport
