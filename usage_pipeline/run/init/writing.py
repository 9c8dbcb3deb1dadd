"""The mapping as YAML that teaches: each guess with its evidence, each open question with its choices."""

import shlex
import textwrap

from usage_pipeline.run.init.understood import Part, Understood

_WIDTH = 116
_LONG_DAYS = 4 * 365
_YEARS_KEPT = 3
_ROLES = {
    "activation": "crossing one of these within 30 days of sign-up activates an account",
    "value": "what a customer gets out of the product",
    "invite": "somebody asks a colleague in",
    "integration_added": "the product is connected with another one",
    "integration_removed": "such a connection is taken out",
    "login": "being there without doing anything: no use of a feature",
}


def written(found: Understood, output: str) -> str:
    """The whole file."""
    lines = [
        *_remark(
            f"How {found.company} is to be read, guessed by `usage-pipeline init` from the files in {found.folder}. "
            "A line that begins with # is a remark, or a choice that is left to you; lines with QUESTION are guesses to look at. "
            "docs/settings.md has every key, docs/input.md every column."
        ),
        "#   " + shlex.join(["usage-pipeline", "run", "--mapping", output, "--data", found.folder]),
        "version: 1",
        f"company: {found.company}",
        "",
        *_clock(found),
        "events:",
        *[line for part in found.events for line in _events(part)],
        *_tables(found),
        *found.outcomes,
        "",
        *_roles(found),
        "# Features of the higher plans, by name; their use tells who may expand.",
        "# premium_features: []",
        "",
        *_crm(found),
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _clock(found: Understood) -> list[str]:
    span = f" ({found.first:%Y-%m-%d} to {found.last:%Y-%m-%d})" if found.first and found.last else ""
    lines = [
        "clock:",
        *_remark(
            f"The files are an import of the past{span}: each row was known when it happened, or at its received_at. "
            'Later deliveries, one folder each, say for themselves that they are none: manifest.json with {"history": false}.',
            2,
        ),
        "  history: true",
    ]
    if found.has_zone:
        lines.append("  # time_zone: UTC   # every time found names its zone")
    else:
        lines += _remark(
            "QUESTION: times without a zone are taken as UTC. Is that right? If not: Europe/Berlin, America/New_York, ...",
            2,
        )
        lines.append("  # time_zone: UTC")
    lines.append("")
    if found.first and found.last and (found.last - found.first).days > _LONG_DAYS:
        begin = found.last.replace(year=found.last.year - _YEARS_KEPT, day=1)
        lines += _remark(
            "A long past: with a start, what came before it is one day's history, and the first run is much shorter."
        )
        lines += [f"# start: {begin:%Y-%m-%d}", ""]
    return lines


def _events(part: Part) -> list[str]:
    lines = _remark(_evidence(part), 2)
    lines += [line for question in part.questions for line in _remark(f"QUESTION: {question}", 2)]
    lines += [line for missing in part.missing for line in _remark(f"Missing: {missing}.", 2)]
    if part.sql:
        lines.append("  - format: select")
        lines += [f"    {key}: {value}" for key, value in part.keys.items()]
        lines += [f"    {choice}" for choice in part.choices]
        lines += ["    select: |", *textwrap.indent(part.sql, "      ").splitlines()]
    else:
        keys = [f"{key}: {value}" for key, value in part.keys.items()]
        lines += [f"  - {keys[0]}", *(f"    {key}" for key in keys[1:]), *(f"    {choice}" for choice in part.choices)]
    lines += [
        "    # Rows that are nobody's use are refused, each with its reason:",
        "    # exclude:",
        "    #   email_domains: [your-company.example]",
        "    #   accounts: [your-test-account]",
        "",
    ]
    return lines


def _evidence(part: Part) -> str:
    """What is not said beside the column itself."""
    beside = [one for one in part.evidence if one.rpartition("`: ")[2] not in part.sql]
    rows = "" if part.rows is None else f", {part.rows:,} rows"
    return "; ".join([f"{part.files}{rows}", *beside, *part.joins])


def _tables(found: Understood) -> list[str]:
    lines = []
    for kind in dict.fromkeys(part.taken_as for part in found.tables):
        of_kind = [part for part in found.tables if part.taken_as == kind]
        sound = [part for part in of_kind if part.sql and not part.stops]
        for part in of_kind:
            lines += _remark(_evidence(part), 2)
            lines += [line for question in part.questions for line in _remark(f"QUESTION: {question}", 2)]
            lines += [line for missing in part.missing for line in _remark(f"Missing: {missing}.", 2)]
            lines += [f"  {choice}" for choice in part.choices]
            if part.stops:
                lines += _remark(f"Left out: {part.stops}", 2)
        if sound:
            lines += _select(kind, sound)
        else:
            lines.append(f"  # {kind}: SELECT ...")
    absent = [
        kind
        for kind in ("account", "user", "subscription", "ticket", "survey")
        if kind not in {part.taken_as for part in found.tables}
    ]
    if absent:
        lines += _remark(f"Not found among the files: {', '.join(absent)}. docs/input.md has a sample of each.", 2)
    has_any = any(part.sql and not part.stops for part in found.tables)
    return ["tables:" if has_any else "# tables:", *lines, ""]


def _select(kind: str, sound: list[Part]) -> list[str]:
    if len(sound) == 1 and sound[0].keys:
        return [f"  {kind}: {{{', '.join(f'{key}: {value}' for key, value in sound[0].keys.items())}}}"]
    sql = "\nUNION ALL BY NAME\n".join(part.sql for part in sound)
    return [f"  {kind}: |", *textwrap.indent(sql, "    ").splitlines()]


def _roles(found: Understood) -> list[str]:
    if not found.names:
        return ["# roles: which event names mean what; docs/settings.md lists them.", ""]
    clear = any(is_clear for _, is_clear in found.roles.values())
    lines = [
        "# Which events mean what. Guessed by the words in their names; what is not clear waits for you.",
        "roles:" if clear else "# roles:",
    ]
    for role, meaning in _ROLES.items():
        names, is_clear = found.roles.get(role, ((), False))
        listed = ", ".join(_yaml(name) for name in names[:12])
        lines.append(f"  {'' if is_clear and names else '# '}{role}: [{listed}]   # {meaning}")
    others = [name for name in found.names if not any(name in names for names, _ in found.roles.values())]
    if others:
        lines += _remark("Further events: " + ", ".join(others[:40]) + (", ..." if len(others) > 40 else ""), 2)
    return [*lines, ""]


def _crm(found: Understood) -> list[str]:
    if found.has_crm:
        return ["# A CRM is set in the environment; the sandbox needs no companies.", "# stock_sandbox: true"]
    return [
        "# No CRM is set: the sandbox that ships with the project gets these accounts and three owners.",
        "stock_sandbox: true",
    ]


def _remark(text: str, indent: int = 0) -> list[str]:
    begin = " " * indent + "# "
    return textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=begin,
        subsequent_indent=begin,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _yaml(name: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
