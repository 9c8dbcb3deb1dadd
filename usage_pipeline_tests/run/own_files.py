"""Files as people keep them: CSV exports with names of their own, tool exports, and things that are none of it."""

import csv
import gzip
import io
import json
import zipfile
from datetime import datetime, timedelta

from usage_pipeline import company as companies
from usage_pipeline.events import ingest
from usage_pipeline.run.init import beginning
from usage_pipeline.settings import Settings

NOW = datetime(2026, 6, 1, 8)
FIRST = datetime(2026, 1, 5, 9, 30)
ACCOUNTS, DAYS = 12, 60
ACTIONS = ("Signed In", "Report Created", "Teammate Invited")


def write(path, head, rows):
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def org(number):
    return f"ORG-{number:03}"


def uses(how=lambda moment: moment.isoformat(sep=" ")):
    """One action of one of two people per account and day."""
    for day in range(DAYS):
        for account in range(ACCOUNTS):
            moment = FIRST + timedelta(days=day, minutes=account)
            person = f"{org(account)}-p{day % 2}"
            yield how(moment), org(account), person, ACTIONS[(day + account) % 3]


def write_events(folder, **how):
    write(folder / "events.csv", ["Timestamp", "Org ID", "User", "Action"], uses(**how))


def write_accounts(folder, count=ACCOUNTS):
    rows = [
        [org(n), f"Firm {n}", f"firm-{n}.example", ("retail", "health")[n % 2], 20 * n + 5, f"2025-{n % 12 + 1:02}-01"]
        for n in range(count)
    ]
    write(folder / "accounts.csv", ["ID", "Company Name", "Website", "Industry", "Employees", "Signed Up"], rows)


def write_users(folder):
    people = [(f"{org(n)}-p{k}", org(n)) for n in range(ACCOUNTS) for k in range(2)]
    rows = [
        [person, account, f"{person.lower()}@mail.example", ("admin", "viewer")[i % 2]]
        for i, (person, account) in enumerate(people)
    ]
    write(folder / "users.csv", ["User ID", "Org", "Email", "Role"], rows)


STRIPE = (
    "id", "Customer ID", "Customer Email", "Plan", "Quantity", "Currency", "Interval", "Amount", "Status", "Created (UTC)",
    "Start (UTC)", "Current Period End (UTC)", "Trial End (UTC)", "Canceled At (UTC)", "Ended At (UTC)",
)  # fmt: skip


def write_stripe(folder):
    """Nine subscriptions that go on, two that were cancelled, and one on trial."""
    rows = []
    for n in range(ACCOUNTS):
        status = "canceled" if n < 2 else "trialing" if n == 2 else "active"
        ended = f"2026-02-{n + 10} 12:00" if n < 2 else ""
        begun = f"2025-{n % 12 + 1:02}-03 08:15"
        rows.append(
            [f"sub_{n}", org(n), f"billing@firm-{n}.example", ("team", "pro")[n % 2], 5, "eur", ("month", "year")[n % 2],
             (99.5, 1200)[n % 2], status, begun, begun, "2026-03-03 08:15", "", ended, ended]
        )  # fmt: skip
    write(folder / "subscriptions.csv", STRIPE, rows)


def segment_line(number, **fields):
    call = {
        "type": "track",
        "messageId": f"m-{number}",
        "event": ACTIONS[number % 3],
        "userId": f"{org(number % ACCOUNTS)}-p0",
        "timestamp": (FIRST + timedelta(hours=number)).isoformat() + "Z",
        "receivedAt": (FIRST + timedelta(hours=number, seconds=2)).isoformat() + "Z",
        "context": {"groupId": org(number % ACCOUNTS)},
    }
    return json.dumps(call | fields)


def write_segment(folder, files=3, lines=40):
    folder.mkdir(parents=True, exist_ok=True)
    for file in range(files):
        content = "\n".join(segment_line(file * lines + n) for n in range(lines)) + "\n"
        with gzip.open(folder / f"calls-{file:03}.jsonl.gz", "wt") as packed:
            packed.write(content)


def amplitude_line(number, group="workspace"):
    moment = FIRST + timedelta(hours=number)
    return json.dumps(
        {
            "$insert_id": f"in-{number}",
            "device_id": "dev-1",
            "user_id": f"{org(number % ACCOUNTS)}-p0",
            "event_type": ACTIONS[number % 3],
            "event_time": moment.isoformat(sep=" "),
            "server_received_time": (moment + timedelta(seconds=1)).isoformat(sep=" "),
            "groups": {group: [org(number % ACCOUNTS)]},
            "event_properties": {"module": ("reports", "billing")[number % 2]},
        }
    )


def write_amplitude(folder, lines=50, **fields):
    """The Export API's zip: a gzip file of lines per hour."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "export.zip", "w") as archive:
        for hour in range(2):
            numbers = range(hour * lines, (hour + 1) * lines)
            content = io.BytesIO()
            with gzip.GzipFile(fileobj=content, mode="wb") as packed:
                packed.write("".join(amplitude_line(number, **fields) + "\n" for number in numbers).encode())
            archive.writestr(f"123/123_2026-01-05_{hour}#1.json.gz", content.getvalue())


def begin(folder, tmp_path, company=None):
    """Look, write and try, as the command does."""
    settings = Settings(home=tmp_path / "no-home")
    found = beginning.look(settings, folder, company, now=NOW, told=lambda _: None)
    return beginning.write(settings, found, folder, tmp_path / "company.yaml", now=NOW, told=lambda _: None)


def mapping(begun):
    return companies.load(begun.mapping)


def land(begun, folder, lake):
    """What a run would land with the mapping that was written."""
    return ingest.ingest(folder, mapping(begun), lake, now=NOW, progress=lambda *_: None)


def part(begun, name):
    return next(one for one in begun.understood.parts if one.taken_as == name)
