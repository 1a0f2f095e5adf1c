"""The OpenAPI document: the same routes, guards and answers as the service; and nothing it allows makes a 5xx."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alert_webhook.app import main_app
from alert_webhook.rights import Role, Scope
from alert_webhook.store import accounts
from alert_webhook.web.api import openapi_text
from alert_webhook.web.wanted import PREFIX, WANTED
from tests.alert_webhook.web.conftest import PASSWORD
from tests.fakes.webhook_stack import Stack

DOCUMENT: dict[str, Any] = json.loads(openapi_text())
METHODS = {"get", "post", "delete"}
OPERATIONS = [(m, path, op) for path, item in DOCUMENT["paths"].items() for m, op in item.items() if m in METHODS]
NAMES = [f"{method} {path}" for method, path, _operation in OPERATIONS]


def rule_of(path: str) -> str:
    """A rule of Flask as OpenAPI writes it."""
    return re.sub(r"<(?:int:)?(\w+)>", r"{\1}", path)


def test_document_and_guards_name_the_same_routes() -> None:
    assert {(m.upper(), p) for m, p, _op in OPERATIONS} == {(m, rule_of(rule)) for m, rule in WANTED}


def test_document_and_guards_want_the_same_scopes() -> None:
    said = {(m.upper(), p): [s["key"][0] for s in op["security"] if "key" in s] for m, p, op in OPERATIONS}
    assert said == {(m, rule_of(rule)): [scope.value] if scope else [] for (m, rule), scope in WANTED.items()}


def test_every_scope_is_wanted_somewhere() -> None:
    assert set(WANTED.values()) - {None} == set(Scope)


def test_every_parameter_of_a_path_is_described() -> None:
    for _method, path, operation in OPERATIONS:
        described = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert described == set(re.findall(r"\{(\w+)\}", path)), path


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "#/components/(\w+/\w+)"', openapi_text()):
        kind, _slash, name = reference.partition("/")
        assert name in DOCUMENT["components"][kind], reference


def resolved(value: Any) -> Any:
    """A part of the document with its references followed."""
    if isinstance(value, dict) and "$ref" in value:
        kind, name = value["$ref"].removeprefix("#/components/").split("/")
        return resolved(DOCUMENT["components"][kind][name])
    if isinstance(value, dict):
        return {key: resolved(each) for key, each in value.items()}
    return [resolved(each) for each in value] if isinstance(value, list) else value


def schema_of(operation: Mapping[str, Any], status: int) -> Any:
    """What an answer of this status looks like; KeyError where the document does not know it."""
    return resolved(operation["responses"][str(status)])["content"]["application/json"]["schema"]


ADMIN = {"Authorization": "Basic " + b64encode(f"admin:{PASSWORD}".encode()).decode()}


@pytest.fixture
def client(stack: Stack, password_hash: str) -> FlaskClient:
    stack.store.write(lambda tx: accounts.save_user(tx, "admin", password_hash, role=Role.ADMIN), "test")
    stack.fire("LinkDown", instance="sw1")
    stack.phone("ana").expects()
    stack.mailbox("ana").expects()
    return main_app(stack.parts, stack.intake).test_client()


TEXT = st.text(max_size=40) | st.sampled_from(
    ["", "\0", "ana", "1h", "-1h", "2027-02-01T10:00", "read", "é" * 30, "[("]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def values_for(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of ours allows, and now and then anything."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        named = {name: values_for(each) for name, each in schema.get("properties", {}).items()}
        if not named:
            return st.dictionaries(TEXT, TEXT, max_size=3)
        needed = {name: each for name, each in named.items() if name in schema.get("required", [])}
        rest = {name: each for name, each in named.items() if name not in needed}
        return st.fixed_dictionaries(needed, optional=rest)
    if kind == "array":
        return st.lists(values_for(schema["items"]), max_size=3)
    if kind == "integer":
        return st.integers(schema.get("minimum"), schema.get("maximum")) | st.integers()
    if kind == "number":
        return st.floats(allow_nan=False, allow_infinity=False)
    return TEXT | st.sampled_from(schema.get("examples", ["x"]) if isinstance(schema.get("examples"), list) else ["x"])


@st.composite
def requests(draw: st.DrawFn, code: str) -> tuple[str, str, dict[str, Any], bytes | None, dict[str, Any]]:
    method, path, operation = draw(st.sampled_from(OPERATIONS))
    where = re.sub(r"\{code\}", draw(st.sampled_from([code, code.lower(), "NONE", "é", "%00"])), path)
    where = re.sub(r"\{\w+_id\}", str(draw(st.sampled_from([0, 1, 2, 2**62, 2**70]))), where)
    where = where.replace("{schedule}", "network")
    query = {
        each["name"]: draw(values_for(each["schema"]) | TEXT)
        for each in operation.get("parameters", [])
        if each["in"] == "query" and draw(st.booleans())
    }
    body = None
    if "requestBody" in operation:
        schema = resolved(operation["requestBody"])["content"]["application/json"]["schema"]
        made = draw(values_for(schema) if draw(st.integers(0, 3)) else JSON)
        body = draw(st.sampled_from([None, b"{", b"\xff"])) if draw(st.integers(0, 9)) == 0 else None
        body = json.dumps(made).encode() if body is None else body
    return method, where, query, body, operation


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@FUZZ
@given(data=st.data())
def test_nothing_the_document_allows_makes_a_fault(client: FlaskClient, stack: Stack, data: st.DataObject) -> None:
    """Every answer is one that the document names for the operation, and looks as it says."""
    code = client.get("/api/v1/incidents?state=all&limit=1", headers=ADMIN).json["incidents"][0]["code"]
    method, where, query, body, operation = data.draw(requests(code))
    kind = {"Content-Type": "application/json"} if body is not None else {}
    answer = client.open(f"{PREFIX}{where}", method=method, query_string=query, data=body, headers={**ADMIN, **kind})
    assert answer.status_code < 500, answer.text
    if answer.status_code == 404 and str(answer.status_code) not in operation["responses"]:
        return  # a path that no route takes
    jsonschema.validate(answer.json, schema_of(operation, answer.status_code))
    if where.endswith(("/reassign", "/escalate")):
        stack.unexpected.clear()
