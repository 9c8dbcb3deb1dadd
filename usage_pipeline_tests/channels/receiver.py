"""A real server on loopback that takes messages, and fails as it is told to."""

import contextlib
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESET, RESET_AFTER = "reset", "reset after"
"""The connection breaks before the message was taken in, or once it was."""


@dataclass
class Taken:
    path: str
    headers: dict
    body: bytes


@dataclass
class Receiver:
    """`answers` are given in turn, then 200: a status, (status, headers, body), or one of the two resets."""

    port: int = 0
    answers: list = field(default_factory=list)
    taken: list = field(default_factory=list)
    refuses: dict = field(default_factory=dict)
    """Answers to any message whose body has a certain text, until they are removed."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hooks/a-secret-place?token=a-secret-word"

    @property
    def ids(self):
        return [one.headers["webhook-id"] for one in self.taken]

    def answer(self, body):
        for text, answer in self.refuses.items():
            if text in body.decode():
                return answer
        return self.answers.pop(0) if self.answers else 200


@contextlib.contextmanager
def running(files=None):
    """A receiver while the block runs; with TLS where it has a certificate's `files`."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = receiver.answer(body)
            if answer == RESET:
                self._reset()
                return
            receiver.taken.append(Taken(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if answer == RESET_AFTER:
                self._reset()
                return
            status, headers, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            self.do_POST()

        def _reset(self):
            # No lingering: the other side sees a reset instead of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if files:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(files.certificate, files.key)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        # A client that hangs up in the handshake is no news for the test's output.
        server.handle_error = lambda *_: None
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
