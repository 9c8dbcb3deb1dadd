"""Plans to look at and deliveries by hand, from a terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from dagster_duckdb import DuckDBResource

from usage_pipeline import frames
from usage_pipeline.crm.client import Crm
from usage_pipeline.defs import sync as sync_defs
from usage_pipeline.defs.launching import Launcher
from usage_pipeline.defs.place import Opened, Place
from usage_pipeline.errors import Rejected
from usage_pipeline.home import put
from usage_pipeline.plays import catalogue as plays
from usage_pipeline.run import sandboxed
from usage_pipeline.sources import crm as crm_sources
from usage_pipeline.sync import plans, rollback
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


def make_plans(
    *, as_of: date | None, only: str | None, select: Sequence[str], limit: int | None, hide: bool
) -> list[Plan]:
    """What a delivery of the morning would change, compared with what the CRMs hold now; nothing is sent."""
    place = opened()
    morning = as_of or newest(place)
    accounts = sync_defs.selected(place, select, morning) if select else None
    with crms(place, only) as clients:
        made = [sync_defs.make_plan(place, crm, morning) for crm in clients.values()]
    made = [narrowed(one, accounts=accounts, limit=limit) if accounts or limit else one for one in made]
    return [redacted(one) for one in made] if hide else made


def keep(made: Sequence[Plan], file: Path) -> None:
    """The plans in a file: Markdown for people where it is called so, else the JSON that `apply` takes."""
    text = "\n\n".join(one.to_markdown() for one in made) if file.suffix == ".md" else plans.write(made)
    put(file, text)


def apply(*, as_of: date | None, file: Path | None, only: str | None, terms: dict[str, Any]) -> dict[str, Any]:
    """Plan and deliver a morning, or deliver the plans of a file; the metadata of what was done.

    `terms` are those of `defs.sync.Delivery`. Recorded as a run like any other.
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
    """What was refused or failed, and what sending it again did; nothing is sent unless `really`."""
    place = opened()
    with crms(place, only) as clients:
        keys = {crm.instance().key for crm in clients.values()}
        waiting = [row for row in frames.rows(place.ledger.table("rejection")) if row["instance"] in keys]
        if not really or not waiting:
            return waiting, None
        for instance in keys:
            mine = [(row["kind"], row["key"]) for row in waiting if row["instance"] == instance]
            place.ledger.release_keys(instance, mine)
    accounts = sorted({row["account_id"] for row in waiting})
    return waiting, apply(as_of=None, file=None, only=only, terms={"select": accounts})


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
        keep([made], file)
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
