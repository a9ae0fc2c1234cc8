"""Measures how long an API's event loop stands still: the longest answer of /healthz over one
connection, until a line arrives on stdin.

Prints two figures in seconds: the longest answer; and the longest without the time for which this
process or a thread of the API was ready to run and no processor was free. The second is due to the
API alone, also on a busy machine."""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from pathlib import Path

_ASKED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def waited(pid: int) -> float:
    """Seconds for which a process's threads have waited for a processor so far; 0 where the system
    does not tell."""
    total = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(thread.read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total / 1e9


def main(port: int, api: int, own: int) -> None:
    longest = blocked = 0.0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not select.select([sys.stdin], [], [], 0.01)[0]:
            before, began = waited(api) + waited(own), time.perf_counter()
            connection.sendall(_ASKED)
            connection.recv(4096)
            took = time.perf_counter() - began
            longest = max(longest, took)
            blocked = max(blocked, took - (waited(api) + waited(own) - before))
    print(longest, blocked)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), os.getpid())
