"""Salesforce's errors: a list of rows with `errorCode`, inside a batch with `statusCode` (CRM_APIS 3.3)."""

from typing import Any

from usage_pipeline.sandbox.exchange import Refusal, Reply


class RowError(Exception):
    """What is wrong with one record; the same for a single write and a row of a batch."""

    def __init__(self, code: str, message: str, fields: list[str] | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields or []
        self.status = status

    def row(self) -> dict[str, Any]:
        return {"statusCode": self.code, "message": self.message, "fields": self.fields}


def refused(status: int, code: str, message: str, fields: list[str] | None = None) -> Refusal:
    error: dict[str, Any] = {"message": message, "errorCode": code}
    if fields is not None:
        error["fields"] = fields
    return Refusal(Reply(status, [error]))


def of_row(problem: RowError) -> Refusal:
    return refused(problem.status, problem.code, problem.message, problem.fields)


def not_found() -> Refusal:
    return refused(404, "NOT_FOUND", "The requested resource does not exist")


def no_external_id(field: str) -> Refusal:
    return refused(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {field}")


def session_expired() -> Refusal:
    return refused(401, "INVALID_SESSION_ID", "Session expired or invalid")


def malformed_query(message: str) -> Refusal:
    return refused(400, "MALFORMED_QUERY", message)


def bad_json(message: str) -> Refusal:
    return refused(400, "JSON_PARSER_ERROR", message)


def no_column(name: str, kind: str) -> RowError:
    """For a field that does not exist, and the same for one that field-level security hides."""
    return RowError("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}")
