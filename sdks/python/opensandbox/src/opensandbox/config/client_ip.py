"""The header that tells a server which address of this machine a request comes from, for its statistics."""

from __future__ import annotations

import socket
from functools import lru_cache

CLIENT_IP_HEADER = "OPEN-SANDBOX-CLIENT-IP"


def detect_outbound_ip() -> str:
    """The IPv4 address that packets to other machines leave with, or nothing. No packet is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # an address that exists in documents only
            address = str(probe.getsockname()[0])
    except OSError:
        return ""
    return "" if address.startswith(("127.", "0.")) else address


@lru_cache(maxsize=1)
def get_client_ip() -> str:
    """`detect_outbound_ip`, asked once."""
    return detect_outbound_ip()


def apply_client_ip(headers: dict[str, str]) -> dict[str, str]:
    """A copy of the headers with the address; one that is there already stays.

    Example:
        >>> from opensandbox.config.client_ip import apply_client_ip
        >>> apply_client_ip({"open-sandbox-client-ip": "10.0.0.1"})
        {'open-sandbox-client-ip': '10.0.0.1'}
    """
    address = get_client_ip()
    if not address or any(name.upper() == CLIENT_IP_HEADER for name in headers):
        return dict(headers)
    return {**headers, CLIENT_IP_HEADER: address}
