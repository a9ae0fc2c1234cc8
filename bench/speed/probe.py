"""How long an API's event loop stands still: the longest answer of /healthz, which asks nothing of
anybody, over one connection, until something is said on stdin. Prints seconds."""

from __future__ import annotations

import select
import socket
import sys
import time

_ASKED = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def main(port: int) -> None:
    longest = 0.0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while not select.select([sys.stdin], [], [], 0.005)[0]:
            began = time.perf_counter()
            connection.sendall(_ASKED)
            connection.recv(4096)
            longest = max(longest, time.perf_counter() - began)
    print(longest)


if __name__ == "__main__":
    main(int(sys.argv[1]))
