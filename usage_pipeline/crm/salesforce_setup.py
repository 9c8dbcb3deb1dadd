"""Our fields in a Salesforce organisation, and one permission set that makes just them visible.

A field made through the API is invisible until a permission set grants it; so the same step that
creates the field grants it, to the integration user alone. What is found wanting and what is
created are one comparison: `findings` reads it, `provision` acts on it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from usage_pipeline.crm.calling import Class
from usage_pipeline.crm.client import Finding, Provisioned
from usage_pipeline.crm.contract import Contract
from usage_pipeline.crm.rejections import OutcomeUnknown, Refused
from usage_pipeline.crm.salesforce_fields import Wanted, wanted
from usage_pipeline.crm.salesforce_org import Org, quoted
from usage_pipeline.errors import Rejected

# What the integration user's own profile must allow, in Setup's words.
FIELDS_SCOPE = "Customize Application"
PERMISSIONS_SCOPE = "Manage Profiles and Permission Sets"
ASSIGNMENT_SCOPE = "Assign Permission Sets"


@dataclass(frozen=True)
class _Lack:
    """A finding, and how it is mended; None where only a person may."""

    finding: Finding
    mend: Callable[[], object] | None = None


def findings(org: Org, contract: Contract) -> list[Finding]:
    """What differs between the contract and the organisation; creates nothing."""
    org.forget_fields()
    return [lack.finding for lack in _Comparison(org, contract).lacks()]


def provision(org: Org, contract: Contract) -> Provisioned:
    """Create what is missing.

    Raises:
        Rejected: where a field of another kind has the name of ours, and then nothing is created;
            or where one of ours stays hidden.
    """
    org.forget_fields()
    lacks = list(_Comparison(org, contract).lacks())
    _refuse_what_only_a_person_mends(lacks, contract)
    created = []
    for lack in lacks:
        if lack.mend:
            lack.mend()
            created.append(lack.finding.what)
    if created:
        org.forget_fields()
        _refuse_what_only_a_person_mends(list(_Comparison(org, contract).lacks()), contract)
    return Provisioned(tuple(created), tuple(org.notes))


class _Comparison:
    """The contract beside one organisation as it is now."""

    def __init__(self, org: Org, contract: Contract) -> None:
        self._org = org
        self._name = contract.permission_set
        self._label = contract.group_label
        self._wanted = list(wanted(contract))
        self._made = {holder: _custom_fields(org, holder) for holder in ("Account", "Activity")}
        self._set = self._id_of_set()
        self._grants = {row["Field"]: row for row in self._of_our_set("FieldPermissions", "Field, PermissionsEdit")}
        assigned = self._of_our_set("PermissionSetAssignment", "AssigneeId")
        self._is_assigned = org.user_id in {row["AssigneeId"] for row in assigned}

    def lacks(self) -> Iterator[_Lack]:
        """In the order in which they can be mended."""
        yield from self._fields()
        if self._set is None:
            found = Finding("missing", f"permission set {self._name}", "it makes our fields visible", PERMISSIONS_SCOPE)
            yield _Lack(found, self._make_set)
        for one in self._wanted:
            yield from self._grant_of(one)
        if not self._is_assigned:
            what = f"assignment of {self._name} to the integration user"
            yield _Lack(
                Finding("missing", what, "without it the user sees no field of ours", ASSIGNMENT_SCOPE), self._assign
            )

    def _fields(self) -> Iterator[_Lack]:
        for one in self._wanted:
            what = f"field {one.full_name}"
            if one.name not in self._made[one.holder]:
                found = Finding("missing", what, f"a {one.metadata['type']} to be created", FIELDS_SCOPE)
                yield _Lack(found, lambda one=one: self._make_field(one))  # type: ignore[misc]
                continue
            described = self._org.fields(one.table).get(one.name)
            difference = one.difference(described) if described else None
            if difference:
                yield _Lack(Finding("different", what, f"it is {difference}", FIELDS_SCOPE))
            elif self._is_granted(one) and self._is_assigned and not (described and described.get("updateable", True)):
                told = "the permission set grants it, and the integration user still cannot edit it"
                yield _Lack(Finding("hidden", what, told, PERMISSIONS_SCOPE))

    def _grant_of(self, one: Wanted) -> Iterator[_Lack]:
        if self._is_granted(one):
            return
        what = f"permission {one.table}.{one.name}"
        there = self._granted_as(one)
        detail = "it allows reading only" if there else "read and edit, for the integration user alone"
        mend = (lambda: self._widen(there["Id"])) if there else (lambda: self._grant(one))
        yield _Lack(Finding("missing", what, detail, PERMISSIONS_SCOPE), mend)

    def _granted_as(self, one: Wanted) -> dict[str, Any] | None:
        return self._grants.get(f"{one.table}.{one.name}") or self._grants.get(one.full_name)

    def _is_granted(self, one: Wanted) -> bool:
        there = self._granted_as(one)
        return bool(there and there.get("PermissionsEdit"))

    def _of_our_set(self, table: str, columns: str) -> list[dict[str, Any]]:
        """Rows that hang on our permission set."""
        if self._set is None:
            return []
        link = "PermissionSetId" if table == "PermissionSetAssignment" else "ParentId"
        return list(self._org.query(f"SELECT Id, {columns} FROM {table} WHERE {link} = {quoted(self._set)}"))

    def _make_field(self, one: Wanted) -> None:
        body = {"FullName": one.full_name, "Metadata": one.metadata}
        # A repeated creation is refused as a duplicate name, so asking twice is harmless.
        _made_or_there(self._org, "/tooling/sobjects/CustomField", body, "DUPLICATE_DEVELOPER_NAME")

    def _make_set(self) -> None:
        body = {"Name": self._name, "Label": self._label}
        _made_or_there(self._org, "/sobjects/PermissionSet", body, "DUPLICATE")
        self._set = self._id_of_set()

    def _id_of_set(self) -> str | None:
        soql = f"SELECT Id FROM PermissionSet WHERE Name = {quoted(self._name)}"
        return next((row["Id"] for row in list(self._org.query(soql))), None)

    def _grant(self, one: Wanted) -> None:
        try:
            self._grant_on(one.table, one.name)
        except Refused:
            if one.table == one.holder:
                raise
            # Not settled in the vendor's pages: whether a task's field is granted on Task or on Activity.
            self._grant_on(one.holder, one.name)

    def _grant_on(self, table: str, name: str) -> None:
        body = {"ParentId": self._set, "SobjectType": table, "Field": f"{table}.{name}"}
        rights = {"PermissionsRead": True, "PermissionsEdit": True}
        _made_or_there(self._org, "/sobjects/FieldPermissions", body | rights, "DUPLICATE_VALUE")

    def _widen(self, permission: str) -> None:
        rights = {"PermissionsRead": True, "PermissionsEdit": True}
        self._org.call("PATCH", f"/sobjects/FieldPermissions/{permission}", Class.IDEMPOTENT, rights)

    def _assign(self) -> None:
        body = {"PermissionSetId": self._set, "AssigneeId": self._org.user_id}
        _made_or_there(self._org, "/sobjects/PermissionSetAssignment", body, "DUPLICATE_VALUE")


def _custom_fields(org: Org, table: str) -> set[str]:
    soql = f"SELECT Id, DeveloperName FROM CustomField WHERE TableEnumOrId = {quoted(table)}"
    return {f"{found['DeveloperName']}__c" for found in org.query(soql, tooling=True)}


def _made_or_there(org: Org, path: str, body: dict[str, Any], code: str) -> None:
    """Created, or refused with `code` because it is there, perhaps since an answer was lost."""
    try:
        org.call("POST", path, Class.IDEMPOTENT, body)
    except (Refused, OutcomeUnknown) as problem:
        if code not in problem.cause:
            raise


def _refuse_what_only_a_person_mends(lacks: list[_Lack], contract: Contract) -> None:
    for finding in (lack.finding for lack in lacks if lack.mend is None):
        name = finding.what.removeprefix("field ")
        if finding.state == "hidden":
            raise Rejected(
                f"Salesforce hides the field {name} from the integration user, or forbids editing it",
                fix=f"grant read and edit of {name} in the permission set {contract.permission_set}, assign it to the "
                "integration user, and see that no other setting (a read-only field, a muting set) takes it back",
            )
        raise Rejected(
            f"Salesforce: {name} exists, and {finding.detail}",
            fix=f"rename or delete {name} in Setup, then run again; it is never changed silently",
        )
