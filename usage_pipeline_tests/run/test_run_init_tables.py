"""`init` on CSV files with names of their own."""

from datetime import datetime

import own_files
import pytest
from own_files import ACCOUNTS, DAYS, begin, land, mapping, org, part

from usage_pipeline.errors import Rejected
from usage_pipeline.run.init import beginning, files
from usage_pipeline.settings import Settings
from usage_pipeline.sources import reading


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "acme files"


def rows_of(table, begun, folder, backend):
    return reading.table(table, folder, mapping(begun), backend, now=own_files.NOW).to_pylist()


def test_events_and_accounts_with_odd_names_land_with_the_guessed_mapping(tmp_path, folder, lake):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    landed = land(begun, folder, lake)
    assert (landed.received, landed.accepted, landed.rejected) == (ACCOUNTS * DAYS, ACCOUNTS * DAYS, 0)
    assert begun.trial.accepted == landed.accepted
    assert begun.trial.of_known_accounts == ACCOUNTS * DAYS
    rows = lake.backend.to_pyarrow(lake.read(own_files.ingest.catalogue.EVENT)).to_pylist()
    first = min(rows, key=lambda row: row["ts"])
    assert (first["account_id"], first["user_id"], first["name"]) == (org(0), f"{org(0)}-p0", "Signed In")
    assert first["known_at"] == first["ts"] == own_files.FIRST


def test_the_account_is_found_by_what_a_column_holds_where_its_name_says_nothing(tmp_path, folder):
    own_files.write(folder / "events.csv", ["when", "x1", "person", "event"], own_files.uses())
    own_files.write_accounts(folder)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    assert begun.trial.of_known_accounts == ACCOUNTS * DAYS
    assert "100% of 12 values" in part(begun, "events").joins[0]


def test_accounts_keep_their_columns_under_the_names_that_are_read(tmp_path, folder, backend):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    accounts = rows_of("account", begin(folder, tmp_path), folder, backend)
    assert len(accounts) == ACCOUNTS
    third = next(row for row in accounts if row["account_id"] == org(2))
    assert (third["name"], third["domain"], third["industry"], third["employees"]) == (
        "Firm 2",
        "firm-2.example",
        "retail",
        45,
    )
    assert third["created_at"] == datetime(2025, 3, 1)


def test_events_that_name_people_only_reach_accounts_by_the_table_of_users(tmp_path, folder, backend):
    events = ([moment, person, action] for moment, _, person, action in own_files.uses())
    own_files.write(folder / "events.csv", ["time", "user_id", "action"], events)
    own_files.write_accounts(folder)
    own_files.write_users(folder)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    people = rows_of("user", begun, folder, backend)
    assert {row["user_id"]: row["account_id"] for row in people}[f"{org(3)}-p1"] == org(3)
    assert len(people) == 2 * ACCOUNTS


def test_being_there_is_no_use_of_a_feature(tmp_path, folder, lake):
    own_files.write_events(folder)
    begun = begin(folder, tmp_path)
    land(begun, folder, lake)
    rows = lake.backend.to_pyarrow(lake.read(own_files.ingest.catalogue.EVENT)).to_pylist()
    assert {row["name"]: row["feature"] for row in rows} == {
        "Signed In": None,
        "Report Created": "Report Created",
        "Teammate Invited": "Teammate Invited",
    }
    assert mapping(begun).roles.login == ("Signed In",)
    assert mapping(begun).roles.invite == ("Teammate Invited",)
    # Whether a report is what customers pay for is for a person to say.
    assert mapping(begun).roles.value == ()
    assert '# value: ["Report Created"]' in begun.mapping.read_text()


def test_without_subscriptions_silence_tells_who_left_by_a_stated_rule(tmp_path, folder):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    begun = begin(folder, tmp_path)
    (churn,) = mapping(begun).outcomes.values()
    assert (churn.kind, churn.source, churn.silence_days) == ("churn", "silence", 28)
    assert mapping(begun).primary.churn in mapping(begun).outcomes
    assert "pauses that ended (median 1 days)" in begun.mapping.read_text()
    assert mapping(begun).clock.history
    assert mapping(begun).stock_sandbox


def test_accounts_that_no_file_holds_begin_with_their_first_event(tmp_path, folder, backend):
    own_files.write_events(folder)
    accounts = rows_of("account", begin(folder, tmp_path), folder, backend)
    assert [row["account_id"] for row in accounts] == [org(n) for n in range(ACCOUNTS)]
    assert accounts[0]["created_at"] == own_files.FIRST


def test_subscriptions_as_stripe_exports_them_say_what_was_so_and_when(tmp_path, folder, backend):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    own_files.write_stripe(folder)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    assert {outcome.source for outcome in mapping(begun).outcomes.values()} == {"subscriptions"}
    rows = rows_of("subscription", begun, folder, backend)
    # When a term ends is said as it is now: known from the delivery, and of the past not at all.
    past = [row for row in rows if row["valid_from"] < own_files.NOW]
    assert len(past) == ACCOUNTS + 2
    assert {row["renews_on"] for row in past} == {None}
    assert {row["known_at"] >= own_files.NOW for row in rows if row["renews_on"]} == {True}
    rows = past
    of = {n: [row for row in rows if row["subscription_id"] == f"sub_{n}"] for n in range(4)}
    assert [(row["status"], row["valid_from"]) for row in of[0]] == [
        ("active", datetime(2025, 1, 3, 8, 15)),
        ("cancelled", datetime(2026, 2, 10, 12)),
    ]
    assert [row["status"] for row in of[2]] == ["trial"]
    monthly, yearly = of[2][0], of[3][0]
    assert (monthly["mrr_minor"], monthly["term_months"], yearly["mrr_minor"], yearly["term_months"]) == (
        9950,
        1,
        10000,
        12,
    )
    assert (yearly["account_id"], yearly["currency"], yearly["seats"]) == (org(3), "EUR", 5)


def test_terms_that_follow_one_another_are_one_subscription_and_the_last_one_ends(tmp_path, folder, backend):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    months = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]
    terms = [[org(0), "pro", months[n], months[n + 1], 100] for n in range(3)]
    terms += [[org(1), "pro", months[0], months[1], 100], [org(1), "pro", months[2], months[3], 100]]
    # The last bill of all: whether this term is followed by another nobody knows yet.
    terms += [[org(2), "pro", "2026-04-20", "2026-05-20", 100]]
    own_files.write(folder / "contracts.csv", ["Company", "Plan", "Start Date", "End Date", "MRR"], terms)
    rows = rows_of("subscription", begin(folder, tmp_path), folder, backend)
    said = sorted((row["account_id"], str(row["valid_from"].date()), row["status"]) for row in rows)
    assert said == [
        (org(0), "2026-01-01", "active"),
        (org(0), "2026-02-01", "active"),
        (org(0), "2026-03-01", "active"),
        (org(0), "2026-04-01", "cancelled"),
        (org(1), "2026-01-01", "active"),
        (org(1), "2026-02-01", "cancelled"),
        (org(1), "2026-03-01", "active"),
        (org(1), "2026-04-01", "cancelled"),
        (org(2), "2026-04-20", "active"),
    ]


def test_bills_with_their_periods_tell_who_pays_and_bills_without_tell_nothing(tmp_path, folder, backend):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    head = ["id", "Subscription", "Customer", "Amount Paid", "Status", "Period Start", "Period End"]
    bills = [
        ["in_1", "sub_1", org(0), 100, "paid", "2026-01-01", "2026-02-01"],
        ["in_2", "sub_1", org(0), 100, "paid", "2026-02-01", "2026-03-01"],
        ["in_3", "sub_2", org(1), 100, "paid", "2026-03-20", "2026-04-20"],
    ]
    own_files.write(folder / "invoices.csv", head, bills)
    rows = rows_of("subscription", begin(folder, tmp_path), folder, backend)
    said = sorted((row["subscription_id"], str(row["valid_from"].date()), row["status"]) for row in rows)
    assert said == [
        ("sub_1", "2026-01-01", "active"),
        ("sub_1", "2026-02-01", "active"),
        ("sub_1", "2026-03-01", "cancelled"),
        ("sub_2", "2026-03-20", "active"),
    ]
    own_files.write(folder / "invoices.csv", [*head[:5], "Created"], [bill[:6] for bill in bills])
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    assert "do not say until when they run" in part(begun, "subscription").stops
    assert {outcome.source for outcome in mapping(begun).outcomes.values()} == {"silence"}


def test_tickets_and_surveys_are_known_by_their_columns(tmp_path, folder, backend):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    own_files.write_users(folder)
    tickets = [
        [
            n,
            f"{org(n)}-p0@mail.example".lower(),
            "2026-02-01 10:00:00",
            "2026-02-02 10:00:00",
            ("Low", "Urgent")[n % 2],
            "Good",
        ]
        for n in range(6)
    ]
    head = ["Ticket ID", "Requester email", "Created at", "Solved at", "Priority", "Satisfaction Score"]
    own_files.write(folder / "zendesk.csv", head, tickets)
    answers = [[f"a{n}", f"{org(n % 4)}-p1", n % 11, f"2026-02-{n + 1:02}"] for n in range(20)]
    own_files.write(folder / "nps.csv", ["Response ID", "User ID", "Score", "Responded At"], answers)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    found = rows_of("ticket", begun, folder, backend)
    assert [row["account_id"] for row in found] == [org(n) for n in range(6)]
    assert {(row["priority"], row["satisfaction"]) for row in found} == {("low", 5), ("urgent", 5)}
    surveys = rows_of("survey", begun, folder, backend)
    assert len(surveys) == 20
    assert {(row["kind"], row["account_id"]) for row in surveys} == {("nps", org(n)) for n in range(4)}


def test_labels_of_a_file_become_outcomes_with_the_horizon_of_their_names(tmp_path, folder, backend):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    labels = [[org(n), "2026-02-02", n % 2, (n + 1) % 2] for n in range(ACCOUNTS)]
    own_files.write(folder / "labels.csv", ["org", "as_of", "churn_12w", "expand_30d"], labels)
    begun = begin(folder, tmp_path)
    outcomes = mapping(begun).outcomes
    assert {name: (one.kind, one.horizon_days) for name, one in outcomes.items()} == {
        "churn_12w": ("churn", 84),
        "expand_30d": ("expansion", 30),
    }
    assert len(rows_of("label", begun, folder, backend)) == 2 * ACCOUNTS
    assert any("horizon_days" in question for question in begun.understood.questions)


def test_dates_that_may_be_day_first_or_month_first_are_asked_about_and_not_guessed(tmp_path, folder):
    own_files.write_accounts(folder)
    rows = [[f"0{n % 9 + 1}/0{n % 3 + 1}/2026", org(n % 4), "used"] for n in range(60)]
    own_files.write(folder / "events.csv", ["date", "org", "action"], rows)
    begun = begin(folder, tmp_path)
    assert not begun.is_ready
    (question,) = part(begun, "events").questions
    assert "day first or month first" in question
    assert "%d/%m/%Y and %m/%d/%Y" in question
    assert mapping(begun).events[0].time_formats == ()
    text = begun.mapping.read_text()
    assert '# time_formats: "%d/%m/%Y"' in text
    assert '# time_formats: "%m/%d/%Y"' in text


def test_dates_that_fit_one_order_only_are_read_in_it(tmp_path, folder):
    own_files.write_accounts(folder)
    own_files.write_events(folder, how=lambda moment: moment.strftime("%d/%m/%Y %H:%M"))
    begun = begin(folder, tmp_path)
    assert mapping(begun).events[0].time_formats == ("%d/%m/%Y %H:%M",)
    assert begun.trial.accepted == ACCOUNTS * DAYS
    assert begun.understood.last == datetime(2026, 3, 5, 9, 41)


def test_a_duration_without_a_unit_is_a_question_and_one_with_it_is_read(tmp_path, folder):
    rows = [[*row, 30 + n % 7, 2000 + n] for n, row in enumerate(own_files.uses())]
    own_files.write(folder / "events.csv", ["time", "org", "user", "action", "duration"], [row[:5] for row in rows])
    begun = begin(folder, tmp_path)
    assert any("in which unit is `duration`" in question for question in part(begun, "events").questions)
    assert "duration_ms" not in mapping(begun).events[0].select
    own_files.write(
        folder / "events.csv", ["time", "org", "user", "action", "duration_secs"], [row[:5] for row in rows]
    )
    assert "duration_secs * 1000 AS duration_ms" in mapping(begin(folder, tmp_path)).events[0].select


def test_a_time_without_a_zone_is_a_question_and_one_with_it_is_not(tmp_path, folder):
    own_files.write_events(folder)
    assert not begin(folder, tmp_path).understood.has_zone
    own_files.write_events(folder, how=lambda moment: moment.isoformat() + "+02:00")
    assert begin(folder, tmp_path).understood.has_zone


def test_without_accounts_or_users_each_person_is_taken_as_a_customer_and_asked_about(tmp_path, folder, backend):
    events = ([moment, person, action] for moment, _, person, action in own_files.uses())
    own_files.write(folder / "events.csv", ["time", "user_id", "action"], events)
    begun = begin(folder, tmp_path)
    assert begun.is_ready
    assert any("each `user_id` is taken as a customer" in question for question in part(begun, "events").questions)
    assert len(rows_of("account", begun, folder, backend)) == 2 * ACCOUNTS


def test_the_only_times_of_a_table_are_its_times_in_whatever_language(tmp_path, folder):
    own_files.write(folder / "events.csv", ["Zeitpunkt", "Kunde", "Person", "Vorgang"], own_files.uses())
    own_files.write_accounts(folder)
    begun = begin(folder, tmp_path)
    assert begun.trial.of_known_accounts == ACCOUNTS * DAYS
    assert set(begun.understood.names) == set(own_files.ACTIONS)


def test_a_file_per_day_in_folders_of_their_own_is_one_table(tmp_path, folder, lake):
    rows = list(own_files.uses())
    for day in range(3):
        own_files.write(
            folder / f"day-{day}" / "events.csv", ["ts", "org", "user", "action"], rows[day * 100 : day * 100 + 100]
        )
    begun = begin(folder, tmp_path)
    assert len(begun.understood.events) == 1
    assert begun.understood.events[0].rows == 300
    assert land(begun, folder, lake).accepted == 300


def test_a_large_table_is_sampled_and_counted_whole(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(files, "WHOLE_ROWS", 100)
    monkeypatch.setattr(files, "FIRST_ROWS", 50)
    monkeypatch.setattr(files, "RANDOM_ROWS", 200)
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    begun = begin(folder, tmp_path)
    events = part(begun, "events")
    assert events.rows == ACCOUNTS * DAYS
    assert "250 of 250 sampled values" in events.evidence[0]
    assert begun.trial.accepted == ACCOUNTS * DAYS


def test_a_folder_of_other_things_says_what_is_missing(tmp_path, folder):
    own_files.write(folder / "colours.csv", ["colour", "hex"], [["red", "f00"], ["blue", "00f"]])
    (folder / "notes.txt").write_text("remember the milk\n")
    (folder / "broken.parquet").write_bytes(b"not parquet at all")
    found = beginning.look(Settings(home=tmp_path), folder, "acme", now=own_files.NOW, told=lambda _: None)
    assert set(found.left) == {"colours.csv", "notes.txt", "broken.parquet"}
    assert "no file holds product events" in found.stops[0]
    with pytest.raises(Rejected, match="no file holds product events"):
        begin(folder, tmp_path)
    assert not (tmp_path / "company.yaml").exists()


def test_days_counted_from_somewhere_are_no_times_and_the_answer_says_so(tmp_path, folder):
    own_files.write(folder / "usage.csv", ["org", "date", "clicks"], [[org(n % 3), n - 20, 4] for n in range(90)])
    found = beginning.look(Settings(home=tmp_path), folder, "acme", now=own_files.NOW, told=lambda _: None)
    assert "`date` holds numbers (-20 to 69), which are no times" in found.left["usage.csv"]


def test_two_tables_that_look_like_the_same_thing_are_a_question(tmp_path, folder):
    own_files.write_events(folder)
    own_files.write_accounts(folder)
    own_files.write(folder / "customers.csv", ["id", "name"], [[f"c{n}", f"Other {n}"] for n in range(5)])
    begun = begin(folder, tmp_path)
    assert any("customers.csv" in question for question in begun.understood.questions)
    assert part(begun, "account").files == "accounts.csv"
