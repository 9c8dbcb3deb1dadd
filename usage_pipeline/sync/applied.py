"""What an apply did, in counts."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from usage_pipeline.crm.rejections import PASSING
from usage_pipeline.ledger.operations import Settled
from usage_pipeline.sync.plans import Plan


@dataclass(frozen=True)
class Applied:
    """What an apply did, with what it found done that an earlier one left open."""

    fields_written: int
    records_written: int
    records_created: int
    contact_fields_written: int
    list_moves: int
    tasks_opened: int
    tasks_updated: int
    tasks_withdrawn: int
    tasks_left: int
    """Tasks that a person has in hand, left as they are."""
    api_calls: int
    unmatched: int
    ambiguous: int
    failed: int
    """Rows without a good end, for a passing reason; the next apply sends them again."""
    quarantined: int
    """Rows that were refused, with a known cause."""
    settled_from_before: int
    """Operations that a crash had left open."""
    edits_restored: int
    """Fields that somebody edited and that got our value again."""
    edits_left: int
    """Fields that somebody edited and that stay theirs."""
    held_back: int
    """Records that differ too little to be written."""
    calls_saved: int
    """What those would have cost."""
    duplicates_archived: int = 0
    """Tasks that were there twice, and are not any more."""

    def and_then(self, later: "Applied") -> "Applied":
        """Two applies of one delivery as one: what was sent adds up, the rest is as the later one found it."""
        sent = {
            *("records_created", "fields_written", "records_written", "contact_fields_written", "list_moves"),
            *("tasks_opened", "tasks_updated", "tasks_withdrawn", "tasks_left"),
            *("api_calls", "settled_from_before", "edits_restored", "duplicates_archived"),
        }
        return replace(
            later,
            **{
                one.name: getattr(self, one.name) + getattr(later, one.name) for one in fields(self) if one.name in sent
            },
        )

    @property
    def is_nothing(self) -> bool:
        """Nothing had to be sent."""
        return not any(self._counts.values())

    @property
    def in_short(self) -> str:
        """What was done and what was not, for a line of progress."""
        told = [f"{count:,} {what}" for what, count in self._counts.items() if count]
        return ", ".join(told) or "nothing had to be sent"

    @property
    def _counts(self) -> dict[str, int]:
        return {
            "companies created": self.records_created,
            "fields": self.fields_written,
            "contact fields": self.contact_fields_written,
            "list moves": self.list_moves,
            "tasks opened": self.tasks_opened,
            "tasks updated": self.tasks_updated,
            "tasks withdrawn": self.tasks_withdrawn,
            "tasks left to a person": self.tasks_left,
            "duplicates archived": self.duplicates_archived,
            "quarantined": self.quarantined,
            "failed": self.failed,
        }


def sums(plan: Plan, ends: Sequence[Settled], settled_from_before: int, api_calls: int) -> Applied:
    """The counts of a plan's ends, with what it found done that an earlier apply left open."""
    done = [end.operation for end in ends if end.state == "ok"]
    refused = [end for end in ends if end.state == "failed" and end.rejection]
    passing = [end for end in refused if end.rejection and end.rejection.cause in PASSING]
    written = [one for one in done if one.kind == "fields"]

    def count(kind: str) -> int:
        return sum(one.kind == kind for one in done)

    return Applied(
        fields_written=sum(len(one.payload) for one in written),
        records_written=len({one.crm_id for one in written}),
        records_created=count("record_create"),
        contact_fields_written=sum(len(one.payload) for one in done if one.kind == "contact_fields"),
        list_moves=count("list_move"),
        tasks_opened=count("task_open"),
        tasks_updated=count("task_update"),
        tasks_withdrawn=count("task_withdraw"),
        tasks_left=sum(end.state == "left" for end in ends),
        api_calls=api_calls,
        unmatched=plan.unmatched,
        ambiguous=plan.ambiguous,
        failed=len(passing) + sum(end.state == "unknown" for end in ends),
        quarantined=len(refused) - len(passing),
        settled_from_before=settled_from_before,
        edits_restored=plan.edits_restored,
        edits_left=plan.edits_left,
        held_back=plan.held_back,
        calls_saved=plan.calls_saved,
    )
