"""Plans to look at and deliveries by hand, from a terminal."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dagster_duckdb import DuckDBResource

from usage_pipeline import frames
from usage_pipeline.channels.client import Channel, ChannelName, Message
from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.rejections import Cause
from usage_pipeline.defs import delivery
from usage_pipeline.defs import messages as message_defs
from usage_pipeline.defs import sync as sync_defs
from usage_pipeline.defs.launching import Launcher
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Rejected
from usage_pipeline.home import put
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.run import sandboxed
from usage_pipeline.segments import catalogue as segments
from usage_pipeline.sources import crm as crm_sources
from usage_pipeline.sync import messages, plans, rollback
from usage_pipeline.sync.narrowing import narrowed
from usage_pipeline.sync.plans import Plan
from usage_pipeline.sync.redacting import redacted


def opened() -> Opened:
    """The home as it is; `Rejected` where it is empty."""
    place = Place(duckdb=DuckDBResource(database=":memory:")).opened
    place.home.holding()
    return place


@contextmanager
def crms(place: Opened, only: str | None = None) -> Iterator[dict[str, Crm]]:
    """The configured CRMs; where one is the sandbox, it runs meanwhile."""
    settings = place.settings
    urls = {"hubspot": settings.hubspot_url, "salesforce": settings.salesforce_url}
    if only is not None and only not in settings.crm_names:
        raise Rejected(f"{only} is no configured CRM", fix=f"USAGE_CRMS names {', '.join(settings.crm_names)}")
    names = settings.crm_names if only is None else (only,)
    if all(urls.get(name) for name in names):
        yield {name: crm for name, crm in place.crms().items() if name in names}
        return
    with sandboxed.running(place.home):
        yield {name: crm for name, crm in place.crms().items() if name in names}


@dataclass(frozen=True)
class Planned:
    """What a delivery of a morning would do: in the CRMs, and in the channels of messages."""

    plans: list[Plan]
    messages: dict[ChannelName, list[Message]]
    """By channel; a delivery to one CRM alone tells nothing."""
    problems: list[str]
    """Why a channel that the mapping names would be told nothing."""

    @property
    def is_empty(self) -> bool:
        return all(one.is_empty for one in self.plans) and not any(self.messages.values())

    def to_json(self) -> dict[str, Any]:
        """The plans as in their file, and the messages beside them."""
        told = {
            name: [one.payload | {"account_id": one.account_id} for one in some] for name, some in self.messages.items()
        }
        document: dict[str, Any] = json.loads(plans.write(self.plans))
        return document | {"messages": told, "problems": self.problems}

    def to_markdown(self) -> str:
        """For a pull request."""
        sections = [*(one.to_markdown() for one in self.plans), *messages.to_markdown(self.messages)]
        return "\n\n".join(sections)


def make_plans(
    *, as_of: date | None, only: str | None, select: Sequence[str], limit: int | None, hide: bool
) -> Planned:
    """What a delivery of the morning would change, compared with what the CRMs hold now; nothing is sent."""
    place = opened()
    morning = as_of or newest(place)
    accounts = delivery.selected(place, select, morning) if select else None
    with crms(place, only) as clients:
        made = [sync_defs.make_plan(place, crm, morning) for crm in clients.values()]
        to_tell, problems = message_defs.planned(place, morning) if only is None else ({}, [])
    made = [narrowed(one, accounts=accounts, limit=limit) if accounts or limit else one for one in made]
    to_tell = {name: messages.narrowed(some, accounts, limit) for name, some in to_tell.items()}
    if hide:
        made = [redacted(one) for one in made]
        to_tell = {name: [messages.redacted(one) for one in some] for name, some in to_tell.items()}
    return Planned(made, to_tell, problems)


def keep(made: Planned, file: Path) -> None:
    """The plans in a file: Markdown for people where it is called so, else the JSON that `apply` takes."""
    put(file, made.to_markdown() if file.suffix == ".md" else plans.write(made.plans))


def apply(*, as_of: date | None, file: Path | None, only: str | None, terms: dict[str, Any]) -> dict[str, Any]:
    """Plan and deliver a morning, or deliver the plans of a file; the metadata of what was done.

    `terms` are those of `defs.delivery.Delivery`. Recorded as a run like any other.
    """
    place = opened()
    if file is None:
        morning, job = as_of or newest(place), "deliver"
    else:
        morning, job = _morning_of(file), "apply"
        terms = terms | {"plan": str(file.resolve())}
    terms = terms | ({"crm": only} if only else {})
    with crms(place, only):
        config = {"ops": {"delivered": {"config": terms}}}
        return dict(Launcher(place.home).execute(job, morning=morning, config=config).metadata["sync/log"])


def retry(*, only: str | None, really: bool) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """What was refused or failed, messages included, and what sending it again did; nothing is sent unless `really`.

    With `only` a CRM, only what waits for it.
    """
    place = opened()
    with crms(place, only) as clients:
        keys = {crm.instance().key for crm in clients.values()}
        unsure = []
        if only is None:
            channels = place.channels().values()
            keys |= {channel.instance for channel in channels}
            unsure = [row for one in channels if one.sending_class is not Class.UNSAFE for row in _unsure(place, one)]
        refused = [row for row in frames.rows(place.ledger.table("rejection")) if row["instance"] in keys]
        waiting = refused + unsure
        accounts = sorted({row["account_id"] for row in waiting} & _known(place))
        if not really or not accounts:
            return waiting, None
        for instance in keys:
            mine = [(row["kind"], row["key"]) for row in refused if row["instance"] == instance]
            place.ledger.release_keys(instance, mine)
    return waiting, apply(as_of=None, file=None, only=only, terms={"select": accounts})


def _unsure(place: Opened, channel: Channel) -> list[dict[str, Any]]:
    """Messages whose answer was lost, in a channel where sending them again is harmless."""
    return [
        {
            "instance": channel.instance,
            "kind": one.kind,
            "key": one.key,
            "account_id": one.account_id,
            "cause": str(Cause.TRANSIENT),
            "detail": "its answer was lost; the receiver knows a repeated message by its key",
        }
        for one in place.ledger.unsettled(channel.instance)
    ]


def _known(place: Opened) -> set[str]:
    """The accounts of the newest morning; of any other one nothing is wanted."""
    as_of = newest(place)
    return set(place.frame(place.lake.read(segments.ACCOUNT_SEGMENT, (as_of, as_of)))["account_id"])


def roll_back(run: str, *, only: str | None, really: bool, approved_by: str | None) -> list[Plan]:
    """The plans that undo what was delivered after `run`; carried out where `really`."""
    place = opened()
    with crms(place, only) as clients:
        instance = next((row["instance"] for row in frames.rows(place.ledger.table("run")) if row["run"] == run), None)
        mine = [crm for crm in clients.values() if crm.instance().key == instance]
        if not mine:
            raise Rejected(f"no configured CRM has a run {run}", fix="`usage-pipeline status --history` lists the runs")
        crm = mine[0]
        present = crm_sources.present(crm_sources.read(crm, place.company, place.contract), place.contract)
        made = rollback.plan(crm, place.ledger, run, present, created_at=place.now(), contract=place.contract)
    if really and not made.is_empty:
        file = place.home.path / "plans" / f"rollback-to-{run}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        put(file, plans.write([made]))
        terms = {"override": f"rollback to {run}"} | ({"approved_by": approved_by} if approved_by else {})
        apply(as_of=None, file=file, only=crm.name, terms=terms)
    return [made]


def newest(place: Opened) -> date:
    """The newest decided morning."""
    mornings = place.lake.partitions(plays.DECISION)
    if not mornings:
        raise Rejected("nothing was decided here yet", fix="run `usage-pipeline run` first")
    return mornings[-1]


def _morning_of(file: Path) -> date:
    try:
        made = plans.read(file.read_text(encoding="utf-8"))
    except FileNotFoundError as absent:
        raise Rejected(f"there is no plan {file}", fix="make one with `usage-pipeline plan --write FILE`") from absent
    return made[0].as_of
