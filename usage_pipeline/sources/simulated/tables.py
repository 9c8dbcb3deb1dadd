"""The tables of a delivery: what changed on a day, as rows of CSV."""

from collections.abc import Iterator

import numpy as np

from usage_pipeline.sources.simulated import customers, people, product, voices
from usage_pipeline.sources.simulated.activity import DAY_MS
from usage_pipeline.sources.simulated.company import Company, Day
from usage_pipeline.sources.simulated.draws import Ints

HEADERS = {
    "accounts": "account_id,name,domain,industry,country,employees,time_zone,owner_email,created_at,valid_from",
    "users": "user_id,account_id,email,role,created_at",
    "subscriptions": "subscription_id,account_id,changed_at,status,plan,plan_rank,seats,mrr_minor,currency,"
    "term_months,renews_on,auto_renew",
    "tickets": "ticket_id,account_id,opened_at,closed_at,priority,satisfaction",
    "surveys": "response_id,account_id,user_id,kind,score,answered_at",
}
_SECOND_MS = 1000


def rows(company: Company, day: Day, number: int) -> dict[str, list[str]]:
    """The rows of each table that a day (`number` days after 1970) adds; all five are named."""
    return {
        "accounts": list(_accounts(company, day, number)),
        "users": list(_users(company, day, number)),
        "subscriptions": list(_subscriptions(company, day, number)),
        "tickets": list(_tickets(day)),
        "surveys": list(_surveys(day)),
    }


def moment(ms: int) -> str:
    """`2026-05-04 08:30:00`, UTC."""
    return str(np.datetime64(ms // _SECOND_MS, "s")).replace("T", " ")


def signed_up_at(day: int) -> str:
    # Before anything that happens on the day.
    return moment(day * DAY_MS + 30_000)


def _accounts(company: Company, day: Day, number: int) -> Iterator[str]:
    new = {position: signed_up_at(number) for position in day.signed_up.tolist()}
    moved = {
        position: moment(number * DAY_MS + 32_400_000) for position in day.reassigned.tolist() if position not in new
    }
    for position, valid_from in (new | moved).items():
        account = company.accounts[position]
        country = product.COUNTRIES[account["country"]]
        industry = int(account["industry"])
        yield ",".join(
            (
                customers.account_id(position),
                customers.name(position, industry),
                customers.domain(position, industry),
                product.INDUSTRIES[industry].name,
                country.code,
                str(account["employees"]),
                country.zone,
                product.CSMS[account["owner"]],
                signed_up_at(int(account["created"])),
                valid_from,
            )
        )


def _users(company: Company, day: Day, number: int) -> Iterator[str]:
    created_at = moment(number * DAY_MS + 60_000)
    for user in company.users[day.joined]:
        position = int(user["account"])
        domain = customers.domain(position, int(company.accounts["industry"][position]))
        person = people.user_id(int(user["key"]))
        yield f"{person},{customers.account_id(position)},{person}@{domain},{product.ROLES[user['role']]},{created_at}"


def _subscriptions(company: Company, day: Day, number: int) -> Iterator[str]:
    new = day.signed_up
    positions: Ints = np.unique(np.concatenate([new, day.changes.all])).astype(np.int64)
    accounts = company.accounts[positions]
    prices = customers.mrr_minor(accounts)
    is_new = np.isin(positions, new)
    for account, mrr, fresh in zip(accounts, prices.tolist(), is_new.tolist(), strict=True):
        position = int(account["number"])
        ended = account["ended"] >= 0
        status = "cancelled" if ended else "trial" if account["is_trial"] else "active"
        # Billing works at night for sign-ups, in office hours for everything else.
        at = 30_000 if fresh else 36_000_000 + position % 360 * 60_000
        yield ",".join(
            (
                f"sub-{position:06d}",
                customers.account_id(position),
                moment(number * DAY_MS + at),
                status,
                product.PLANS[account["plan"]].name,
                str(account["plan"]),
                str(account["seats"]),
                str(0 if ended else mrr),
                product.COUNTRIES[account["country"]].currency,
                str(account["term_months"]),
                "" if ended else str(np.datetime64(int(account["renews"]), "D")),
                "true" if account["auto_renew"] else "false",
            )
        )


def _tickets(day: Day) -> Iterator[str]:
    closed = set(day.closed["number"].tolist())
    for ticket in day.opened:
        if int(ticket["number"]) not in closed:
            yield _ticket(ticket, is_closed=False)
    for ticket in day.closed:
        yield _ticket(ticket, is_closed=True)


def _ticket(ticket: np.void, *, is_closed: bool) -> str:
    rated = is_closed and ticket["satisfaction"] > 0
    return ",".join(
        (
            f"tic-{ticket['number']}",
            customers.account_id(int(ticket["account"])),
            moment(int(ticket["opened_ms"])),
            moment(int(ticket["closed_ms"])) if is_closed else "",
            voices.PRIORITIES[ticket["priority"]],
            str(ticket["satisfaction"]) if rated else "",
        )
    )


def _surveys(day: Day) -> Iterator[str]:
    for answer in day.answers:
        account = int(answer["account"])
        person = people.user_id(int(answer["user"]))
        ms = int(answer["ms"])
        yield f"nps-{ms // DAY_MS:x}-{account:06d},{customers.account_id(account)},{person},nps,{answer['score']},{moment(ms)}"
