from datetime import date, datetime

import ibis
import pytest
from landing_builders import a_lake, deliver, land, text, track

from usage_pipeline.events import catalogue, known, relinked

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 5, day) for day in (4, 5, 6, 7))


def links(*said):
    """(id, kind, account, person, day) as links of that day's first minute."""
    names = ("id", "id_kind", "account_id", "user_id", "known_at")
    rows = [dict.fromkeys(catalogue.IDENTITY_LINK.schema.names) | dict(zip(names, one, strict=True)) for one in said]
    for row in rows:
        row |= {"known_at": datetime.combine(row["known_at"], datetime.min.time()), "because": "users table"}
    return ibis.memtable(rows, schema=catalogue.IDENTITY_LINK.schema)


NONE = links()


@pytest.fixture
def lake(tmp_path):
    """Events that name no account of Ann on Monday and on Thursday, and one of Bob's at acme on Wednesday."""
    lake = a_lake(tmp_path)
    for day, call in (
        (MONDAY, track(1, userId="ann", anonymousId="laptop", context=None)),
        (WEDNESDAY, track(2, userId="bob", context={"groupId": "acme"})),
        (THURSDAY, track(3, userId="ann", context=None)),
    ):
        landed_at = datetime.combine(day, datetime.min.time().replace(hour=12))
        deliver(tmp_path / "in", text(call), name=f"{day}", landed_at=landed_at)
    land(tmp_path / "in", lake)
    return lake


def touched(lake, old, new, rolled_up=THURSDAY):
    return relinked.days(lake, old, new, rolled_up=rolled_up)


def test_a_link_of_a_day_without_events_touches_that_day_and_the_later_days_of_its_id(lake):
    assert touched(lake, NONE, links(("ann", "user", "acme", "ann", TUESDAY))) == [TUESDAY, THURSDAY]


def test_links_that_stay_touch_nothing(lake):
    same = links(("ann", "user", "acme", "ann", TUESDAY))
    assert touched(lake, same, same.mutate(evidence=ibis.literal("said in other words"))) == []


def test_a_merge_touches_the_days_of_the_account_and_of_those_who_belong_to_it(lake):
    ann = ("ann", "user", "acme", "ann", MONDAY)
    merge = ("acme", "account", "group", None, WEDNESDAY)
    assert touched(lake, links(ann), links(ann, merge)) == [WEDNESDAY, THURSDAY]


def test_a_link_that_is_withdrawn_touches_the_days_on_which_it_counted(lake):
    assert touched(lake, links(("laptop", "anonymous", "acme", "ann", MONDAY)), NONE) == [MONDAY]


def test_events_that_name_their_account_and_are_still_to_be_rolled_up_need_no_look(lake):
    merge = links(("acme", "account", "group", None, MONDAY))
    assert touched(lake, NONE, merge) == [WEDNESDAY]
    assert touched(lake, NONE, merge, rolled_up=None) == []


def test_the_days_touched_are_those_on_which_known_events_differ(lake):
    old = links(("ann", "user", "acme", "ann", WEDNESDAY))
    new = links(("ann", "user", "beta", "ann", TUESDAY), ("acme", "account", "group", None, THURSDAY))

    def by_day(said):
        lake.replace(catalogue.IDENTITY_LINK, said)
        days = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY)
        rows = {day: lake.backend.to_pyarrow(known.events(lake, (day, day))).to_pylist() for day in days}
        return {day: sorted((row["event_id"], row["account_id"]) for row in some) for day, some in rows.items()}

    before, after = by_day(old), by_day(new)
    assert touched(lake, old, new) == [day for day in before if before[day] != after[day]]
