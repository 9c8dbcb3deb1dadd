"""What a person sees in a browser: companies, one company with fields and tasks, the API log, the limits."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from usage_pipeline.sandbox import allowance, faults, history, overview, people, stock, traffic
from usage_pipeline.sandbox.hubspot.limits import Meter
from usage_pipeline.sandbox.overview import Column
from usage_pipeline.sandbox.store import Store

PAGE = 50
NAMES = {"hubspot": "HubSpot", "salesforce": "Salesforce"}

LISTED = (
    ("usage_churn_risk", "usage_churn_tier"),
    ("usage_expansion_likelihood", "usage_expansion_tier"),
    ("usage_health", "usage_health_tier"),
    ("usage_cohort", None),
)
"""Fields of the list, each with its tier beside it, where the CRM has them; a company's page shows all."""

FILTERS = ("usage_churn_tier", "usage_cohort", "usage_expansion_tier")

_ALARMS = {
    "red": "bad",
    "orange": "bad",
    "yellow": "warn",
    "green": "good",
    "dark-green": "good",
    "high": "good",
    "medium": "warn",
}
"""Colours of the tier words that mean one to everybody; any other value stays grey."""


def routes(store: Store, meter: Meter) -> list[Route]:
    """The pages over one state file; `meter` is what counts HubSpot's calls."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("usage_pipeline.sandbox", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "alarm": lambda value: _ALARMS.get(str(value).lower(), "plain"),
        "spoken": _spoken,
        "day": _day,
        "minute": lambda moment: moment[:16].replace("T", " "),
    }
    templates.globals |= {"crms": NAMES}

    def page(path: str, template: str, shown: Callable[[Store, Request], dict[str, Any]]) -> Route:
        async def endpoint(request: Request) -> Response:
            with store.request():
                try:
                    values = shown(store, request)
                except LookupError as problem:
                    return HTMLResponse(templates.get_template("missing.html").render(problem=str(problem)), 404)
            return HTMLResponse(templates.get_template(template).render(**values))

        return Route(path, endpoint)

    async def finish(request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        crm, task = request.path_params["crm"], request.path_params["id"]
        status, answer, back = form.get("status", ""), form.get("answer", "").strip(), form.get("company", "")
        there = f"/companies/{crm}/{back}" if back.isalnum() else "/"
        if status == "dismissed" and not answer:
            # Whoever reads the play's results later wants to know why it was not done. No fragment: a browser
            # that is sent to one leaves the text box without the focus.
            return RedirectResponse(f"{there}?unsaid={quote(task)}", 303)
        try:
            with store.request():
                people.finish(store, crm, task, status, answer)
        except (LookupError, ValueError) as problem:
            return HTMLResponse(templates.get_template("missing.html").render(problem=str(problem)), 404)
        return RedirectResponse(f"{there}#task-{quote(task)}", 303)

    async def disarm(_: Request) -> Response:
        with store.request():
            faults.disarm(store)
        return RedirectResponse("/limits", 303)

    return [
        page("/", "start.html", _start),
        page("/companies", "companies.html", _companies),
        page("/companies/{crm}/{id}", "company.html", _company),
        page("/log", "log.html", _log),
        page("/log/{number:int}", "call.html", _call),
        page("/limits", "limits.html", lambda store, _: _limits(store, meter)),
        Route("/faults/disarm", disarm, methods=["POST"]),
        Route("/tasks/{crm}/{id}", finish, methods=["POST"]),
    ]


def _spoken(value: Any) -> str:
    """A value as a person reads it; a dash for none."""
    if value is None or value == "":
        return "–"  # noqa: RUF001 - a typographic dash
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _day(moment: str | None) -> str:
    return (moment or "")[:10] or "–"  # noqa: RUF001 - a typographic dash


def _start(store: Store, request: Request) -> dict[str, Any]:
    tasks = overview.tasks(store, status="open")
    newest = sorted(tasks, key=lambda task: task.created_at, reverse=True)[:8]
    return {
        "counts": overview.counts(store),
        "open": {crm: sum(task.crm == crm for task in tasks) for crm in stock.CRMS},
        "newest": newest,
        "base": str(request.base_url).rstrip("/"),
        "portal": store.setting("portal_id"),
        "organisation": store.setting("salesforce_organisation"),
    }


def _crm(name: str) -> str:
    if name not in stock.CRMS:
        raise LookupError(f"There is no CRM named {name}: there are HubSpot and Salesforce")
    return name


def _companies(store: Store, request: Request) -> dict[str, Any]:
    asked = request.query_params
    crm = _crm(asked.get("crm") or "hubspot")
    chosen = {key: asked[key] for key in FILTERS if asked.get(key)}
    number = int(asked["page"]) if asked.get("page", "").isdecimal() and len(asked["page"]) < 10 else 1
    known = {column.key: column for column in overview.columns(store, crm)}
    sort = asked.get("sort") or "usage_churn_risk"
    total, found = overview.companies(
        store, crm, where=chosen, words=asked.get("q", ""), order=sort, limit=PAGE, offset=(number - 1) * PAGE
    )
    kept = {"crm": crm, "q": asked.get("q", ""), "sort": asked.get("sort", ""), **chosen}
    return {
        "crm": crm,
        "companies": found,
        "total": total,
        "figures": _figures(known),
        "filters": [
            (known[key], overview.choices(store, crm, key), chosen.get(key, "")) for key in FILTERS if key in known
        ],
        "words": asked.get("q", ""),
        "sort": sort,
        "sortable": ("usage_churn_risk", "usage_expansion_likelihood", "usage_health"),
        "first": (number - 1) * PAGE + 1 if found else 0,
        "last": (number - 1) * PAGE + len(found),
        "before": _link(kept, number - 1) if number > 1 else None,
        "after": _link(kept, number + 1) if number * PAGE < total else None,
        "sorted_link": lambda key: _link({**kept, "sort": key}, 1),
    }


def _figures(known: dict[str, Column]) -> list[tuple[Column, Column | None]]:
    """The listed fields that this CRM has; a tier without its number stands alone."""
    pairs = [(known.get(key), known.get(tier) if tier else None) for key, tier in LISTED]
    return [(figure or tier, tier if figure else None) for figure, tier in pairs if figure or tier]  # type: ignore[misc]


def _link(kept: dict[str, str], number: int) -> str:
    return "/companies?" + urlencode({name: value for name, value in {**kept, "page": str(number)}.items() if value})


def _company(store: Store, request: Request) -> dict[str, Any]:
    crm = _crm(request.path_params["crm"])
    company = overview.company(store, crm, request.path_params["id"])
    if company is None:
        raise LookupError(f"{NAMES[crm]} has no company {request.path_params['id']}")
    known = overview.columns(store, crm)
    by_key = {column.key: column for column in known}
    reasons = [column for column in known if _is_long(column, company.values.get(column.key))]
    tasks = sorted(overview.tasks(store, crm=crm, company_id=company.id), key=lambda task: task.due or "")
    changes = history.of(store, crm, company.id)
    return {
        "crm": crm,
        "company": company,
        "figures": _figures(by_key),
        "reasons": [
            (column, _lines(company.values.get(column.key)), changes.get(column.name, [])) for column in reasons
        ],
        "fields": [(column, changes.get(column.name, [])) for column in known if column not in reasons],
        "open": [task for task in tasks if task.status == "open"],
        "closed": [task for task in tasks if task.status != "open"],
        "unsaid": request.query_params.get("unsaid"),
    }


def _is_long(column: Column, value: Any) -> bool:
    return column.key.endswith("reasons") or len(str(value or "")) > 80


def _lines(value: Any) -> list[str]:
    lines = str(value or "").replace("\r", "").split("\n")
    return [line.strip().removeprefix("- ").removeprefix("• ") for line in lines if line.strip()]


def _log(store: Store, request: Request) -> dict[str, Any]:
    asked = request.query_params
    crm, struck = asked.get("crm") or None, asked.get("struck") == "true"
    return {
        "crm": _crm(crm) if crm else None,
        "struck": struck,
        "entries": traffic.entries(store, crm=crm, limit=200, struck=struck, newest_first=True),
    }


def _call(store: Store, request: Request) -> dict[str, Any]:
    number = request.path_params["number"]
    found = traffic.entry(store, number) if number < 10**18 else None
    if found is None:
        raise LookupError(f"Call {number} is not in the log; it keeps the newest {traffic.KEPT:,}")
    bodies = [("Asked", _laid_out(found["request"])), ("Answered", _laid_out(found["response"]))]
    return {"entry": found, "bodies": bodies, "route": traffic.route(found["path"].partition("?")[0])}


def _laid_out(body: str) -> str:
    """JSON with a line for each value; anything else, and JSON that was abbreviated, as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _limits(store: Store, meter: Meter) -> dict[str, Any]:
    return {
        "used": allowance.used(store, meter),
        "calls": traffic.counted(store),
        "armed": [fault for fault in faults.armed(store) if fault["left"] != 0],
        "struck": faults.struck(store)[-20:][::-1],
    }
