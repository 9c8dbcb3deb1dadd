"""`python -m usage_pipeline.sandbox`: both CRMs in the foreground."""

import argparse
from pathlib import Path

from usage_pipeline.sandbox import server


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m usage_pipeline.sandbox", description="A HubSpot and a Salesforce of one's own."
    )
    parser.add_argument("--port", type=int, default=8780, help="HTTP port; 0 takes a free one (default: 8780)")
    parser.add_argument(
        "--tls-port", type=int, default=None, help="port with TLS beside it; 0 takes a free one (default: none)"
    )
    parser.add_argument(
        "--state", type=Path, default=Path("sandbox.sqlite"), help="SQLite file of both CRMs (default: sandbox.sqlite)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    given = parser.parse_args()
    try:
        server.serve(given.state, given.port, given.tls_port, given.host)
    except RuntimeError as problem:
        parser.exit(1, f"sandbox: {problem}\n")


if __name__ == "__main__":
    main()
