"""What stands behind each relay instead of a guest: a unix socket that sends a lot or echoes.

A client speaks RFB as far as relays read it: a handshake, then requests for updates, of which the
first says what is wanted. Run as a process of its own.
usage: python -m tests.bench.upstream PATH
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading

CLIENT_HANDSHAKE = b"RFB 003.008\n\x01\x01"
ECHO = b"\x03\x01"
SOURCE = b"\x03\x00"
"""Requests for updates, of what changes and of everything; eight bytes follow."""
COMMAND_BYTES = 10
BLOCK = bytes(range(256)) * 4096


def echo_command() -> bytes:
    """Ask for an echo of everything that follows."""
    return CLIENT_HANDSHAKE + ECHO + bytes(8)


def source_command(count: int) -> bytes:
    """Ask for so many bytes, a multiple of a block's."""
    assert count % len(BLOCK) == 0
    return CLIENT_HANDSHAKE + SOURCE + count.to_bytes(8, "big")


def main() -> None:
    """Listen until killed."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    print("ready", flush=True)
    while True:
        client, _address = listener.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


def serve(client: socket.socket) -> None:
    """Serve one client until it leaves."""
    with contextlib.suppress(OSError), client:
        command = client.recv(len(CLIENT_HANDSHAKE) + COMMAND_BYTES, socket.MSG_WAITALL)
        command = command.removeprefix(CLIENT_HANDSHAKE)
        if command[:2] == SOURCE:
            for _ in range(int.from_bytes(command[2:], "big") // len(BLOCK)):
                client.sendall(BLOCK)
        while data := client.recv(65536):
            client.sendall(data)


if __name__ == "__main__":
    main()
