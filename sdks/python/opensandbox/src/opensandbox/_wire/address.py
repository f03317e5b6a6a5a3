"""Addresses: scheme, host, port and the path in front of every request."""

from __future__ import annotations

from dataclasses import dataclass, field

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go and the headers that all of them carry. `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str], compare=False)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def below(self, path: str) -> Target:
        return Target(self.scheme, self.host, self.port, self.path + path, self.headers)


def parse_target(url: str, headers: dict[str, str] | None = None) -> Target:
    """`http://host:port/path` and the like.

    Raises:
        ValueError: without a scheme of http or https, without a host, or with a bad port.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _PORTS:
        raise ValueError(f"not an http or https address: {url!r}")
    rest = rest.split("#", 1)[0].split("?", 1)[0]
    authority, slash, path = rest.partition("/")
    authority = authority.rpartition("@")[2]
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
    if not host or any(c.isspace() for c in url):
        raise ValueError(f"no host in address: {url!r}")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"bad port in address: {url!r}")
    return Target(scheme, host, int(port) if port else _PORTS[scheme], (slash + path).rstrip("/"), dict(headers or {}))
