"""The JSON Schema of ``report.json``, made from the typed facts.

The schema ships with the package as ``report.schema.json``. After a change to the facts write it
anew with ``python -m autosmall.report.json_schema``.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path

from autosmall.report.facts import SCHEMA_VERSION, ReportFacts

PATH = Path(__file__).with_name("report.schema.json")

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, object]

_PLAIN: Mapping[object, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},
    str: {"type": "string"},
    types.NoneType: {"type": "null"},
}
"""A float may be null: NaN and infinity have no other form in JSON."""


def report_schema() -> Schema:
    """Return the schema of ``report.json``; every dataclass of the facts is a definition."""
    definitions: dict[str, Schema] = {}
    root = _of(ReportFacts, definitions)
    return {
        "$schema": DIALECT,
        "title": f"AutoSmall report.json, version {SCHEMA_VERSION}",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Return the schema as it is stored."""
    return json.dumps(report_schema(), indent=1, ensure_ascii=False) + "\n"


def _of(kind: object, definitions: dict[str, Schema]) -> Schema:
    """Return the schema of a type; raises ``TypeError`` for one that facts must not hold."""
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _reference(kind, definitions)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_of(argument, definitions) for argument in arguments]}
    if origin is tuple and arguments[-1:] == (Ellipsis,):
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if origin is tuple:
        items = [_of(argument, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    raise TypeError(f"facts hold a {kind!r}, for which there is no schema")


def _reference(kind: type, definitions: dict[str, Schema]) -> Schema:
    name = f"{kind.__module__.rsplit('.', 1)[-1]}.{kind.__name__}"
    if name not in definitions:
        definitions[name] = {}  # a class may hold itself
        definitions[name] = _definition(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _definition(kind: type, definitions: dict[str, Schema]) -> Schema:
    hints, told = typing.get_type_hints(kind), _attributes(kind.__doc__ or "")
    shown = [
        field.name for field in dataclasses.fields(kind) if field.metadata.get("in_json", True)
    ]
    properties: dict[str, Schema] = {}
    for name in shown:
        meaning = {"description": told[name]} if name in told else {}
        properties[name] = {**meaning, **_of(hints[name], definitions)}
    return {
        "description": (kind.__doc__ or "").split("\n\n")[0].replace("\n", " ").strip(),
        "type": "object",
        "properties": properties,
        "required": shown,
        "additionalProperties": False,
    }


def _attributes(docstring: str) -> dict[str, str]:
    """Return attribute name to meaning, from the part ``Attributes:`` of a docstring."""
    _, _, part = docstring.partition("Attributes:\n")
    found = re.findall(r"^        (\w+): (.*(?:\n {12,}.*)*)", part, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", meaning).strip() for name, meaning in found}


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
    sys.stdout.write(f"{PATH}\n")
