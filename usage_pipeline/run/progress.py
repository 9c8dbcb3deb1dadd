"""What a person sees while the main job works."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Step:
    """One step of the job; `note` is what it did, in a few words."""

    def __init__(self, name: str, status: Status) -> None:
        self.note = ""
        self._name = name
        self._status = status

    def show(self, how_far: str) -> None:
        """Tell how far it is, where the console can rewrite a line."""
        self._status.update(f"{self._name}: {how_far} ...")


class Progress:
    """One line per step, with what it did and how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show that `name` is under way, then what came of it."""
        begun = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(f"  {name} ...", highlight=False)
        with self.console.status(f"{name} ...") as status:
            step = Step(name, status)
            yield step
        self.console.print(
            f"[green]✓[/] {name}: {step.note} [dim]({time.monotonic() - begun:.1f} s)[/]",
            highlight=False,
            soft_wrap=True,
        )

    def say(self, text: str) -> None:
        """A sentence between two steps."""
        self.console.print(text, highlight=False, soft_wrap=True)
