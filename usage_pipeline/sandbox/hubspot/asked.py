"""One request to HubSpot after its path is understood: which API version, by whom, with what body."""

from dataclasses import dataclass
from typing import Any

from usage_pipeline.sandbox.exchange import Call
from usage_pipeline.sandbox.hubspot import refusals, shapes, standard

FIRST_WITHOUT_207 = "2026-09"


@dataclass(frozen=True)
class Asked:
    """A call with its version: `2026-03`, `2026-09`, `v3`, `v4`, ..."""

    call: Call
    version: str

    @property
    def is_dated(self) -> bool:
        return self.version[0] == "2"

    @property
    def is_2026_09(self) -> bool:
        """From 2026-09 on nothing declares 207, and some 201s became 200."""
        return self.is_dated and self.version >= FIRST_WITHOUT_207

    def object(self) -> dict[str, Any]:
        """The JSON object in the body.

        Raises:
            Refusal: 400 when it is none.
        """
        body = shapes.loaded(self.call.body, "{}")
        if not isinstance(body, dict):
            raise refusals.invalid("Invalid input JSON: an object is expected")
        return body

    def bare_list(self) -> list[dict[str, Any]]:
        """The JSON list in the body, as `PUT .../associations/...` sends it."""
        body = shapes.loaded(self.call.body, "[]")
        if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
            raise refusals.invalid("Invalid input JSON: a list of objects is expected")
        return body

    def inputs(self, most: int) -> list[dict[str, Any]]:
        """The inputs of a batch, at least one and at most so many."""
        inputs = self.object().get("inputs")
        if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
            raise refusals.invalid("Invalid input JSON: Some required fields were not set: [inputs]")
        if len(inputs) > most:
            raise refusals.invalid(f"Batch input of {len(inputs)} is over the limit of {most} inputs")
        return inputs

    def ids(self) -> list[str]:
        """The record ids in the body, as `PUT .../memberships/add` sends them."""
        body = shapes.loaded(self.call.body, "[]")
        return shapes.texts({"ids": body}, "ids")

    def flag(self, name: str) -> bool:
        return self.call.query.get(name, "").lower() == "true"

    def limit(self, default: int = 10, most: int = 100) -> int:
        given = self.call.query.get("limit", str(default))
        if not shapes.fits(given) or not 1 <= int(given) <= most:
            raise refusals.invalid(f"limit must lie between 1 and {most}, not {given}")
        return int(given)

    def after(self) -> int:
        given = self.call.query.get("after", "0")
        if not shapes.fits(given):
            raise refusals.invalid(f"after is not a page that this endpoint gave: {given}")
        return int(given)


def kind_of(spelling: str) -> str:
    """The object type behind a path's spelling.

    Raises:
        Refusal: 400 for a type that the portal does not have.
    """
    kind = standard.object_type(spelling)
    if kind is None:
        raise refusals.invalid(f"Unable to infer object type from: {spelling}")
    return kind
