"""The pages every service has."""

import re
from html.parser import HTMLParser

import pytest

from heronwatch import pages
from heronwatch.pages import Field, Form, Link


class Seen(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_landing_shows_name_version_links_and_forms() -> None:
    form = Form(action="/probe", title="Try", fields=(Field(name="target"), Field(name="module", value="system")))
    answer = pages.landing("Exporter", "1.2", links=(Link("sd", "Discovery"), Link("/", "Home")), forms=(form,))
    seen = Seen(answer.body.decode())
    assert [link["href"] for link in seen.every("a")] == ["sd", "./"]
    assert [one["action"] for one in seen.every("form")] == ["probe"]
    assert [one["name"] for one in seen.every("input")] == ["target", "module"]
    assert "Exporter" in answer.body.decode()
    assert "Version 1.2." in answer.body.decode()


def test_landing_escapes_everything() -> None:
    bad = '<script>alert("x")</script>'
    form = Form(action=bad, title=bad, fields=(Field(name=bad, label=bad, value=bad, placeholder=bad),), button=bad)
    answer = pages.landing(bad, bad, about=bad, links=(Link(bad, bad),), forms=(form,))
    assert not Seen(answer.body.decode()).every("script")


def test_landing_allows_its_own_style_and_nothing_else() -> None:
    answer = pages.landing("t", "1")
    policy = dict(answer.headers)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    style = re.search(r"<style>(.*?)</style>", answer.body.decode(), re.DOTALL)
    assert style is not None
    assert style[1] == pages.STYLE


def test_every_label_belongs_to_an_input() -> None:
    form = Form(action="/probe", title="Try", fields=(Field(name="a"), Field(name="b")))
    seen = Seen(pages.landing("t", "1", forms=(form, form)).body.decode())
    assert {one["for"] for one in seen.every("label")} == {one["id"] for one in seen.every("input")}


def test_ready_lists_the_reasons_against() -> None:
    assert pages.ready([]).status == 200
    answer = pages.ready(["no database", "no config"])
    assert (answer.status, answer.body) == (503, b"Not ready:\n- no database\n- no config\n")


def test_a_failed_reload_says_why_and_what_runs() -> None:
    answer = pages.reload_failed("web.yml:3: x: wrong")
    assert (answer.status, answer.body) == (
        500, b"Not reloaded; the old configuration keeps running.\nweb.yml:3: x: wrong\n",
    )  # fmt: skip


def test_unauthorized_asks_for_basic_authentication() -> None:
    assert dict(pages.unauthorized().headers)["WWW-Authenticate"].startswith("Basic realm=")


def test_method_not_allowed_names_those_that_are() -> None:
    assert dict(pages.method_not_allowed(("POST", "GET")).headers) == {"Allow": "GET, POST"}


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/a\r\nb", "/a??b"), ("/" + "x" * 200, "/" + "x" * 99 + "…"), ("/\udcff", "/?"), ("/ü", "/ü")],
)
def test_not_found_shows_only_what_can_be_shown(path: str, shown: str) -> None:
    assert pages.not_found(path).body.decode() == f"Not found: {shown}\n"
