"""The same events give the same lake: however they are delivered, whatever runs beside, wherever it was killed."""

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from usage_pipeline.sources.simulated import company, delivery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
ENGINE = Path(__file__).with_name("whole_engine.py")
ACCOUNTS, SEED = 12, 5
LAST = date(2026, 4, 27)
FIRST = LAST - timedelta(days=3)
# Which file a row came in, and when, are facts of the delivery.
OF_THE_DELIVERY = ("batch", "line", "landed_at")
TABLES_OF_MORNINGS = ("features", "segments", "scores", "signals")
KILLS = 40 if os.environ.get("SOAK") else 4


def start(home, first=FIRST, last=LAST, **options):
    own = {name: value for name, value in os.environ.items() if not name.startswith(("USAGE_", "DAGSTER_"))}
    told = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, str(ENGINE), str(home), first.isoformat(), last.isoformat(), *told]
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=own | {"PYTHONPATH": str(ROOT)}, **out)


def finish(process):
    printed, _ = process.communicate()
    assert process.returncode == 0, printed[-4000:]
    return int(printed.split()[-1])


def lake(home):
    """Every table by its key: its rows in one order, without what says where and when they landed."""
    found = {}
    for log in sorted((home / "lake").glob("*/*/_delta_log")):
        rows = DeltaTable(str(log.parent)).to_pyarrow_table()
        names = sorted(name for name in rows.column_names if name not in OF_THE_DELIVERY)
        # repr of a float is the float, to the last bit
        lines = sorted(map(repr, rows.select(names).to_pylist()))
        found[f"{log.parent.parent.name}/{log.parent.name}"] = lines
    return found


def different(home, other, *, stages=None):
    """The tables that are not the same in both homes."""
    ours, theirs = lake(home), lake(other)
    keys = {key for key in {*ours, *theirs} if stages is None or key.partition("/")[0] in stages}
    assert keys
    return sorted(key for key in keys if ours.get(key) != theirs.get(key))


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("company") / "landing"
    delivery.write_history(company.Company(SEED, accounts=ACCOUNTS), folder, LAST - timedelta(days=1))
    return folder


@pytest.fixture(scope="module")
def whole(landing, tmp_path_factory):
    """A home that was made in one go, and how many moments that had."""
    home = tmp_path_factory.mktemp("whole")
    shutil.copytree(landing, home / "landing")
    return home, finish(start(home))


def mixed_up(landing, target, seed):
    """The same lines shuffled, some of them twice or thrice, in other files and deliveries."""
    dice = random.Random(seed)
    source = landing / delivery.HISTORY
    lines = [
        line for file in sorted(source.glob("events-*")) for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    lines += [line for line in lines for _ in range(dice.choice((0, 0, 0, 1, 2)))]
    dice.shuffle(lines)
    names = [f"{number:04d}-part" for number in range(dice.randint(2, 4))]
    for number, name in enumerate(names):
        folder = target / name
        folder.mkdir(parents=True)
        shutil.copy(source / "manifest.json", folder)
        if number == 0:
            for file in source.glob("*.csv"):
                shutil.copy(file, folder)
        own = lines[number :: len(names)]
        files = dice.randint(1, 5)
        for at in range(files):
            (folder / f"events-{at:03d}.jsonl.gz").write_bytes(gzip.compress(b"\n".join(own[at::files]) + b"\n"))


@pytest.mark.parametrize("seed", range(2))
def test_every_past_morning_is_the_same_however_its_events_were_delivered(whole, landing, tmp_path, seed):
    mixed_up(landing, tmp_path / "landing", seed)
    finish(start(tmp_path))
    assert different(whole[0], tmp_path, stages=("usage", *TABLES_OF_MORNINGS)) == []


def test_two_back_fills_and_a_morning_side_by_side_give_what_they_give_one_after_the_other(whole, tmp_path):
    home, _ = whole
    together = tmp_path / "home"
    shutil.copytree(home / "landing", together / "landing")
    finish(start(together, steps="events,usage"))
    spans = [(FIRST, FIRST + timedelta(days=1)), (FIRST + timedelta(days=2),) * 2, (LAST, LAST)]
    for one in [start(together, *span, steps="mornings") for span in spans]:
        finish(one)
    # A change of cohort is one against the newest morning that is there when it is looked for.
    assert set(different(home, together)) <= {"signals/signal"}
    finish(start(together, FIRST, LAST, steps="mornings"))
    assert different(home, together) == []


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_any_moment_and_run_again_the_lake_is_the_same(whole, tmp_path, seed):
    home, moments = whole
    # A part of the moments each: the first is early in landing, the last late in the mornings.
    dice = random.Random(seed)
    chosen = int((seed + dice.random()) / KILLS * moments) + 1
    killed = tmp_path / "home"
    shutil.copytree(home / "landing", killed / "landing")
    process = start(killed, die_at=chosen)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    finish(start(killed))
    assert different(home, killed) == []
