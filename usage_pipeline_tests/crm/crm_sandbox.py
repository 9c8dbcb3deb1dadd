"""The sandbox as a process of its own, and what a test tells it behind the CRMs' backs."""

import subprocess
import sys
from contextlib import contextmanager

import requests

from usage_pipeline.crm.hubspot import HubSpot
from usage_pipeline.crm.salesforce import Salesforce
from usage_pipeline.crm.salesforce_auth import ClientCredentials

OWNER = {"email": "kim@example.com", "first_name": "Kim", "last_name": "Ode", "role": "CSM"}


class Sandbox:
    def __init__(self, url):
        self.url = url

    def post(self, path, **body):
        answer = requests.post(f"{self.url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def get(self, path, **query):
        return requests.get(f"{self.url}/_sandbox/{path}", params=query, timeout=30).json()

    def delete(self, path):
        assert requests.delete(f"{self.url}/_sandbox/{path}", timeout=30).ok

    def stock(self, *companies):
        """A fresh sandbox with companies of (name, account key, domain); their ids per CRM, in order."""
        self.post("reset")
        # Tests ask faster than a portal allows, and do not sleep; the limit has tests of its own.
        self.post("settings", hubspot_burst_limit=1_000_000)
        return self.add(*companies)

    def add(self, *companies):
        """More companies, all of one owner."""
        rows = [{"name": n, "account_key": k, "domain": d, "owner_email": OWNER["email"]} for n, k, d in companies]
        return self.post("stock", owners=[OWNER], companies=rows)["ids"]

    def client(self, name, **how):
        how = {"sleep": lambda _: None} | how
        if name == "hubspot":
            return HubSpot(self.url, "sandbox-token", **how)
        return Salesforce(self.url, how.pop("login", ClientCredentials("sandbox", "sandbox")), **how)

    def tasks(self, crm, company=None):
        return [task for task in self.get("tasks", crm=crm) if company in (None, task["company_id"])]


@contextmanager
def running(state):
    program = [sys.executable, "-m", "usage_pipeline.sandbox", "--port", "0", "--state", str(state)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Sandbox(process.stdout.readline().split()[1])
        finally:
            process.terminate()
