"""A mapping says where its inputs lie, and holds no secret."""

import re
from pathlib import Path

import pytest
import yaml

from usage_pipeline import company
from usage_pipeline.errors import Rejected

INPUT = Path(__file__).parents[2] / "docs" / "input.md"
SOUND = "company: acme\nevents: [{format: segment}]\n"


def load(tmp_path, fetch):
    file = tmp_path / "acme.yaml"
    file.write_text(SOUND + fetch)
    return company.load(file)


@pytest.mark.parametrize(
    ("fetch", "said"),
    [
        ("{name: a, url: 's3://b/*', database: SHOP_SQL, table: t}", "one of them"),
        ("{name: a}", "one of them"),
        ("{name: a, url: exports/*}", "begins with its protocol"),
        ("{name: a, url: 's3://key:a-secret-word@b/*'}", "put it into the environment"),
        ("{name: a, url: 'https://b/x.csv?sig=a-secret-word'}", "put it into the environment"),
        ("{name: a, url: 's3://b/*', options: {secret: a-secret-word}}", "name an environment variable"),
        ("{name: a, database: 'postgresql://u:a-secret-word@h/d', table: t}", "name an environment variable"),
        ("{name: a, database: SHOP_SQL}", "table or query"),
        ("{name: a, database: SHOP_SQL, table: t, query: SELECT 1}", "table or query"),
        ("{name: a, database: SHOP_SQL, table: t, overlap: 2h}", "overlap: nothing to do with database without cursor"),
        ("{name: a, database: SHOP_SQL, table: t, cursor: c, together: true}", "together: nothing to do with database"),
        ("{name: a, url: 's3://b/*', cursor: c}", "cursor: nothing to do with url"),
        ("{name: a, url: 's3://b/*', as_table: true, together: true}", "exclude each other"),
        ("{name: a, database: SHOP_SQL, table: t, cursor: c, overlap: two hours}", "overlap"),
        ("{name: ../a, url: 's3://b/*'}", "name"),
    ],
)
def test_a_fetch_that_cannot_work_is_refused_with_its_line_and_without_its_secret(tmp_path, fetch, said):
    with pytest.raises(Rejected, match=rf"acme\.yaml:4: fetch\.0.*{re.escape(said)}") as refused:
        load(tmp_path, f"fetch:\n  - {fetch}\n")
    assert "a-secret-word" not in str(refused.value)


def test_two_sources_of_one_name_are_refused(tmp_path):
    with pytest.raises(Rejected, match="usage is the name of several"):
        load(tmp_path, "fetch:\n  - {name: usage, url: 's3://b/*'}\n  - {name: usage, url: 's3://c/*'}\n")


def test_an_overlap_may_be_a_plain_number(tmp_path):
    loaded = load(tmp_path, "fetch:\n  - {name: a, database: SHOP_SQL, table: t, cursor: id, overlap: 50}\n")
    assert loaded.fetch[0].overlap == "50"


def test_the_samples_of_the_document_are_sound(tmp_path):
    section = INPUT.read_text().split("## Inputs that lie elsewhere")[1].split("\n## ")[0]
    samples = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    for sample in samples:
        loaded = load(tmp_path, yaml.safe_dump({"fetch": yaml.safe_load(sample)["fetch"]}))
        assert loaded.fetch
    assert len(samples) == 3
