"""Ports: fixed ones are checked, the others are free, and what is wrong is said in one line."""

import socket
from dataclasses import astuple

import pytest

from cli.stack.ports import FREE_RANGE, LOOPBACK, Ports, StackError


class TestFromEnvironment:
    def test_without_settings_takes_the_defaults(self) -> None:
        assert Ports.from_environment({}) == Ports()

    def test_reads_each_setting(self) -> None:
        named = {
            "GUERDON_API_PORT": "1",
            "GUERDON_TEMPORAL_PORT": "2",
            "GUERDON_TEMPORAL_UI_PORT": "3",
            "GUERDON_SIMULATOR_PORT": "0",
        }
        assert Ports.from_environment(named) == Ports(1, 2, 3, 0)

    @pytest.mark.parametrize("text", ["eighty", "-1", "65536", "80.0"])
    def test_an_invalid_port_is_named(self, text: str) -> None:
        with pytest.raises(StackError, match=f"GUERDON_API_PORT={text} is not a port"):
            Ports.from_environment({"GUERDON_API_PORT": text})


class TestResolve:
    def test_zero_takes_free_ports_all_different(self) -> None:
        ports = astuple(Ports.free().resolve())
        assert len(set(ports)) == len(ports)
        assert all(port in FREE_RANGE for port in ports)

    def test_a_fixed_port_stays(self) -> None:
        free = Ports.free().resolve()
        assert free.resolve() == free

    def test_a_taken_port_is_an_error_that_names_its_setting(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(StackError, match=f"port {port} is taken.*GUERDON_SIMULATOR_PORT"):
                Ports(0, 0, 0, port).resolve()
