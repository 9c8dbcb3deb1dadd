"""The documents say what the project does: printed tables, commands, links, names."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from benchmarks import print_docs
from usage_pipeline.cli import main as cli
from usage_pipeline.crm.rejections import Cause
from usage_pipeline.defs import automation, jobs, tables
from usage_pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def heading_anchors(page):
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", print_docs.PAGES)
def test_a_printed_page_says_what_the_catalogues_say_now(name):
    assert (DOCS / name).read_text(encoding="utf-8") == print_docs.PAGES[name](), "run `make docs`"


def test_every_setting_and_every_key_of_a_mapping_says_what_it_is():
    assert re.findall(r"^\| (`\w+`) \|.*\|\s*\|$", print_docs.settings_page(), re.MULTILINE) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", text(name)):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{name} links to {link}"
        if anchor:
            assert anchor in heading_anchors(target), f"{name} links to {link}"


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_named_exists(name):
    targets = set(re.findall(r"^([a-z-]+):.*##", text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`", text(name))) | set(
        re.findall(r"^make ([a-z-]+)", text(name), re.MULTILINE)
    )
    assert named <= targets


def commands():
    """Every command by its words on the terminal, and the options that it takes."""
    door = typer.main.get_command(cli.app)
    found = {}
    for name, command in door.commands.items():
        for words, one in {f"{name} {sub}": two for sub, two in getattr(command, "commands", {}).items()}.items() or {
            name: command
        }.items():
            found[words] = {option for parameter in one.params for option in parameter.opts}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_named_exists(name):
    known = commands()
    for line in re.findall(r"usage-pipeline ([a-z][^\n`;|#]*)", text(name)):
        words = line.split()
        command = next((words_known for words_known in (" ".join(words[:2]), words[0]) if words_known in known), None)
        assert command, f"{name} names usage-pipeline {line}"
        assert set(re.findall(r"--[a-z-]+", line)) <= known[command], f"{name}: usage-pipeline {line}"


@pytest.mark.parametrize("words", sorted(commands()))
def test_the_help_text_of_every_command_opens(words):
    assert CliRunner().invoke(cli.app, [*words.split(), "--help"]).exit_code == 0


def test_every_setting_stands_in_the_example_and_every_one_there_exists():
    listed = set(re.findall(r"^(USAGE_[A-Z_]+)=", text(".env.example"), re.MULTILINE))
    assert listed == {f"USAGE_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("name", ["README.md", "docs/runbook.md", "docs/way-of-the-data.md", "docs/input.md"])
def test_every_setting_named_exists(name):
    known = {f"USAGE_{setting.upper()}" for setting in Settings.model_fields} | {"USAGE_SHARED_DATA"}
    assert set(re.findall(r"\bUSAGE_[A-Z_]+[A-Z]", text(name))) <= known


@pytest.mark.parametrize("name", ["docs/runbook.md", "docs/way-of-the-data.md"])
def test_every_table_named_exists(name):
    stages = "|".join(stage.__name__.split(".")[1] for stage in tables.STAGES)
    of_assets = {"sync/plan"}
    named = set(re.findall(rf"`(?:lake/)?((?:{stages})/[a-z_]+)[`:]", text(name)))
    assert named <= set(tables.BY_KEY) | of_assets


def test_the_way_of_the_data_has_a_section_per_stage_in_its_order():
    stages = [stage.__name__.split(".")[1] for stage in tables.STAGES]
    assert re.findall(r"^## (.+)$", text("docs/way-of-the-data.md"), re.MULTILINE) == [*stages, "reports"]


def test_the_runbook_knows_every_cause_schedule_sensor_and_job():
    runbook = text("docs/runbook.md")
    named = [cause.value for cause in Cause]
    named += [job.name for job in vars(jobs).values() if hasattr(job, "selection") and hasattr(job, "name")]
    named += [
        one.name
        for one in vars(automation).values()
        if type(one).__name__.endswith(("Schedule", "ScheduleDefinition", "SensorDefinition"))
    ]
    assert len(named) > len(Cause) + 5
    assert [name for name in named if f"`{name}`" not in runbook] == []


def test_the_runbook_knows_every_check():
    from usage_pipeline.definitions import defs

    checks = {
        f"{key.asset_key.to_user_string()}: {key.name}"
        for check in defs().asset_checks or ()
        for key in check.check_keys
    }
    assert checks
    assert [check for check in sorted(checks) if f"`{check}`" not in text("docs/runbook.md")] == []


def test_no_picture_is_binary_or_large():
    for picture in (DOCS / "images").iterdir():
        assert picture.suffix == ".svg"
        assert picture.stat().st_size < 400_000
        assert b"\x00" not in picture.read_bytes()
