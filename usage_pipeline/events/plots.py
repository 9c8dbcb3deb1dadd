"""A check's history as a picture: what was found per day, what was usual, and where it is not in order."""

import io

import pandas as pd

# Legible in the side bar of a run, and some 20 kB.
_SIZE, _DPI = (6.4, 3.0), 90
# What is looked at separately is drawn together as far as colours can be told apart.
_MOST = 5


def picture(history: pd.DataFrame, check: str) -> bytes:
    """The check's rows of `events/finding_history` as PNG."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second to import, needed to draw only

    rows = history[history["check"] == check]
    figure = Figure(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(check.replace("_", " "), fontsize=10)
    for about in sorted(set(rows["about"]))[:_MOST]:
        own = rows[rows["about"] == about]
        axes.plot(own["day"], own["value"].astype(float), linewidth=1, label=f"without {about}" if about else "found")
        failed = own[~own["passed"]]
        axes.plot(failed["day"], failed["value"].astype(float), "o", color="firebrick", markersize=4)
    if rows["about"].nunique() == 1:
        for name, style in (("usual", "-"), ("low", ":"), ("high", ":")):
            values = rows[name].astype(float)
            if values.notna().any():
                axes.plot(rows["day"], values, style, color="grey", linewidth=1, label=name)
    axes.tick_params(labelsize=8)
    figure.autofmt_xdate()
    if rows["value"].notna().any():
        axes.legend(fontsize=8)
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()
