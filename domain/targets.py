"""Which user-configured addresses may be called: only those on the public internet."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The range that IANA has assigned for the public internet. Everything outside is refused, also if
no list of private ranges contains it."""
_NAT64 = IPv6Network("64:ff9b::/96")
_LAST_FOUR_BYTES = (
    _NAT64,
    IPv6Network("::ffff:0:0/96"),  # mapped
    IPv6Network("::ffff:0:0:0/96"),  # translated, RFC 2765
    IPv6Network("::/96"),  # compatible, RFC 4291; without a meaning today
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)


_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".corp")


def may_exist(host: str) -> bool:
    """Whether a name can exist in DNS, or is an IP address. Others cannot be connected to: the
    resolver refuses to look them up."""
    if ":" in host:
        return True
    name = host.removesuffix(".")
    return len(name) <= 253 and all(map(_LABEL.fullmatch, name.split(".")))


def may_be_public(host: str) -> bool:
    """Whether a host, as an address names it, may be on the public internet: a public IP address,
    or a name that is not reserved for private networks. What a name resolves to is not asked."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return is_public(bare)
    except ValueError:
        name = host.removesuffix(".").lower()
        return may_exist(host) and "." in name and not name.endswith(_PRIVATE_NAMES)


def is_public(address: str) -> bool:
    """Whether a resolved IP address is on the public internet. An IPv6 address that stands for an
    IPv4 one is judged by that."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return _is_public(ip)
    stands_for = _embedded(ip)
    if stands_for is not None and not _is_public(stands_for):
        return False
    if ip.ipv4_mapped or ip in _NAT64:
        return True
    return ip in _GLOBAL_UNICAST and _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    last = IPv4Address(int(ip) & 0xFFFFFFFF)
    if any(ip in network for network in _LAST_FOUR_BYTES):
        return last
    if (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        return last
    return ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
