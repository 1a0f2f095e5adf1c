"""Who may send to an integration: tokens, their digests, Basic, the query string."""

from base64 import b64encode
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from alert_webhook.app import main_app
from alert_webhook.capability import new_intake_token
from alert_webhook.config import Integration
from alert_webhook.intake.tokens import authorized, digest_line
from heronwatch.secrets import Secret
from tests.fakes.webhook_stack import Random, Stack, config

one_database = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)  # it does not matter which
PATH = "/api/v1/intake/alertmanager/am"
BODY = b'{"version": "4", "groupKey": "g", "alerts": []}'
NEW, OLD = "n" * 40, "o" * 40
DIGESTS = (Secret(digest_line(NEW)), Secret(OLD))  # one as its digest, one as it is: both count


def client_of(stack: Stack, **changes: Any) -> FlaskClient:
    integration = Integration(**{"tokens": DIGESTS, "policy": "default", **changes})
    stack.settings = config(integrations={"am": integration})
    return main_app(stack.parts, stack.intake).test_client()


def post(client: FlaskClient, authorization: str = "", query: str = "") -> TestResponse:
    headers = {"Authorization": authorization} if authorization else {}
    return client.post(f"{PATH}{query}", data=BODY, headers=headers)


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@one_database
@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {NEW}", 200),
        (f"bearer  {OLD}", 200),
        (basic("alertmanager", NEW), 200),
        (basic("", OLD), 200),
        ("", 401),
        ("Bearer", 401),
        (f"Token {NEW}", 401),
        (f"Bearer {NEW}x", 401),
        (f"Bearer {digest_line(NEW)}", 401),
        (f"Bearer {digest_line(NEW).partition(':')[2]}", 401),
        (basic(NEW, "x"), 401),
        (f"Basic {NEW}", 401),
        ("Basic é", 401),
        (f"Bearer {NEW}, Bearer {OLD}", 401),
    ],
)
def test_what_an_authorization_header_is_worth(stack: Stack, authorization: str, status: int) -> None:
    assert post(client_of(stack), authorization).status_code == status


@one_database
def test_a_token_in_the_query_string_is_refused_and_the_answer_says_why(stack: Stack) -> None:
    answer = post(client_of(stack), query=f"?token={NEW}")
    assert answer.status_code == 401
    assert "token_in_query" in answer.json["error"]
    assert NEW not in answer.text


@one_database
def test_a_token_in_the_query_string_counts_where_it_is_enabled(stack: Stack) -> None:
    client = client_of(stack, token_in_query=True)
    assert post(client, query=f"?token={OLD}").status_code == 200
    assert post(client, query="?token=wrong").status_code == 401
    assert post(client, query=f"?other={OLD}").status_code == 401
    assert post(client, "Bearer wrong", query=f"?token={OLD}").status_code == 401  # what is in the header counts


def test_every_token_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    compared: list[bytes] = []
    true_compare = hmac.compare_digest

    def compare(left: Any, right: Any) -> bool:
        compared.append(right)
        return true_compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert authorized(f"Bearer {NEW}", DIGESTS)
    assert len(compared) == 2
    assert all(len(digest) == 32 for digest in compared)


def test_a_new_token_has_256_bits_a_prefix_and_fits_its_digest() -> None:
    token, prefix = new_intake_token(Random())
    start, number, secret = token.split("_", 2)
    assert (start, f"{start}_{number}") == ("hwi", prefix)
    assert len(secret) * 6 >= 256
    assert authorized(f"Bearer {token}", [Secret(digest_line(token))])
    assert new_intake_token(Random(1))[0] != token
