"""The wire between the zone and everyone else, which the demo can hold.

A plain TCP forwarder in front of the zone's public address. While `silent` is
set, nothing that the zone says on a feed of cuts comes through: so the demo
shows what a protected server does when it no longer hears its zone.
"""

from __future__ import annotations

import socket
import threading


class Wire:
    def __init__(self, port: int, target: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self._target = target
        self.silent = False
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._open = False
        self._listener.close()

    def _accept(self) -> None:
        while self._open:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                continue
            for one in (near, far):
                one.settimeout(None)
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            feed = threading.Event()
            threading.Thread(target=self._up, args=(near, far, feed), daemon=True).start()
            threading.Thread(target=self._down, args=(far, near, feed), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket, feed: threading.Event) -> None:
        try:
            while data := near.recv(65536):
                first = data.split(b"\r\n", 1)[0]
                if first.startswith((b"POST ", b"GET ")):
                    feed.set() if b"/revocations " in first else feed.clear()
                far.sendall(data)
        except OSError:
            pass
        _end(near, far)

    def _down(self, far: socket.socket, near: socket.socket, feed: threading.Event) -> None:
        try:
            while data := far.recv(65536):
                if not (self.silent and feed.is_set()):
                    near.sendall(data)
        except OSError:
            pass
        _end(near, far)


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        one.close()
