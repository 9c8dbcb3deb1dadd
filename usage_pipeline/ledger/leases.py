"""One apply at a time per CRM instance: a lease that expires, and is taken over from the dead."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from usage_pipeline.errors import Unavailable
from usage_pipeline.ledger.schema import lease

# Longer than any one request with all its repetitions.
LASTS = timedelta(minutes=10)
BEAT_S = 60.0


@dataclass(frozen=True)
class Lease:
    """The right to write to one instance; renewed with every result."""

    instance: str
    run: str
    renew: Callable[[], None]


@contextmanager
def held(engine: Engine, instance: str, run: str, now: Callable[[], datetime]) -> Iterator[Lease]:
    """The lease for as long as the block runs; `Unavailable` while another living run has it."""
    _take(engine, instance, run, now())

    mine = and_(lease.c.instance == instance, lease.c.run == run)
    renewed_at = time.monotonic()

    def renew() -> None:
        nonlocal renewed_at
        if time.monotonic() - renewed_at < BEAT_S / 2:
            # It is renewed long before it ends: whether it is still ours is asked without a write.
            with engine.connect() as connection:
                is_ours = connection.execute(select(lease.c.run).where(mine)).scalar() is not None
        else:
            with engine.begin() as connection:
                moment = now()
                changed = connection.execute(
                    update(lease).where(mine).values(heartbeat_at=moment, expires_at=moment + LASTS)
                )
                is_ours = bool(changed.rowcount)
            renewed_at = time.monotonic()
        if not is_ours:
            raise Unavailable(
                f"another apply took over {instance}", fix="wait for it to end; it settles what this one left open"
            )

    ended = threading.Event()

    def beat() -> None:
        # A batch may take longer than the lease lasts: renewed beside it, as long as this process lives.
        while not ended.wait(BEAT_S):
            try:
                renew()
            except Unavailable:
                # Taken over; the next renewal by the apply itself says so.
                return

    heart = threading.Thread(target=beat, name=f"lease of {instance}", daemon=True)
    heart.start()
    try:
        yield Lease(instance, run, renew)
    finally:
        ended.set()
        heart.join()
        with engine.begin() as connection:
            connection.execute(delete(lease).where(lease.c.instance == instance, lease.c.run == run))


def _take(engine: Engine, instance: str, run: str, moment: datetime) -> None:
    values = {
        "holder": this_process(),
        "run": run,
        "heartbeat_at": moment,
        "expires_at": moment + LASTS,
    }
    try:
        with engine.begin() as connection:
            connection.execute(insert(lease).values(instance=instance, **values))
    except IntegrityError:
        pass
    else:
        return
    with engine.begin() as connection:
        holder = connection.execute(select(lease.c.holder).where(lease.c.instance == instance)).scalar() or ""
        # Compared with what was just read, so that of two takers one wins.
        free = or_(lease.c.expires_at < moment, lease.c.holder == holder if is_dead(holder) else lease.c.holder == "")
        taken = connection.execute(update(lease).where(lease.c.instance == instance, free).values(**values))
        if not taken.rowcount:
            raise Unavailable(
                f"another apply is writing to {instance} ({holder})", fix="wait until it has ended, then run again"
            )


def this_process() -> str:
    """Host, process and its start, so that a later process with the same number is another."""
    return f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"


def is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that runs no more; unsure is alive."""
    host, _, rest = holder.partition("/")
    pid, _, started = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit() or not started:
        return False
    return _started(int(pid)) != started


def _started(pid: int) -> str:
    """Clock ticks from boot to the process's start; empty where there is no such process or no /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The name, in brackets, may hold spaces; the start is the twentieth number after it.
    after_name = text.rpartition(")")[2].split()
    # A killed process that nobody has waited for is dead, too.
    return "" if after_name[0] in {"Z", "X"} else after_name[19]
