"""The vendors' hosts on loopback: a proxy that leads every name to the sandbox's TLS port and to nothing else.

Programs that know nothing of a sandbox are sent to it by three variables of their environment:
where the proxy is, and whose certificate to trust.
"""

import contextlib
import os
import socket
import socketserver
import threading
from collections.abc import Iterator

from benchmarks.delivery_sandbox import HUBSPOT_HOST, SALESFORCE_HOST, Sandbox

KNOWN = (f"{HUBSPOT_HOST}:443", f"{SALESFORCE_HOST}:443")


class _Tunnel(socketserver.StreamRequestHandler):
    """CONNECT api.hubapi.com:443: from there on bytes go both ways, TLS and all."""

    def handle(self) -> None:
        asked = self.rfile.readline().decode("ascii", "replace").split()
        while self.rfile.readline().strip():
            pass
        if len(asked) < 2 or asked[0] != "CONNECT" or asked[1] not in KNOWN:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.server.tls_port)) as inner:
            for end in (inner, self.connection):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(inner, self.connection), daemon=True)
            back.start()
            _pump(self.connection, inner)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, tls_port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.tls_port = tls_port


@contextlib.contextmanager
def environment(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    """An environment in which the vendors' hosts are the sandbox, for as long as the block lasts."""
    with _Proxy(sandbox.tls_port) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        yield kept | {
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_address[1]}",
            "SSL_CERT_FILE": str(sandbox.certificate),
            "REQUESTS_CA_BUNDLE": str(sandbox.certificate),
        }
        proxy.shutdown()
