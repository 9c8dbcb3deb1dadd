"""The benchmark's figures as Markdown: a table for the terminal, and the page in `docs/`."""

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks import simulated_goals, simulated_seed
from usage_pipeline.sources.simulated import mess

Seed = dict

_COLUMNS: tuple[tuple[str, Callable[[Seed], str]], ...] = (
    ("seed", lambda one: str(one["seed"])),
    ("judged rows", lambda one: f"{one['judged_rows']:,}"),
    ("churned", lambda one: f"{one['base_rate']:.1%}"),
    ("model", lambda one: one["rung"]),
    ("average precision", lambda one: f"{one['average_precision']:.3f}"),
    ("of the rule", lambda one: f"{one['rule_average_precision']:.3f}"),
    ("ceiling", lambda one: f"{one['ceiling_average_precision']:.3f}"),
    ("AUC", lambda one: f"{one['auc']:.3f}"),
    ("of the rule", lambda one: f"{one['rule_auc']:.3f}"),
    ("ceiling", lambda one: f"{one['ceiling_auc']:.3f}"),
    ("lift in the first tenth", lambda one: f"{one['lift_at_tenth']:.2f}"),
    ("calibration slope", lambda one: f"{one['calibration_slope']:.2f}"),
    (
        "Brier skill (95 % interval)",
        lambda one: f"{one['brier_skill']:.3f} ({one['brier_skill_low']:.3f} to {one['brier_skill_high']:.3f})",
    ),
)
_SUMMED = (
    ("average precision", "average_precision"),
    ("average precision of the rule", "rule_average_precision"),
    ("average precision of the logistic regression", "logistic_average_precision"),
    ("average precision of the generator's hazard (ceiling)", "ceiling_average_precision"),
    ("AUC", "auc"),
    ("AUC of the rule", "rule_auc"),
    ("AUC of the generator's hazard (ceiling)", "ceiling_auc"),
    ("lift in the first tenth", "lift_at_tenth"),
    ("lift in the first tenth of the generator's hazard (ceiling)", "ceiling_lift_at_tenth"),
    ("calibration slope", "calibration_slope"),
    ("calibration error", "calibration_error"),
    ("Brier skill", "brier_skill"),
    ("Brier skill, lower end of its interval", "brier_skill_low"),
)


def of_seeds(seeds: Sequence[Seed]) -> str:
    """One row per seed: the churn model, the rule, the ceiling."""
    return _table([name for name, _ in _COLUMNS], [[show(one) for _, show in _COLUMNS] for one in seeds])


def document(seeds: Sequence[Seed]) -> str:
    """The page in `docs/`."""
    first = seeds[0]
    machine = first["machine"]
    ran_on = ", ".join(f"{name} {value}" for name, value in machine.items() if name not in {"cores", "system"})
    return f"""# Models on simulated companies

Written by `make bench-sim`; the figures of each seed are in `benchmarks/results/simulated.json`.

{len(seeds)} companies of {first["accounts"]:,} accounts live for two years (`usage_pipeline/sources/simulated`), and
their use goes through the same code as anybody's: `usage`, `features`, `labels`, `models`. All figures are of
judged mornings, which are used for nothing else and lie {first["embargo_days"]} days or more after every morning that was
learned from. The rule is the fall of weekly active users over two weeks, as a continuous score. The ceiling is the
generator's own chance of churn within 90 days on the same rows: nobody could know more on that morning.

## Goals

{_goals(seeds)}

## Churn within 90 days, by seed

{of_seeds(seeds)}

Over all seeds:

{_summed(seeds, "")}

## Expansion within 90 days

No goal is set for it; the rule is the rise of weekly active users. Over all seeds:

{_summed(seeds, "expansion_")}

## How it is measured

* Every fourth of the weekly mornings ({first["mornings"]} with known labels, of which the last
  {first["judged_mornings"]} are judged). Training by itself thins mornings only beyond 120,000 rows.
* Events are taken as the generator makes them and turned into rows of `events/event` directly: as JSON through the
  landing they would take longer than the models do, and come out as the same rows. {mess.LATE:.0%} of them come late, as in a delivery; the other faults of delivery
  (copies, broken lines, browsers that are known only later) are left out, so the figures say nothing of them: the
  landing is tested elsewhere. The tables of accounts, users, subscriptions, tickets and surveys go through the mapping.
* Nobody acts on the scores: no treatment changes an account.
* Intervals are bootstraps over accounts. The seeds of the companies are 1 to {len(seeds)}; the training's seed is always
  {simulated_seed.TRAINING_SEED}.
* {median(one["seconds"] for one in seeds):.0f} seconds and {max(one["memory_gb"] for one in seeds):.1f} GB per seed, one thread each, on
  {machine["cores"]} shared cores ({machine["system"]}); {ran_on}.
"""


def _goals(seeds: Sequence[Seed]) -> str:
    rows = [
        [goal.name, goal.wanted, f"{goal.figure(list(seeds)):.3f}", "missed" if goal.missed(list(seeds)) else "met"]
        for goal in simulated_goals.GOALS
    ]
    return _table(["figure (median of the seeds)", "goal", "measured", ""], rows)


def _summed(seeds: Sequence[Seed], prefix: str) -> str:
    rows = []
    for name, key in _SUMMED:
        values = [one[prefix + key] for one in seeds]
        rows.append([name, *(f"{figure(values):.3f}" for figure in (median, min, max))])
    return _table(["figure", "median", "lowest", "highest"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
