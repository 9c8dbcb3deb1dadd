"""YAML files that people edit: checked when they are read, each mistake with its file, line and key."""

from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from usage_pipeline.errors import Rejected

T = TypeVar("T")


def checked(text: str, source: str, shape: TypeAdapter[T], *, fix: str) -> T:
    """The document in a YAML text; `Rejected` names every mistake as `source:line: key: what is wrong`."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as broken:
        raise Rejected(f"{source} is not YAML: {broken}", fix="mend the named line") from broken
    try:
        return shape.validate_python(content)
    except ValidationError as invalid:
        wrong = [
            f"{source}{_line(text, error['loc'])}: {_place(error['loc'])}: {error['msg']}" for error in invalid.errors()
        ]
        raise Rejected("\n".join(wrong), fix=fix) from invalid


def schema(shape: TypeAdapter[Any], title: str) -> dict[str, Any]:
    """The JSON schema of a document, for editors that check while one writes."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | shape.json_schema()


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "the file"


def _line(text: str, location: tuple[int | str, ...]) -> str:
    """`:LINE` of the deepest part of `location` that the file has."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    line = None
    for step in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(step)]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return f":{line}" if line else ""
