"""The benchmark's figures as the page in `docs/`."""

from collections.abc import Sequence
from typing import Any

from benchmarks.engine_goals import GOALS, middle

Results = dict[str, Any]


def document(results: Results) -> str:
    machine, features = results["machine"], results["features"]
    ran_on = ", ".join(
        f"{name} {value}" for name, value in machine.items() if name not in {"cores", "system", "memory_gb"}
    )
    return f"""# The data engine: speed, memory, growth

Written by `make bench-engine`; all figures, every single run included, are in `benchmarks/results/engine.json`. Figures are
medians of {results["runs"]} runs, in which ours and the others' take turns.

{goals(results)}

![bars and lines of the figures below](images/bench-engine.png)

## Landing

{results["events"]:,} events in {results["days_of_events"]} files of gzip JSON lines ({results["landing"]["packed_bytes"] / 1e6:,.0f} MB, made from a seed by
`benchmarks/engine_events.py`). Ours is what a first run does: judge every line, write events, duplicates and refused
lines with their account, carry the sums, link identities, write the seven tables of `usage`. The other is DuckDB's
`read_json` that takes out the same fields and keeps nothing. Processor seconds are those of all threads.

{_landing(results["landing"], results["events"])}

{_steps(results["landing"]["ours"])}

{_full(results)}## Rollups

The seven tables of `usage` from {results["rollups"]["events"]:,} events that count, in day partitions, to a Parquet file each. Every table
is compared row for row; the benchmark stops where one differs.

{_rollups(results["rollups"])}

## A day more

{results["days"]["events_per_day"]:,} events a day; the same files are added behind histories of different length, from landing to
rollups. The features of the next morning look back on their windows and on every first use, and are told beside it.

{_days(results["days"])}

## Features

Rollups of {features["accounts"]:,} accounts over a year ({features["user_days"]:,} user-days) that hashes make up
(`benchmarks/engine_world.py`), read from the lake and written into one. The 52 mornings are made as
`features/training_snapshot` makes them, the one as `features/account_snapshot`.

{_features(features)}

## How it is measured

* Each measure is a process of its own; its peak memory is what the system says (`VmHWM`), libraries included. Inputs are
  made before, and the start of Python and its imports are not counted, except where the definitions are opened.
* DuckDB may take two threads and 1 GB before it spills to disk, the package's own setting; Polars may take as many
  threads.
* {machine["cores"]} shared cores, {machine["memory_gb"]} GB (load {results["load_at_start"]} at the start), {machine["system"]}; {ran_on}; {results["seconds"] / 60:.0f} minutes in all.
"""


def goals(results: Results) -> str:
    rows = [[goal.name, goal.wanted, goal.told(results), goal.verdict(results)] for goal in GOALS]
    return _table(["figure", "goal", "measured", ""], rows)


def _landing(landing: Results, events: int) -> str:
    rows = []
    for name, words in (("ours", "landing to rollups"), ("parse", "DuckDB only parsing")):
        runs = landing[name]
        rows.append(
            [
                words,
                f"{middle(runs) / middle(landing['parse']):.1f}",
                f"{middle(runs, 'processor_seconds') / middle(landing['parse'], 'processor_seconds'):.1f}",
                f"{events / middle(runs):,.0f}",
                *_took(runs),
            ]
        )
    head = ["", "times the parsing", "in processor seconds", "events a second", *_TOOK]
    return _table(head, rows)


def _steps(runs: list[Results]) -> str:
    names = list(runs[0]["steps"])
    rows = []
    for name in names:
        of_step = [one["steps"][name] for one in runs]
        rows.append([name, f"{middle(of_step):.2f}", f"{middle(of_step, 'processor_seconds'):.2f}"])
    return _table(["step of ours", "seconds", "processor seconds"], rows)


def _full(results: Results) -> str:
    full = results.get("full")
    if not full:
        return ""
    landing, (one,) = full["landing"], full["one_morning"]
    return f"""{landing["events"]:,} events at once, DuckDB limited to 2 GB, one run: {landing["minutes"]:.1f} minutes, {landing["peak_gb"]:.2f} GB at the peak; parsing
them took {landing["parse_seconds"]:.0f} s. One morning of {full["accounts"]:,} accounts: {one["seconds"]:.1f} s, {one["peak_gb"]:.2f} GB (load {full["load_at_start"]} at the start).

"""


def _rollups(rollups: Results) -> str:
    rows = [
        [words, f"{middle(rollups[name]) / middle(rollups['ours']):.2f}", *_took(rollups[name])]
        for name, words in (("ours", "ours (Ibis on DuckDB)"), ("polars", "Polars, streaming"), ("pandas", "pandas"))
    ]
    sizes = ", ".join(f"{name} {count:,}" for name, count in rollups["tables"].items())
    return _table(["", "times ours", *_TOOK], rows) + f"\n\nRows: {sizes}."


def _days(days: Results) -> str:
    least = min(days["histories"], key=int)
    rows = [
        [
            f"{int(history):,}",
            f"{middle(runs) / middle(days['histories'][least]):.2f}",
            *_took(runs),
            f"{middle([one['morning'] for one in runs]):.2f}",
        ]
        for history, runs in sorted(days["histories"].items(), key=lambda one: int(one[0]))
    ]
    return _table(["days before", f"times that after {least}", *_TOOK, "features of the next morning, seconds"], rows)


def _features(features: Results) -> str:
    rows = [
        [f"{features['accounts']:,}", str(features["many"][0]["mornings"]), *_took(features["many"])],
        *([f"{int(accounts):,}", "1", *_took(runs)] for accounts, runs in features["one"].items()),
    ]
    return _table(["accounts", "mornings", *_TOOK], rows)


_TOOK = ["seconds", "processor seconds", "peak GB"]


def _took(runs: list[Results]) -> list[str]:
    return [
        f"{middle(runs):.2f}",
        f"{middle(runs, 'processor_seconds'):.2f}",
        f"{middle(runs, 'peak_gb'):.2f}",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
