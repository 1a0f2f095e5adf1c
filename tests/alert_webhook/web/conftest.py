"""The two web applications in front of a stack, and people with browsers."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from alert_webhook.app import main_app, public_app
from alert_webhook.store import accounts
from tests.fakes.quick_password import quick_hash
from tests.fakes.webhook_stack import Stack

PASSWORD = "correct horse battery staple"
both_databases = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """SQLite, which is enough for most of what a page does; PostgreSQL where a test asks for both."""
    asked = getattr(request, "param", "sqlite")
    found: sa.Engine = request.getfixturevalue("postgres_engine" if asked == "postgresql" else "sqlite_copy")
    return found


@pytest.fixture
def main(stack: Stack) -> Flask:
    return main_app(stack.parts, stack.intake)


@pytest.fixture
def public(stack: Stack) -> Flask:
    return public_app(stack.parts)


@pytest.fixture
def phone(public: Flask) -> FlaskClient:
    """A browser on the public listener."""
    return public.test_client()


@pytest.fixture
def desktop(main: Flask) -> FlaskClient:
    """A browser on the main listener."""
    return main.test_client()


@pytest.fixture(scope="session")
def password_hash() -> str:
    return quick_hash(PASSWORD)


@pytest.fixture
def user(stack: Stack, password_hash: str) -> str:
    """A local user named "maria"."""
    stack.store.write(lambda tx: accounts.save_user(tx, "maria", password_hash), "test")
    return "maria"


@pytest.fixture
def signed_in(desktop: FlaskClient, user: str) -> FlaskClient:
    answer = sign_in(desktop, user, PASSWORD)
    assert answer.status_code == 303, answer.text
    return desktop


class Form(HTMLParser):
    """The hidden fields of the first form, and where it goes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.method = ""
        self.target: str | None = None
        self._inside = self._done = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values: Mapping[str, Any] = dict(attrs)
        if tag == "form" and not self._done:
            self._inside, self.method, self.target = True, values.get("method", ""), values.get("action")
        elif tag == "input" and self._inside and values.get("type") == "hidden":
            self.fields[values["name"]] = values["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._inside:
            self._inside, self._done = False, True


def sign_in(browser: FlaskClient, name: str, password: str, **query: str) -> Any:
    page = browser.get("/login", query_string=query)
    fields = Form(page.text).fields
    return browser.post("/login", query_string=query, data={**fields, "user": name, "password": password})


def link_of(message: Any) -> str:
    """The path of the ack link in a message."""
    found = re.fullmatch(r"https://pager\.example\.org(/a/[A-Za-z0-9_-]{22})", message.ack_url)
    assert found, message.ack_url
    return found[1]
