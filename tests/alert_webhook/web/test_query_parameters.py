"""What stands in the query string is read to the letter: what is no value is refused, and does not become a default."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from alert_webhook.rights import Scope
from alert_webhook.store import api_keys
from alert_webhook.store.database import Transaction
from tests.fakes.webhook_stack import Stack

KEY = f"hwk_00000000_{'C' * 43}"
CASES = [
    ("incidents", "", 200),
    ("incidents", "limit=1", 200),
    ("incidents", "limit=1000", 200),  # at most 200 come
    ("incidents", "limit=0", 400),
    ("incidents", "limit=-1", 400),
    ("incidents", "limit=ten", 400),
    ("incidents", "limit=", 400),
    ("incidents", "limit=1.0", 400),
    ("incidents", "limit=%D9%A3", 400),  # an Arabic digit
    ("incidents", "before=1", 200),
    ("incidents", "before=0", 400),
    ("incidents", "before=99999999999999999999", 400),
    ("changes", "limit=x", 400),
    ("shadow", "", 200),
    ("shadow", "day=2026-03-01", 200),
    ("shadow", "day=", 400),
    ("shadow", "day=20260301", 400),
    ("shadow", "day=2026-W10-1", 400),
    ("shadow", "day=2026-02-30", 400),
    ("shadow", "day=0306-10-24", 422),
    ("oncall/shifts/none", "from=x", 400),
    ("oncall/shifts/none", "from=nan", 400),
    ("oncall/shifts/none", "to=inf", 400),
]


@pytest.fixture
def client(stack: Stack, main: Flask) -> FlaskClient:
    def write(tx: Transaction) -> None:
        scopes = frozenset(Scope)
        api_keys.add(tx, KEY, prefix="hwk_00000000", name="x", scopes=scopes, who="x", expires_at=tx.now + 9)

    stack.store.write(write, "test")
    return main.test_client()


@pytest.mark.parametrize(("path", "query", "status"), CASES)
def test_values_of_the_query(client: FlaskClient, path: str, query: str, status: int) -> None:
    answer = client.get(f"/api/v1/{path}?{query}", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("days", "status"), [(30, 201), (30.0, 201), (30.5, 422), (0, 422), ("30", 400), (None, 400)])
def test_a_whole_number_is_one_however_it_is_written(client: FlaskClient, days: object, status: int) -> None:
    body = {"name": "x", "scopes": ["read"], "days": days}
    assert client.post("/api/v1/keys", json=body, headers={"Authorization": f"Bearer {KEY}"}).status_code == status
