"""The benchmark's figures as the page in `docs/`."""

from collections.abc import Sequence
from typing import Any

from benchmarks.delivery_goals import GOALS
from benchmarks.delivery_speed import CEILING, LATE_S
from usage_pipeline.crm.hubspot import SENDERS

Results = dict[str, Any]

_WORK = (
    ("fields", "fields of {rows}, all changed"),
    ("fields_again", "the same again"),
    ("tasks", "{rows} new tasks on their companies"),
    ("tasks_again", "the same again"),
)
_PEERS = (
    ("drt_hubspot", "HubSpot", "drt"),
    ("loop_salesforce", "Salesforce", "simple-salesforce loop"),
    ("drt_salesforce", "Salesforce", "drt (its Bulk destination)"),
)


def document(results: Results) -> str:
    machine, planner, bulk = results["machine"], results["planner"], results["bulk"]
    ran_on = ", ".join(f"{name} {value}" for name, value in machine.items() if name not in {"cores", "system"})
    return f"""# Delivery: calls, speed, planning

Written by `make bench-delivery`; all figures, routes included, are in `benchmarks/results/delivery.json`.

{goals(results)}

## Calls

{results["rows"]:,} companies with known links, {results["fields"]} changed fields each at most, counted by the sandbox itself
(`/_sandbox/calls`). A read is what asks and changes nothing, whatever its method. HubSpot takes tasks in mode A (a
unique task key), and an association is a call of its own; Salesforce takes a task with its account in one row.

{_calls(results)}

{_peers_said(results)}
{bulk["rows"]:,} changed Salesforce accounts in one delivery: {bulk["writes"]} writes, {bulk["reads"]} reads, {bulk["polls"]} polls
of the Bulk job, {bulk["logins"]} login. Reads are the organisation's id, the look for jobs that an earlier run may have left
(before the first write, and before a job is made) and the file of results.

## Speed

The sandbox enforces {results["limit"]} calls in any ten seconds, as HubSpot Professional does for a private app: {CEILING:,.0f} rows a second
at 100 rows a call. Measured is `sync.applying.apply` whole, intents and results in the ledger included. A delivery
begins on an empty window, half of which may go out at once, so a short one may come out above the ceiling. Up to {SENDERS}
batches of fields are on their way at once. In the third column the sandbox answers each call {LATE_S} s late, as a live
portal does (0.1 to 0.4 s for a batch).

{_speed(results)}

## Planning

{planner["accounts"]:,} accounts, all scored anew, the churn risk of one in a hundred moved: {planner["records_planned"]:,} records to write,
{planner["records_held_back"]:,} that differ by the day alone and are held back. Reading the ledger took {planner["ledger_seconds"]:.1f} s, comparing
{planner["planning_seconds"]:.1f} s; the process held {planner["inputs_gb"]:.2f} GB before (its imports, what is wanted and the links) and {planner["peak_gb"]:.2f} GB at its peak.

## How it is measured

* The peers are the released packages, unpatched, each in a process of its own. They ask their vendors' hosts
  (`api.hubapi.com`, `*.my.salesforce.com`); a proxy on loopback, named in their environment, leads those names to the
  sandbox's TLS port and every other name nowhere, and they trust its certificate by `SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE`.
* drt is configured as its documentation shows it: mode `full`, `match_policy: update_only`, its own ceiling of 9
  requests a second, a SQLite source, a unique property to find companies by. Its snapshot comparison needs an
  `upsert_key`, which its HubSpot destination does not have; a cursor would need a column that says what has changed.
* Whether everything arrived is read from `/_sandbox/state`, record by record, after each delivery.
* No live HubSpot and no live Salesforce was asked: the figures are about calls and about our own speed, not about theirs.
* {machine["cores"]} shared cores (load {results["load_at_start"]} at the start), {machine["system"]}; {ran_on}; {results["seconds"] / 60:.0f} minutes in all.
"""


def goals(results: Results) -> str:
    rows = [[goal.name, goal.wanted, goal.told(results), "missed" if goal.missed(results) else "met"] for goal in GOALS]
    return _table(["figure", "goal", "measured", ""], rows)


def _calls(results: Results) -> str:
    rows = []
    for crm, name in (("hubspot", "HubSpot"), ("salesforce", "Salesforce")):
        for work, words in _WORK:
            rows.append([name, "usage-pipeline", words, results["ours"][crm][work]])
    for peer, name, who in _PEERS:
        for again, words in (("", _WORK[0][1]), ("_again", _WORK[1][1])):
            if peer + again in results["peers"]:
                rows.append([name, who, words, results["peers"][peer + again]])
    head = ["CRM", "by", "work", "write calls", "reads", "logins", "seconds", "not arrived"]
    return _table(
        head,
        [
            [
                crm,
                who,
                words.format(rows=f"{results['rows']:,}"),
                *(f"{found[name]:,}" for name in ("writes", "reads", "logins")),
                f"{found['seconds']:.1f}",
                f"{found['rows_that_differ']:,}",
            ]
            for crm, who, words, found in rows
        ],
    )


def _peers_said(results: Results) -> str:
    """What a peer that failed had to say."""
    failed = [(who, results["peers"][peer]) for peer, _, who in _PEERS if results["peers"][peer]["exit"]]
    return "".join(f"{who} ended with exit code {found['exit']}: `{found['said']}`.\n\n" for who, found in failed)


def _speed(results: Results) -> str:
    columns = [results["speed"][name] for name in ("alone", "beside_another", "late_answers")]
    rows = [
        (words, *(shown.format(one[name]) for one in columns))
        for words, name, shown in (
            ("changed companies", "rows", "{:,}"),
            ("changed fields", "changes", "{:,}"),
            ("planned in seconds", "plan_seconds", "{:.1f}"),
            ("applied in seconds", "apply_seconds", "{:.1f}"),
            ("of which until the first batch was answered", "first_batch_after_seconds", "{:.1f}"),
            ("our own processor time in seconds", "processor_seconds", "{:.1f}"),
            ("the sandbox's answer to a full batch in milliseconds", "answer_ms", "{:.0f}"),
            ("rows a second", "rows_per_second", "{:,.0f}"),
            ("of the ceiling", "share_of_ceiling", "{:.1%}"),
            ("write calls", "write_calls", "{:,}"),
            ("of which refused with 429", "write_calls_refused", "{:,}"),
            ("calls of the other client", "calls_of_others", "{:,}"),
            ("of which refused with 429", "calls_of_others_refused", "{:,}"),
            ("changes that did not arrive", "changes_lost", "{:,}"),
        )
    ]
    return _table(["", "alone", "beside another client", f"answers {LATE_S} s late"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
