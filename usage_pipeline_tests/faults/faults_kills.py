"""The moments of a delivery at which its process may be killed: around every request, and around every statement of the ledger."""

import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager
from unittest import mock

import requests
from sqlalchemy import Engine, event

FORK = multiprocessing.get_context("fork")


class Moments:
    """Counts moments as they pass, and ends the process at the chosen one."""

    def __init__(self, chosen=None):
        self.count = 0
        self._chosen = chosen
        self._guard = threading.Lock()

    def comes(self):
        """Whether this moment is the chosen one."""
        with self._guard:
            self.count += 1
            return self.count == self._chosen

    def passes(self):
        if self.comes():
            die()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def watched(moments, *, within_s=0.0):
    """Three moments per request (before, under way for so many seconds, after), two per statement and transaction."""
    send = requests.Session.send

    def sent(session, request, **how):
        moments.passes()
        is_under_way = moments.comes()
        if is_under_way:
            threading.Timer(within_s, die).start()
        answer = send(session, request, **how)
        if is_under_way:
            die()
        moments.passes()
        return answer

    def on_ledger(*_):
        moments.passes()

    names = ("before_cursor_execute", "after_cursor_execute", "commit")
    with mock.patch.object(requests.Session, "send", sent):
        for name in names:
            event.listen(Engine, name, on_ledger)
        try:
            yield
        finally:
            for name in names:
                event.remove(Engine, name, on_ledger)


def moments_of(deliver):
    """How many moments a delivery has; it is carried out."""
    moments = Moments()
    with watched(moments):
        deliver()
    return moments.count


def killed(deliver, chosen, *, within_s):
    """Carry a delivery out in a process of its own that is killed at the chosen moment; gives how it ended."""

    def doomed():
        with watched(Moments(chosen), within_s=within_s):
            deliver()

    process = FORK.Process(target=doomed)
    process.start()
    process.join(60)
    return process.exitcode
