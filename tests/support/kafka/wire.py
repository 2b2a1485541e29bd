"""The one question that every broker answers before anybody has said who they are."""

import socket
import struct

_API_VERSIONS = struct.pack(">hhih5s", 18, 0, 1, 5, b"tests")


def answers(port: int, host: str = "127.0.0.1", seconds: float = 5.0) -> bool:
    """Whether a broker takes requests on a port without TLS: it says which ones it knows."""
    try:
        with socket.create_connection((host, port), timeout=seconds) as line:
            line.sendall(struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS)
            told = line.recv(10)
    except OSError:
        return False
    return len(told) == 10 and struct.unpack(">ih", told[4:]) == (1, 0)
