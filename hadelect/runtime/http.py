"""HTTP for load balancers, probes, Prometheus and people.

Law: requests are served by threads of their own from snapshots; /health tells whether the loop that
supervises advances, not whether a thread can answer.
"""

import json
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TIMEOUT_SECONDS = 5.0  # A client that says nothing is dropped.
MAX_CLIENTS = 64


@dataclass(frozen=True, slots=True)
class HttpView:
    """What the pages are made from; every call reads a snapshot."""

    leads: Callable[[], bool]  # Leader with a running controllee.
    alive: Callable[[], bool]  # The loop advances.
    ready: Callable[[], bool]  # The member takes part.
    status: Callable[[], dict[str, Any]]
    page: Callable[[], str]
    metrics: Callable[[], bytes]


class Server(ThreadingHTTPServer):
    """Threads are bounded, so that no number of clients can starve the daemon."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = MAX_CLIENTS

    def __init__(self, address: tuple[str, int], view: HttpView) -> None:
        self.view = view
        self._room = threading.BoundedSemaphore(MAX_CLIENTS)
        super().__init__(address, Pages)

    def server_bind(self) -> None:
        """Without the base class's look-up of our own name: a resolver may hang."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


class Pages(BaseHTTPRequestHandler):
    server: Server
    timeout = TIMEOUT_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        view = self.server.view
        match self.path.partition("?")[0]:
            case "/leader":
                self._yes_or_no(view.leads(), "leader\n", "not the leader\n")
            case "/health":
                self._yes_or_no(view.alive(), "alive\n", "the loop does not advance\n")
            case "/ready":
                self._yes_or_no(view.ready(), "ready\n", "not taking part yet\n")
            case "/metrics":
                self._answer(200, "text/plain; version=0.0.4; charset=utf-8", view.metrics())
            case "/status.json":
                body = json.dumps(view.status()).encode()
                self._answer(200, "application/json", body)
            case "/":
                self._answer(200, "text/plain; charset=utf-8", view.page().encode())
            case _:
                known = "/leader /health /ready /metrics /status.json /\n"
                self._answer(404, "text/plain; charset=utf-8", f"there is: {known}".encode())

    do_HEAD = do_GET  # noqa: N815 - the base class asks for this name

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A verb that is not GET or HEAD is the client's mistake, not a gap of ours."""
        wrong_verb = code == HTTPStatus.NOT_IMPLEMENTED
        super().send_error(HTTPStatus.METHOD_NOT_ALLOWED if wrong_verb else code, message, explain)

    def _yes_or_no(self, yes: bool, word: str, otherwise: str) -> None:
        body = (word if yes else otherwise).encode()
        self._answer(200 if yes else 503, "text/plain; charset=utf-8", body)

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Requests are no change: not logged."""


class HttpServer:
    """Serves until closed. Raises OSError when the address cannot be had."""

    def __init__(self, address: tuple[str, int], view: HttpView) -> None:
        self._server = Server(address, view)
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
