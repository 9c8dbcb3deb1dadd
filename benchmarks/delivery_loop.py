"""A loop as people write it with simple-salesforce: one update per changed account, from a JSON file of rows.

A program of its own: `python delivery_loop.py DOMAIN CLIENT SECRET VERSION ROWS`. Nothing of it knows of a sandbox.
"""

import json
import sys
from pathlib import Path

from simple_salesforce import Salesforce


def main(domain: str, client: str, secret: str, version: str, rows: str) -> None:
    salesforce = Salesforce(domain=domain, consumer_key=client, consumer_secret=secret, version=version)
    for row in json.loads(Path(rows).read_text(encoding="utf-8")):
        salesforce.Account.update(row.pop("Id"), row)


if __name__ == "__main__":
    main(*sys.argv[1:])
