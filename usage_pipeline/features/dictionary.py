"""The printed table of features for the documents, made from the catalogue."""

from usage_pipeline.features import catalogue


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
