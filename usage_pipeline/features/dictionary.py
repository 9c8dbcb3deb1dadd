"""The printed tables of features for the documents, made from the catalogue."""

from usage_pipeline.features import catalogue

KEY = (
    "days_since_last_use",
    "active_days_28d",
    "uses_28d",
    "uses_change_28d",
    "wau_change_2w",
    "dau_mau_28d",
    "features_share_28d",
    "seat_use_28d",
    "top_user_share_28d",
    "value_events_28d",
    "tickets_90d",
    "days_to_renewal",
)
"""The twelve that people are shown first: recency, frequency, volume, trend, people, breadth, value, trouble, term."""


def markdown() -> str:
    """A Markdown table, one line per feature in the catalogue's order."""
    lines = ["| feature | type | group | meaning | unit | for models | requirement |", "|---|---|---|---|---|---|---|"]
    for feature in catalogue.FEATURES:
        use = "yes" if feature.is_input else "no"
        cells = (
            f"`{feature.name}`",
            feature.type,
            feature.group,
            feature.meaning,
            feature.unit,
            use,
            feature.requirement,
        )
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def key() -> str:
    """A Markdown table of the key metrics (MET-20)."""
    lines = ["| metric | what it says | unit |", "|---|---|---|"]
    lines += [f"| `{one.name}` | {one.meaning} | {one.unit} |" for one in (catalogue.BY_NAME[name] for name in KEY)]
    return "\n".join(lines) + "\n"


def comparisons() -> str:
    """A Markdown table: what is compared with the account's own past, and what with similar accounts."""
    compared: dict[str, dict[str, list[str]]] = {}
    for feature in catalogue.FEATURES:
        if feature.against:
            base = feature.compares
            # A change that is compared again is a comparison of what changed.
            while base in catalogue.BY_NAME and catalogue.BY_NAME[base].compares:
                base = catalogue.BY_NAME[base].compares
            compared.setdefault(base, {"itself": [], "peers": []})[feature.against].append(f"`{feature.name}`")
    lines = ["| figure | against its own past | against similar accounts |", "|---|---|---|"]
    lines += [
        f"| `{base}` | {', '.join(found['itself'])} | {', '.join(found['peers'])} |" for base, found in compared.items()
    ]
    return "\n".join(lines) + "\n"
