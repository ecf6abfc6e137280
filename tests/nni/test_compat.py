"""The mends of NNI that no other test meets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
import requests

import zc_plugins.nni  # noqa: F401  # it mends NNI

from nni.experiment import launcher  # isort: skip


class Ready(BaseHTTPRequestHandler):
    """Answers as the manager's server does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "INITIALIZED"}')

    def log_message(self, *_: object) -> None:
        """Keeps still."""


@pytest.fixture
def slow_server(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """One that starts after a minute, of which no second passes; what was slept until then."""
    slept: list[float] = []
    servers: list[HTTPServer] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) >= 60 and not servers:
            servers.append(HTTPServer(("localhost", port), Ready))
            threading.Thread(target=servers[0].serve_forever).start()

    monkeypatch.setattr(launcher, "time", SimpleNamespace(sleep=sleep, time=time.time))
    yield slept
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_server_that_takes_a_minute(slow_server: list[float], port: int) -> None:
    launcher._check_rest_server(port)
    assert sum(slow_server) == 60


def test_nni_alone_gives_up_after_three_seconds(slow_server: list[float], port: int) -> None:
    with pytest.raises(requests.ConnectionError):
        launcher._check_rest_server(port, 3)
    assert sum(slow_server) == 3


def test_a_server_that_never_comes(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(launcher, "time", SimpleNamespace(sleep=slept.append))
    with pytest.raises(requests.ConnectionError):
        launcher._check_rest_server(port)
    assert sum(slept) == 90
