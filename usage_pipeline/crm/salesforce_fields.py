"""Our fields as Salesforce makes and describes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from usage_pipeline.crm.contract import TEXT_LENGTH, Contract, Field, Kind

TASK_KEY_LENGTH = 80
PRECISION, SCALE = 5, 2
# Salesforce makes no long text area below this.
SHORTEST_LONG_TEXT = 256
DESCRIBED = {
    Kind.NUMBER: "double",
    Kind.CHOICE: "picklist",
    Kind.TEXT: "string",
    Kind.LONG_TEXT: "textarea",
    Kind.DATE: "date",
}


@dataclass(frozen=True)
class Wanted:
    """A custom field that must be there."""

    name: str
    holder: str
    """The object it is made on: a task's field is made on Activity and appears on Task and Event."""
    table: str
    """The object on which it is described and granted."""
    metadata: Mapping[str, Any]
    field: Field | None
    """None: the unique key of our tasks."""

    @property
    def full_name(self) -> str:
        return f"{self.holder}.{self.name}"

    def difference(self, found: Mapping[str, Any]) -> str | None:
        """In which way what the organisation describes is not what we need; None where it will do."""
        if self.field is None:
            if not (found.get("externalId") and found.get("unique")):
                return "not a unique external id"
            return None if found.get("length", TASK_KEY_LENGTH) >= TASK_KEY_LENGTH else "too short for our keys"
        if found["type"] != DESCRIBED[self.field.kind]:
            return f"a {found['type']}, not a {DESCRIBED[self.field.kind]}"
        if self.field.kind is Kind.NUMBER:
            precision, scale = found.get("precision") or PRECISION, found.get("scale", SCALE)
            # A number that the CRM rounds never equals what we wrote, and would be written for ever.
            if scale < SCALE or precision - scale < PRECISION - SCALE:
                return f"a number of {precision} digits with {scale} decimals, too narrow for {PRECISION} with {SCALE}"
        if (
            self.field.kind in {Kind.TEXT, Kind.LONG_TEXT}
            and found.get("length", self.field.longest) < self.field.longest
        ):
            return f"a text of {found['length']:,} characters, shorter than {self.field.longest:,}"
        options = {option["value"] for option in found.get("picklistValues") or [] if option.get("active", True)}
        lacking = [option for option in self.field.options if option not in options]
        return f"without the values {', '.join(lacking)}" if lacking else None


def wanted(contract: Contract) -> Iterator[Wanted]:
    """Every field of the contract on Account, and the unique key on Activity."""
    for field in contract.fields:
        yield Wanted(field.salesforce, "Account", "Account", _metadata(field), field)
    key = {
        "label": "Usage task key",
        "type": "Text",
        "length": TASK_KEY_LENGTH,
        "externalId": True,
        "unique": True,
        "caseSensitive": True,
        "required": False,
    }
    yield Wanted(contract.task_key_salesforce, "Activity", "Task", key, None)


def _metadata(field: Field) -> dict[str, Any]:
    common = {"label": field.label, "description": field.description, "required": False}
    match field.kind:
        case Kind.NUMBER:
            return common | {
                "type": "Number", "precision": PRECISION, "scale": SCALE, "externalId": False, "unique": False,
            }  # fmt: skip
        case Kind.DATE:
            return common | {"type": "Date"}
        case Kind.TEXT:
            length = min(field.longest, TEXT_LENGTH)
            return common | {"type": "Text", "length": length, "externalId": False, "unique": False}
        case Kind.LONG_TEXT:
            length = max(field.longest, SHORTEST_LONG_TEXT)
            return common | {"type": "LongTextArea", "length": length, "visibleLines": 5}
        case Kind.CHOICE:
            values = [{"fullName": option, "label": option, "default": False} for option in field.options]
            return common | {
                "type": "Picklist",
                "valueSet": {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}},
            }
