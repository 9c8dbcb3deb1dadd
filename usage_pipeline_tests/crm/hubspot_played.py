"""A HubSpot that gives the answers of a list in turn, for what a server does only now and then."""

import io
import json

import requests

from usage_pipeline.crm.hubspot import HubSpot

OK = {"status": "COMPLETE"}
KEY_UNIQUE = 200, {"results": [{"name": "usage_task_key", "hasUniqueValue": True}]}
KEY_NOT_UNIQUE = 200, {"results": [{"name": "usage_task_key", "hasUniqueValue": False}]}


class Played(requests.adapters.BaseAdapter):
    """Gives the answers in turn: (status, body[, headers]), or an exception to raise."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.asked = []

    def send(self, request, **_):
        self.asked.append((request.method, request.path_url, json.loads(request.body) if request.body else None))
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer(self.asked[-1][2])
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body, *headers = answer
        response.headers.update(*headers)
        response.raw = io.BytesIO(json.dumps(body).encode())
        response.request = request
        return response

    def close(self):
        pass


def portal(*answers, version="2026-03", credentials="t", **more):
    adapter, slept = Played(*answers), []
    session = requests.Session()
    session.mount("http://", adapter)
    # Time passes where somebody sleeps.
    timed = {"sleep": slept.append, "clock": lambda: float(sum(slept))} | more
    return HubSpot("http://127.0.0.1:1", credentials, version, session=session, **timed), adapter, slept
