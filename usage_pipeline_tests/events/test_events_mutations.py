"""Whatever an export becomes on its way: no crash, every line accounted for, memory that does not grow.

2 million rows over all formats in `make soak`, a tenth in `make test-all`, a hundredth in `make test`.
"""

import gzip
import json
import os
import resource

import pyarrow as pa
import pytest
from export_mutations import mutated, not_blank, seeded
from export_samples import FORMATS, ONE, archive, judged_rows, land_export, mapping, sample
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from landing_builders import a_lake, deliver, text

from usage_pipeline.events import catalogue

ROWS = 2_000_000 if os.environ.get("SOAK") else 200_000
PER_FILE = 10_000
EXCLUDE = {
    "user_agents": ("bot",),
    "email_domains": ("vendor.example",),
    "accounts": ("a9",),
    "users": ("u9",),
    "names": ("x",),
}

PACKED = {
    "gz": gzip.compress,
    "zst": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
    "zip": lambda content: archive({"one.json": content, "two.json.gz": content}),
}


def check(folder, kind, content, *, received=None, file=None):
    """Land it, and hold what the lake has against what came in."""
    lake = a_lake(folder)
    deliver(folder / "in", content, file=file or ("events.tsv" if kind == "snowplow" else "events.jsonl"))
    account = land_export(folder / "in", lake, mapping(kind, exclude=EXCLUDE))
    held = {
        table.name: lake.backend.execute(lake.read(table).count())
        for table in (catalogue.EVENT, catalogue.IDENTITY_CALL, catalogue.REJECTED)
    }
    assert held["event"] + held["identity_call"] == account.accepted + account.duplicates
    assert held["rejected"] == account.rejected
    assert received is None or account.received == received
    return account


def a_file(kind, rows, number):
    """A sound first line, so that no byte of it says that the file is packed, and mutated ones."""
    dice = seeded(kind, number)
    sound = [*sample(kind).splitlines(), *(ONE[kind](minute).encode() for minute in range(10, 60))]
    return text(ONE[kind](1)) + mutated(sound, rows, dice)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_mutated_line_is_accounted_for(tmp_path, kind):
    content = a_file(kind, 4_000, "few")
    account = check(tmp_path, kind, content, received=not_blank(content))
    assert min(account.accepted, account.duplicates, account.rejected) > 50


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", FORMATS)
def test_very_many_mutated_lines_are_accounted_for_in_bounded_memory(tmp_path, kind):
    files = ROWS // len(FORMATS) // PER_FILE
    peaks = []
    for number in range(files):
        content = a_file(kind, PER_FILE, number)
        check(tmp_path / str(number), kind, content, received=not_blank(content))
        if number % 5 == 3:
            packed = PACKED[seeded(kind, number).choice(("gz", "zst"))](content)
            check(tmp_path / f"{number}-cut-off", kind, packed[: len(packed) * 2 // 3])
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    # After the first files nothing more is needed than for one; in KiB.
    assert peaks[-1] - peaks[min(3, files - 1)] < 300 * 1024


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("damage", range(4))
def test_a_damaged_packed_file_is_accounted_for(tmp_path, packing, damage):
    dice = seeded(packing, damage)
    packed = bytearray(
        PACKED[packing](text(*(ONE["amplitude"](number % 60, uuid=str(number)) for number in range(3_000))))
    )
    if damage % 2:
        packed = packed[: dice.randrange(8, len(packed))]
    else:
        for _ in range(3):
            packed[dice.randrange(8, len(packed))] ^= 1 << dice.randrange(8)
    account = check(tmp_path, "amplitude", bytes(packed), file=f"events.{packing}")
    assert account.rejected > 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "snowplow"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_field_is_a_row_or_a_reason(tmp_path_factory, kind, data):
    row = json.loads(ONE[kind](1))
    places = [(row, name) for name in row]
    places += [(value, name) for value in row.values() if isinstance(value, dict) for name in value]
    for inside, name in data.draw(
        st.lists(st.sampled_from(places), min_size=1, max_size=4, unique_by=id), label="places"
    ):
        inside[name] = data.draw(JSON, label=name)
    folder = tmp_path_factory.mktemp("any")
    deliver(folder, text(json.dumps(row), ONE[kind](2)))
    valid, refused = judged_rows(folder, mapping(kind, exclude=EXCLUDE))
    assert valid + refused == 2
    assert valid >= 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.integers(0, 130),
        st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), max_size=8),
        max_size=5,
    )
)
def test_any_text_in_any_snowplow_column_is_a_row_or_a_reason(tmp_path_factory, changes):
    values = ONE["snowplow"](1).split("\t")
    for place, value in changes.items():
        values[place] = value
    folder = tmp_path_factory.mktemp("any")
    deliver(folder, text("\t".join(values), ONE["snowplow"](2)), file="events.tsv")
    valid, refused = judged_rows(folder, mapping("snowplow", exclude=EXCLUDE))
    assert valid + refused == 2
    assert valid >= 1
