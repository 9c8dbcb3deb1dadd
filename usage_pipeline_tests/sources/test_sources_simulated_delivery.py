import gzip
import json
from collections import Counter
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from usage_pipeline.errors import Rejected
from usage_pipeline.sources.simulated import delivery, mess, tables
from usage_pipeline.sources.simulated.company import Company
from usage_pipeline.sources.simulated.mess import Kind

UNTIL = date(2024, 9, 15)
WEEK = timedelta(days=7)
ONE = timedelta(days=1)


def delivered(landing: Path, *, seed=3, accounts=120, weeks=2, keep: Path | None = None, treatments=None):
    """A history until UNTIL and some weeks after it."""
    company = Company(seed, accounts)
    made = [delivery.write_history(company, landing, UNTIL, keep=keep)]
    ends = [UNTIL + n * WEEK for n in range(weeks + 1)]
    for before, last in pairwise(ends):
        made += [delivery.write_week(company, landing, before + ONE, last, treatments, keep=keep)]
    return made


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    return delivered(tmp_path_factory.mktemp("home") / "landing")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines(folder: Path) -> list[bytes]:
    return [line for path in sorted(folder.glob("events-*")) for line in gzip.open(path).read().splitlines()]


def judged(line: bytes) -> str:
    """What a plain reader makes of a line."""
    try:
        call = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return "bad_utf8"
    except json.JSONDecodeError:
        return "bad_json"
    if call["type"] == "track" and "event" not in call:
        return "no_name"
    return "no_timestamp" if "timestamp" not in call else "valid"


def calls(folder: Path) -> list[dict]:
    return [json.loads(line) for line in lines(folder) if judged(line) == "valid"]


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_reader_finds_exactly_the_broken_lines_that_were_made(landed):
    for one in landed:
        found = Counter(judged(line) for line in lines(one.folder))
        assert found.total() == one.lines
        assert found["bad_utf8"] == one.kinds[Kind.BAD_UTF8]
        assert found["bad_json"] == one.kinds[Kind.BAD_JSON]
        assert found["no_name"] == one.kinds[Kind.NO_NAME]
        assert found["no_timestamp"] == one.kinds[Kind.NO_TIMESTAMP]


def test_the_copies_are_the_lines_whose_id_an_earlier_line_had(landed):
    ids = [call["messageId"] for one in landed for call in calls(one.folder)]
    assert len(ids) - len(set(ids)) == sum(one.kinds[Kind.COPY] for one in landed)


def test_the_rates_of_the_mess_are_the_stated_ones(tmp_path):
    company = Company(seed=3, accounts=120)
    kinds = delivery.write_history(company, tmp_path, UNTIL).kinds
    for waiting in company.in_transit.values():
        kinds.update(kind for _, kind, _ in waiting)
    events = kinds.total() - kinds[Kind.WHO_IS_WHO] - kinds[Kind.STRANGER] - kinds[Kind.COPY]
    assert kinds[Kind.COPY] / events == pytest.approx(mess.DUPLICATES, rel=0.2)
    assert kinds[Kind.LATE] / events == pytest.approx(mess.LATE, rel=0.1)
    assert sum(kinds[kind] for kind in mess.BROKEN_KINDS) / events == pytest.approx(mess.BROKEN, rel=0.5)
    assert kinds[Kind.STRANGER] / events == pytest.approx(mess.STRANGERS, rel=0.4)


def test_a_live_week_holds_what_was_received_in_it_and_late_events_of_the_past(landed):
    for n, one in enumerate(landed[1:]):
        first = datetime.combine(UNTIL + n * WEEK + ONE, time())
        seen = [
            (when(call["timestamp"]).timestamp(), when(call["receivedAt"]).replace(tzinfo=None))
            for call in calls(one.folder)
        ]
        assert all(first <= received < first + WEEK for _, received in seen)
        assert any(ts < when(f"{first.date()}T00:00:00Z").timestamp() - 86_400 for ts, _ in seen)


def test_no_event_is_received_before_it_happened(landed):
    for call in calls(landed[1].folder):
        assert when(call["timestamp"]) <= when(call["receivedAt"])


def test_lines_stand_out_of_order_and_some_name_another_offset(landed):
    seen = calls(landed[1].folder)
    received = [when(call["receivedAt"]) for call in seen]
    assert received != sorted(received)
    elsewhere = sum(not call["timestamp"].endswith("Z") for call in seen) / len(seen)
    assert 0.01 < elsewhere < 0.4


def test_anonymous_events_are_mostly_identified_later(landed):
    seen = [call for one in landed for call in calls(one.folder)]
    anonymous = {call["anonymousId"] for call in seen if call["type"] != "identify" and "userId" not in call}
    identified = {call["anonymousId"] for call in seen if call["type"] == "identify" and "anonymousId" in call}
    assert anonymous
    assert 0.7 < len(anonymous & identified) / len(anonymous) < 1.0


def test_every_delivery_has_all_files_and_says_when_it_landed(landed):
    for one in landed:
        for table, header in tables.HEADERS.items():
            assert (one.folder / f"{table}.csv").read_text().splitlines()[0] == header
    manifests = [json.loads((one.folder / "manifest.json").read_text()) for one in landed]
    assert [manifest["history"] for manifest in manifests] == [True, False, False]
    assert manifests[1]["landed_at"] == "2024-09-22T23:59:59"
    assert [one.folder.name for one in landed] == ["0000-history", "0001-2024-09-22", "0002-2024-09-29"]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        delivered(tmp_path / name, accounts=25, weeks=1)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_a_company_resumed_after_every_week_delivers_the_same_bytes(tmp_path):
    delivered(tmp_path / "whole", accounts=25, weeks=3)
    landing, keep = tmp_path / "parts", tmp_path / "truth"
    delivered(landing, accounts=25, weeks=0, keep=keep)
    for n in range(3):
        company = delivery.resume(landing, keep)
        delivery.write_week(company, landing, UNTIL + n * WEEK + ONE, UNTIL + (n + 1) * WEEK, keep=keep)
    assert content(landing) == content(tmp_path / "whole")
    assert [path.name for path in keep.iterdir()] == ["0003-2024-10-06.npz"]


def test_a_delivery_that_was_killed_leaves_nothing_and_the_next_try_all_of_it(tmp_path, monkeypatch):
    delivered(tmp_path / "whole", accounts=25, weeks=1)
    landing, keep = tmp_path / "landing", tmp_path / "truth"
    delivered(landing, accounts=25, weeks=0, keep=keep)
    company = delivery.resume(landing, keep)

    def killed(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            delivery.write_week(company, landing, UNTIL + ONE, UNTIL + WEEK, keep=keep)
    assert [path.name for path in landing.iterdir() if not path.name.startswith(".")] == ["0000-history"]
    again = delivery.resume(landing, keep)
    delivery.write_week(again, landing, UNTIL + ONE, UNTIL + WEEK, keep=keep)
    assert content(landing) == content(tmp_path / "whole")


def test_a_week_out_of_turn_is_refused_and_nothing_is_written(tmp_path):
    company = Company(1, 10)
    with pytest.raises(Rejected, match="next day"):
        delivery.write_week(company, tmp_path / "landing", UNTIL, UNTIL + WEEK)
    assert not (tmp_path / "landing").exists()


def test_a_treatment_changes_deliveries_from_then_on_only(tmp_path):
    delivered(tmp_path / "a", accounts=25, weeks=2)
    delivered(tmp_path / "b", accounts=25, weeks=2, treatments={f"acc-{n:06d}": "red_churn_risk" for n in range(25)})
    a, b = content(tmp_path / "a"), content(tmp_path / "b")
    assert {name for name in a if a[name] != b[name]} >= {"0002-2024-09-29/events-000.jsonl.gz"}
    assert all(a[name] == b[name] for name in a if name.startswith("0000-history/"))


def test_the_truth_never_lies_in_the_landing_folder(tmp_path):
    delivered(tmp_path / "landing", accounts=25, weeks=1, keep=tmp_path / "truth")
    names = {path.name for path in (tmp_path / "landing").rglob("*") if path.is_file()}
    assert all(name.endswith((".csv", ".jsonl.gz")) or name == "manifest.json" for name in names)
    assert b"hazard" not in b"".join(content(tmp_path / "landing").values())
