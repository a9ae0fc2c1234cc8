"""The loopback ports of the embedded stack: fixed ones from the environment, the rest free."""

import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

LOOPBACK = "127.0.0.1"

# Below the range for outgoing connections on Linux and macOS, so that no client takes a port in the
# moment between a child's death and its restart.
FREE_RANGE = range(20_000, 32_000)


class StackError(Exception):
    """The embedded stack cannot start or continue; the message is one line for the person."""


@dataclass(frozen=True)
class Ports:
    """One TCP port a server, all on 127.0.0.1; 0 takes a free one when the stack starts."""

    api: int = 8000
    temporal: int = 7233
    temporal_ui: int = 8233
    simulator: int = 8090
    temporal_http: int = 0
    """Temporal's HTTP API, which shows whether the namespace exists."""
    postgres: int = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read `GUERDON_API_PORT` and its three siblings; raise StackError for an invalid port."""
        named = {
            name: _port(variable(name), environment[variable(name)])
            for name in ("api", "temporal", "temporal_ui", "simulator")
            if environment.get(variable(name))
        }
        return cls(**named)

    @classmethod
    def free(cls) -> Self:
        """Only free ports: nothing else on the machine conflicts."""
        return cls(api=0, temporal=0, temporal_ui=0, simulator=0)

    def resolve(self) -> Self:
        """Check that the fixed ports are free and choose the others; raise StackError if taken."""
        held: list[socket.socket] = []
        chosen: dict[str, int] = {}
        try:
            for field in fields(self):
                wanted: int = getattr(self, field.name)
                held.append(_bind(wanted, field.name) if wanted else _bind_free())
                chosen[field.name] = held[-1].getsockname()[1]
        finally:
            for each in held:
                each.close()
        return replace(self, **chosen)


def variable(name: str) -> str:
    """The environment variable that sets a port: `api` gives `GUERDON_API_PORT`."""
    return f"GUERDON_{name.upper()}_PORT"


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise StackError(f"{name}={text} is not a port: give 1 to 65535, or 0 for a free one")
    return int(text)


def _bind(port: int, name: str) -> socket.socket:
    holder = socket.socket()
    # The servers set it too, so connections that linger from the last run do not block.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        raise StackError(
            f"port {port} is taken: end what listens there, "
            f"or set {variable(name)} to another port (0 takes a free one)"
        ) from None
    return holder


def _bind_free() -> socket.socket:
    for port in random.sample(FREE_RANGE, 200):
        holder = socket.socket()
        try:
            holder.bind((LOOPBACK, port))
        except OSError:
            holder.close()
            continue
        return holder
    raise StackError(f"no free port between {FREE_RANGE.start} and {FREE_RANGE.stop}")
