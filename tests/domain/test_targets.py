"""Which addresses may be called on a user's word."""

from __future__ import annotations

import pytest

from domain.targets import is_public, may_exist


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "192.0.2.1",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b:1::1",
        "64:ff9b:1:7f00:1::",
        "64:ff9b::127.0.0.1",
        "fec0::1",
        "::ffff:0:127.0.0.1",
        "::ffff:0:8.8.8.8",
        "2606:4700::5efe:10.0.0.1",
        "2606:4700::200:5efe:192.168.0.1",
        "100::1",
        "2001:db8::1",
        "4000::1",
        "fd00:ec2::254",
    ],
)
def test_private_ones_may_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450:4001::"],
)
def test_public_ones_may(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["acme.example", "a.b.c.", "xn--mnchen-3ya.de", "a_b.example", "127.0.0.1", "[::1]", "x"],
)
def test_names_that_may_exist(host: str) -> None:
    assert may_exist(host)


@pytest.mark.parametrize(
    "host",
    ["", ".", "a..b", ".a", "-a.example", "a-.example", "a" * 64, "a." * 127 + "ab", "a b", "a/b"],
)
def test_names_that_cannot(host: str) -> None:
    assert not may_exist(host)
