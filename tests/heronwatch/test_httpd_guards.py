"""The web config's limits and headers, and the guards: route x peer x web config x flag, over both servers."""

import itertools

import pytest

from heronwatch.http_message import Request
from heronwatch.site import COMMON_METHODS, CommonPages
from heronwatch.values import HostPort
from tests.fakes.web import Server, Site
from tests.fakes.web_client import ask, basic
from tests.fakes.web_place import MUTUAL, OPTIONAL, Place, users

# --- limits and headers of the web config


def test_rate_limit(server: Server, place: Place) -> None:
    with server(place.site, web=place.web("rate_limit: {interval: 10s, burst: 3}\n")) as served:
        answers = [ask(served, "/-/healthy") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["retry-after"] == "1"
        place.clock.advance(10)
        assert ask(served, "/-/healthy").status == 200


def test_security_headers_are_on_every_response(server: Server, place: Place) -> None:
    headers = "http_server_config: {headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=60}}\n"
    with server(place.site, web=place.web(headers)) as served:
        for path in ("/", "/metrics", "/echo", "/nowhere", "/boom"):
            answer = ask(served, path)
            assert (answer.headers["x-frame-options"], answer.headers["strict-transport-security"]) == (
                "deny",
                "max-age=60",
            )


def test_the_landing_page_keeps_its_own_policy(server: Server, place: Place) -> None:
    headers = "http_server_config: {headers: {Content-Security-Policy: default-src *}}\n"
    with server(place.site, web=place.web(headers)) as served:
        assert ask(served, "/").headers["content-security-policy"].startswith("default-src 'none'")
        assert ask(served, "/echo").headers["content-security-policy"] == "default-src *"


# --- guards: route x peer x web config x flag

REMOTE_PEERS = {"proxied": {"X-Forwarded-For": "192.0.2.7"}, "page of another site": {"Sec-Fetch-Site": "cross-site"}}
GUARDED = (("POST", "/-/reload"), ("GET", "/config"), ("HEAD", "/config"), ("PUT", "/-/reload"))
OPEN = (("GET", "/-/healthy"), ("GET", "/-/ready"), ("GET", "/"), ("GET", "/metrics"), ("GET", "/echo"))


@pytest.mark.parametrize(("config", "flag"), [*itertools.product((True, False), repeat=2)])
def test_guard_table(server: Server, place: Place, config: bool, flag: bool) -> None:
    headers = {"Authorization": basic("ana", "x")}
    site = Site(enable_lifecycle=flag)
    with server(site, web=place.web(users(ana="x") if config else "")) as served:
        for method, path in (*GUARDED, *OPEN):
            assert ask(served, path, method=method, headers=headers).status == 200, f"local {method} {path}"
        for (name, extra), (method, path) in itertools.product(REMOTE_PEERS.items(), (*GUARDED, *OPEN)):
            status = ask(served, path, method=method, headers={**headers, **extra}).status
            allowed = (method, path) in OPEN or (config and flag)
            assert status == (200 if allowed else 403), f"{name} {method} {path}"


@pytest.mark.parametrize(
    ("remote", "config", "flag"),
    [*itertools.product(("127.0.0.1", "192.0.2.7", "2001:db8::7"), (True, False), (True, False))],
)
def test_guard_table_by_address(remote: str, config: bool, flag: bool) -> None:
    pages = CommonPages(Site(enable_lifecycle=flag).options())
    for path, methods in COMMON_METHODS.items():
        request = Request(methods[0], path, remote=remote, headers={"Host": "localhost"})
        guarded = path in {"/-/reload", "/config"}
        allowed = not guarded or remote == "127.0.0.1" or (config and flag)
        assert (pages.refusal(request, authenticates=config) is None) is allowed, path


def test_required_client_certificates_count_as_authentication(server: Server, place: Place) -> None:
    with server(Site(enable_lifecycle=True), web=place.web(MUTUAL)) as served:
        proxied = {"X-Forwarded-For": "192.0.2.7"}
        assert ask(served, "/config", headers=proxied, context=place.client("prometheus")).status == 200


def test_users_allow_to_listen_anywhere(server: Server, place: Place) -> None:
    with server(place.site, web=place.web(users(ana="x")), listen=HostPort("0.0.0.0", 0)) as served:
        assert ask(served, "/echo").status == 401
        place.write("")
        place.follow()
        assert ask(served, "/echo").status == 401  # a file without users is refused now


def test_optional_client_certificates_do_not(server: Server, place: Place) -> None:
    with (
        pytest.raises(Exception, match="would let anyone in"),
        server(place.site, web=place.web(OPTIONAL), listen=HostPort("0.0.0.0", 0)),
    ):
        pass
