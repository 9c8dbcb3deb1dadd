"""Exports gone wrong: bytes flipped, lines cut, joined and torn, values of another type or size."""

import json
import random

BLANK = b" \t\r\x0b\x0c"
ODD = (
    *(
        None,
        True,
        0,
        -1,
        10**30,
        1e308,
        -0.0,
        "",
        " ",
        "null",
        "{}",
        "[",
        "-1",
        "nan",
        "9999-99-99",
        "0001-01-01T00:00:00Z",
    ),
    *(
        "2026-05-03T12:00:00Z",
        "294247-01-10",
        "\x00",
        "\u2028",
        "ﷺ" * 40,
        "'; --",
        "$device:",
        "/",
        "~",
        [],
        {},
        [[]],
        [None, 1],
    ),
    *({"": 1}, {"a": {"b": {"c": []}}}, ["x" * 300], 1777809600, 1777809600000, 2**63, "1777809600.5"),
)
BYTES = (
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\x00",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    b'"',
    b"\\",
    b"\\ud800",
    b"{",
    b"}",
    b",",
    b"\xf0\x9f\xa6\x94",
)


def mutated(lines, rows, dice):
    """The bytes of a file of `rows` lines, each a sound one or what became of one."""
    return b"\n".join(_line(dice.choice(lines), dice) for _ in range(rows)) + dice.choice((b"", b"\n"))


def not_blank(content):
    """How many rows a file of lines has, counted without any code of the project's."""
    return sum(1 for line in content.split(b"\n") if line.strip(BLANK))


def _line(line, dice):
    change = dice.choice((_same, _flipped, _cut, _doubled, _torn, _swapped, _swapped, _renumbered))
    return change(line, dice)


def _same(line, _dice):
    return line


def _flipped(line, dice):
    changed = bytearray(line)
    for _ in range(dice.randint(1, 3)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut(line, dice):
    return line[: dice.randrange(len(line))]


def _doubled(line, dice):
    start, end = sorted((dice.randrange(len(line)), dice.randrange(len(line))))
    return line[:end] + line[start:]


def _torn(line, dice):
    place = dice.randrange(len(line))
    return line[:place] + dice.choice(BYTES) + line[place:]


def _renumbered(line, dice):
    """Another event of the same kind: any digit is another one."""
    places = [place for place, byte in enumerate(line) if 48 <= byte <= 57]
    changed = bytearray(line)
    for place in dice.sample(places, min(3, len(places))):
        changed[place] = 48 + dice.randrange(10)
    return bytes(changed)


def _swapped(line, dice):
    odd = dice.choice(ODD)
    if not line.startswith(b"{"):
        values = line.split(b"\t")
        values[dice.randrange(len(values))] = (odd if isinstance(odd, str) else json.dumps(odd)).encode()
        return b"\t".join(values).replace(b"\n", b" ")
    row = json.loads(line)
    inside = dice.choice([row, *(value for value in row.values() if isinstance(value, dict) and value)])
    name = dice.choice([*inside])
    change = dice.randrange(3)
    if change == 0:
        inside[name] = odd
    elif change == 1:
        inside[str(odd)] = inside.pop(name)
    else:
        inside[name] = [inside[name]] if dice.random() < 0.5 else {name: inside[name]}
    return json.dumps(row, ensure_ascii=dice.random() < 0.5).encode()


def seeded(kind, number):
    return random.Random(f"{kind}/{number}")
