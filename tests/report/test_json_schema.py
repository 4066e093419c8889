"""``report.json`` against the schema that ships with the package."""

from __future__ import annotations

import dataclasses
import json

import pytest
from jsonschema import Draft202012Validator

from autosmall.report import json_schema
from autosmall.report.facts import to_json
from autosmall.report.gathering import gather_facts


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(json_schema.PATH.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def stored(drawn):
    return as_stored(drawn.make_run())


def as_stored(run):
    return json.loads(json.dumps(to_json(gather_facts(run, "runs/a")), allow_nan=False))


def test_the_stored_schema_is_that_of_the_facts():
    stored = json_schema.PATH.read_text(encoding="utf-8")
    assert stored == json_schema.schema_text(), (
        "the facts have changed; write it anew: python -m autosmall.report.json_schema"
    )


def test_a_whole_run_is_valid(validator, stored):
    validator.validate(stored)


@pytest.mark.parametrize(
    ("trials", "options"),
    [
        ([], {"state": "running"}),
        ([("frozen", 0.8)], {"samples": 30, "metric": "log_loss", "classes": ("a", "b")}),
        ([("autoencoder", 0.7), ("frozen", 0.8)], {"samples": 60, "state": "interrupted"}),
    ],
)
def test_other_runs_are_valid(validator, drawn, trials, options):
    run = drawn.make_run([drawn.DrawnTrial(*trial) for trial in trials], **options)
    validator.validate(as_stored(drawn.with_reconstructions(run)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), "2"),
        (("recommendation", "trial"), None),
        (("recommendation", "corrected_interval"), [0.1]),
        (("next_steps", "actions", 0, "extra"), 1),
    ],
)
def test_a_wrong_document_is_refused(validator, stored, path, value):
    wrong = json.loads(json.dumps(stored))
    place = wrong
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(validator.iter_errors(wrong))


def test_meanings_come_from_the_docstrings(validator):
    found = validator.schema["$defs"]["recommendation.Recommendation"]
    assert found["description"] == "The configuration to use."
    told = found["properties"]["corrected_score"]["description"]
    assert told == "What to expect of the pick (BBC-CV)."
    assert "naive_score" in found["required"]


def test_what_has_no_place_in_json_is_refused():
    @dataclasses.dataclass
    class Odd:
        """Holds a set."""

        found: set[int]

    with pytest.raises(TypeError, match="no schema"):
        json_schema._definition(Odd, {})
