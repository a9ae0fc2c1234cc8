"""Which addresses Guerdon calls on a user's word: only such as anybody on the internet could."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address, as it is resolved, belongs to the public internet. An IPv6 address
    that stands for an IPv4 one is judged by that."""
    ip = ip_address(address.partition("%")[0])
    stands_for = _embedded(ip) if isinstance(ip, IPv6Address) else None
    return _is_public(stands_for or ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
