"""How good the models are on real and foreign data: `make bench-models [TRAIN=DIR TEST=DIR]`.

Each subfolder of the data folder that has a mapping of its name in `examples/` is landed, rolled up and turned into
features as any company's input is, then every rung of the ladder is trained and judged: on the last quarter of its
own mornings; on kinds of accounts that were never trained on; and with outcomes dealt to other accounts, where
nothing is left to be learned. With TRAIN and TEST what is in both is trained in one and judged in the other, on the
mornings that the labels in TEST name. Prints one table and writes it as `results/models.json`; without TRAIN and TEST
also as `docs/bench-models.md`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import models_data, models_judged, models_table
from benchmarks.code_mark import ROOT
from benchmarks.models_judged import CHOICE
from benchmarks.simulated import machine
from usage_pipeline.company import Outcome
from usage_pipeline.errors import Rejected

RESULTS = ROOT / "benchmarks" / "results" / "models.json"
PAGE = ROOT / "docs" / "bench-models.md"
MAPPINGS = ROOT / "examples"
DATA = ROOT.parent / "shared" / "data"
Row = dict[str, Any]


def main() -> int:
    options = _options()
    started = time.monotonic()
    rows: list[Row] = []
    try:
        for name in _names(options):
            found = list(_transferred(name, options) if options.train else _measured(name, options))
            Console().print(models_table.table(name, found))
            rows += found
    except Rejected as refused:
        print(f"bench-models: {refused}", file=sys.stderr)
        return 1
    document = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "machine": machine(),
        "seconds": round(time.monotonic() - started),
        "trained_in": "TRAIN" if options.train else "the data's own earlier mornings",
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if not options.train and not options.only:
        PAGE.write_text(models_table.document(document), encoding="utf-8")
    print(f"{len(rows)} rows in {RESULTS.relative_to(ROOT)}, {document['seconds']} s")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder with one subfolder per data set (%(default)s)")
    parser.add_argument("--train", type=Path, help="such a folder to train in; needs --test")
    parser.add_argument("--test", type=Path, help="such a folder to judge in; needs --train")
    parser.add_argument("--only", action="append", default=[], help="this data set alone; may be repeated")
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path(tempfile.gettempdir()) / "usage-bench-models",
        help="where features are kept, and used again if data, mapping and code are the same (%(default)s)",
    )
    options = parser.parse_args()
    if bool(options.train) != bool(options.test):
        parser.error("--train and --test go together")
    return options


def _names(options: argparse.Namespace) -> list[str]:
    """The data sets that are there and have a mapping; `Rejected` where there are none."""
    folders = [options.train, options.test] if options.train else [options.data]
    names = [
        mapping.stem
        for mapping in sorted(MAPPINGS.glob("*.yaml"))
        if all((folder / mapping.stem).is_dir() for folder in folders)
        and mapping.stem in (options.only or [mapping.stem])
    ]
    if not names:
        known = ", ".join(sorted(path.stem for path in MAPPINGS.glob("*.yaml")))
        raise Rejected(
            f"no data set in {' and '.join(map(str, folders))}",
            fix=f"a subfolder named like a mapping in examples/ ({known}) holds one",
        )
    return names


def _teller(what: str) -> models_data.Progress:
    started = time.monotonic()
    return lambda words: print(f"{what}: {words} ({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)


def _measured(name: str, options: argparse.Namespace) -> Iterator[Row]:
    data = models_data.made(options.data / name, MAPPINGS / f"{name}.yaml", options.scratch, _teller(name))
    for outcome, stated in data.company.outcomes.items():
        begun = {"data": name, "outcome": outcome}
        try:
            split = models_judged.by_time(outcome, stated, data)
        except Rejected as lacking:
            yield begun | {"model": CHOICE, "has_skill": False, "why": str(lacking)}
            continue
        yield from _rows(begun, stated, data, [split])
        dealt = models_judged.permuted(split)
        yield from _rows(begun | {"data": f"{name}, permuted labels"}, stated, data, [dealt], only=CHOICE)
        others = models_judged.by_group(split)
        if len(others) > 1:
            yield from _rows(begun | {"data": f"{name}, kinds never trained on"}, stated, data, others)


def _transferred(name: str, options: argparse.Namespace) -> Iterator[Row]:
    mapping = MAPPINGS / f"{name}.yaml"
    train, test = (
        models_data.labels(folder / name, mapping, options.scratch, _teller(f"{name} in {where}"))
        for where, folder in (("TRAIN", options.train), ("TEST", options.test))
    )
    both = models_data.united(options.train / name, options.test / name, options.scratch / "united" / name)
    whole = models_data.made(both, mapping, options.scratch, _teller(f"{name} in both"))
    for outcome, stated in whole.company.outcomes.items():
        begun = {"data": name, "outcome": outcome}
        try:
            split = models_judged.by_folder(outcome, stated, whole, train, test)
        except Rejected as lacking:
            yield begun | {"model": CHOICE, "has_skill": False, "why": str(lacking)}
            continue
        yield from _rows(begun, stated, whole, [split])


def _rows(
    begun: Row, outcome: Outcome, data: models_data.Data, splits: list[models_judged.Split], only: str = ""
) -> Iterator[Row]:
    """A row per model; the one of the choice says whether it shows skill."""
    fitted = [models_judged.fitted(outcome, data, split) for split in splits]
    pairs = list(zip(fitted, splits, strict=True))
    for row in models_judged.judged(outcome, pairs):
        if only in ("", row["model"]):
            said: Row = {}
            if row["model"] == CHOICE and len(splits) == 1:
                verdict = models_judged.verdict(outcome, *pairs[0])
                said = {"has_skill": verdict.has_skill, "why": verdict.skill_reason}
            yield begun | row | said | {"split": splits[0].why}


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(asked, cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
