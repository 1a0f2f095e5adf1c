"""Who gets in, over real sockets and both servers: TLS, client certificates, users, rotation, limits, guards."""

import contextlib
import io
import shutil
import ssl
import threading

import bcrypt
import pytest

from heronwatch import web_auth
from tests.fakes.certificates import Authority
from tests.fakes.daemons import wait_until
from tests.fakes.web import Server
from tests.fakes.web_client import Served, ask, basic, connect, read_all
from tests.fakes.web_place import MUTUAL, OPTIONAL, TLS, Place, users


def refused(served: Served, context: ssl.SSLContext) -> bool:
    """Whether TLS or the server ends the connection without an answer."""
    try:
        ask(served, "/-/healthy", context=context)
    except (ssl.SSLError, OSError):
        return True
    return False


def test_tls(server: Server, place: Place) -> None:
    with server(web=place.web(TLS)) as served:
        answer = ask(served, "/echo", context=place.client())
        assert '"scheme":"https"' in answer.text


def test_plain_http_to_a_tls_port_gets_nothing_and_harms_nothing(server: Server, place: Place) -> None:
    with server(web=place.web(TLS)) as served:
        with connect(served) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert b"200" not in sock.recv(1_000)
        assert ask(served, "/-/healthy", context=place.client()).status == 200


def test_a_half_open_handshake_keeps_nobody_out_and_is_cut_off(server: Server, place: Place) -> None:
    with server(web=place.web(TLS), limits={"head_timeout_s": 600.0}) as served, contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(served)).sendall(b"\x16\x03\x01")
        assert ask(served, "/-/healthy", context=place.client()).status == 200
    with server(web=place.web(TLS), limits={"head_timeout_s": 0.5}) as served, connect(served) as sock:
        sock.sendall(b"\x16\x03\x01")
        assert read_all(sock) == b""


def test_minimum_version(server: Server, place: Place) -> None:
    with server(web=place.web(TLS + "  min_version: TLS13\n")) as served:
        old = place.client()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert refused(served, old)
        assert ask(served, "/-/healthy", context=place.client()).status == 200


def test_a_suite_that_is_not_listed_is_not_used(server: Server, place: Place) -> None:
    suites = "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"
    with server(web=place.web(TLS + suites)) as served:
        other = place.client()
        other.maximum_version = ssl.TLSVersion.TLSv1_2
        other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        assert refused(served, other)
        assert ask(served, "/-/healthy", context=place.client()).status == 200


# --- client certificates


def test_a_required_certificate(server: Server, place: Place) -> None:
    with server(web=place.web(MUTUAL)) as served:
        assert refused(served, place.client())
        stranger = place.servers.client(Authority(place.folder, "strangers").issue("stranger", "prometheus"))
        assert refused(served, stranger)
        assert ask(served, "/echo", context=place.client("prometheus")).status == 200


def test_a_certificate_is_verified_if_given(server: Server, place: Place) -> None:
    with server(web=place.web(OPTIONAL)) as served:
        assert ask(served, "/echo", context=place.client()).status == 200
        assert ask(served, "/echo", context=place.client("prometheus")).status == 200
        assert refused(served, place.servers.client(Authority(place.folder, "strangers").issue("stranger", "x")))


def test_only_certificates_with_an_allowed_name(server: Server, place: Place) -> None:
    text = MUTUAL + '  client_allowed_sans: [prometheus, "10.1.2.3"]\n'
    with server(web=place.web(text)) as served:
        assert ask(served, "/echo", context=place.client("prometheus")).status == 200
        assert ask(served, "/echo", context=place.client("by-address", "10.1.2.3")).status == 200
        answer = ask(served, "/echo", context=place.client("grafana"))
        assert (answer.status, "none of the allowed names" in answer.text) == (403, True)
        assert ask(served, "/-/reload", method="POST", context=place.client("grafana")).status == 403


def test_allowed_names_with_optional_certificates_still_want_one(server: Server, place: Place) -> None:
    with server(web=place.web(OPTIONAL + "  client_allowed_sans: [prometheus]\n")) as served:
        assert ask(served, "/echo", context=place.client()).status == 403
        assert ask(served, "/echo", context=place.client("prometheus")).status == 200


# --- users


def test_users(server: Server, place: Place) -> None:
    with server(place.site, web=place.web(users(ana="opensesame"))) as served:
        for path in ("/", "/metrics", "/config", "/echo", "/nowhere", "/-/reload"):
            answer = ask(served, path)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="heronwatch"')
        for path in ("/-/healthy", "/-/ready", "/own/page"):
            assert ask(served, path).status == 200
        assert ask(served, "/echo", headers={"Authorization": basic("ana", "wrong")}).status == 401
        assert ask(served, "/echo", headers={"Authorization": basic("ben", "opensesame")}).status == 401
        assert ask(served, "/echo", headers={"Authorization": basic("ana", "opensesame")}).status == 200
    assert place.site.telemetry.registry.get_sample_value("heronwatch_web_unauthorized_requests_total") == 8


@pytest.mark.parametrize(
    "path",
    [
        "/own/../echo",
        "/own/%2e%2e/echo",
        "//own/page",
        "/own//../echo",
        "/own%2f..%2fecho",
        "/-/ready/../reload",
        "/OWN/page",
    ],
)
def test_no_spelling_of_a_path_gets_around_the_users(server: Server, place: Place, path: str) -> None:
    with server(place.site, web=place.web(users(ana="x"))) as served:
        assert ask(served, path).status in {400, 401}


def test_two_authorization_headers_are_not_two_chances(server: Server, place: Place) -> None:
    with server(place.site, web=place.web(users(ana="x"))) as served, connect(served) as sock:
        wrong, right = basic("ana", "wrong"), basic("ana", "x")
        head = f"GET /echo HTTP/1.1\r\nHost: a\r\nAuthorization: {wrong}\r\nAuthorization: {right}\r\n\r\n"
        sock.sendall(head.encode())
        assert sock.recv(100).split(b" ")[1] in {b"400", b"401"}


def test_a_slow_password_check_holds_nobody_up(server: Server, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slow(_password: bytes, _entry: bytes) -> bool:
        entered.set()
        return go_on.wait(20)

    monkeypatch.setattr(web_auth.bcrypt, "checkpw", slow)
    with server(place.site, web=place.web(users(ana="x"))) as served:
        answers: list[int] = []
        headers = {"Authorization": basic("ana", "x")}
        asking = threading.Thread(target=lambda: answers.append(ask(served, "/echo", headers=headers).status))
        asking.start()
        assert entered.wait(10)
        assert ask(served, "/own/page").status == 200  # answered while bcrypt still works
        go_on.set()
        asking.join(20)
        assert answers == [200]


def test_a_flood_of_guesses_gets_429_and_the_known_user_is_served(
    server: Server, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    check = bcrypt.checkpw
    right = {"Authorization": basic("ana", "x")}

    def slow(password: bytes, entry: bytes) -> bool:
        return check(password, entry) if password == b"x" else not go_on.wait(20)

    monkeypatch.setattr(web_auth.bcrypt, "checkpw", slow)
    with server(
        place.site, web=place.web(users(ana="x")), **({"threads": 40} if "wsgi" in str(server) else {})
    ) as served:
        assert ask(served, "/echo", headers=right).status == 200
        statuses: list[int] = []

        def guess(number: int) -> None:
            statuses.append(ask(served, "/echo", headers={"Authorization": basic("ana", f"{number}")}).status)

        guessing = [threading.Thread(target=guess, args=(number,)) for number in range(30)]
        for thread in guessing:
            thread.start()
        wait_until(lambda: 429 in statuses, 10, "a guess to be turned away")
        assert ask(served, "/echo", headers=right).status == 200
        go_on.set()
        for thread in guessing:
            thread.join(20)
        assert set(statuses) == {401, 429}


# --- rotation


def test_users_rotated_on_disk_take_effect(server: Server, place: Place) -> None:
    with server(place.site, web=place.web(users(ana="old"))) as served:
        old, new = ({"Authorization": basic("ana", password)} for password in ("old", "new"))
        assert ask(served, "/echo", headers=old).status == 200
        place.write(users(ana="new"))
        place.follow()
        assert (ask(served, "/echo", headers=old).status, ask(served, "/echo", headers=new).status) == (401, 200)


def test_a_certificate_rotated_on_disk_takes_effect(server: Server, place: Place) -> None:
    with server(place.site, web=place.web(TLS)) as served:
        with connect(served, context=place.client()) as before:
            old = before.getpeercert(binary_form=True)  # type: ignore[attr-defined]
        for new in place.servers.issue("renewed"):
            shutil.move(new, place.folder / f"server{new.suffix}")
        place.follow()
        with connect(served, context=place.client()) as after:
            assert after.getpeercert(binary_form=True) != old  # type: ignore[attr-defined]


def test_the_clients_authority_rotated_on_disk_takes_effect(server: Server, place: Place) -> None:
    with server(place.site, web=place.web(MUTUAL)) as served:
        old = place.client("prometheus")
        assert ask(served, "/echo", context=old).status == 200
        place.clients = Authority(place.folder, "clients")
        place.follow()
        assert refused(served, old)
        assert ask(served, "/echo", context=place.client("prometheus")).status == 200


def test_a_bad_certificate_on_disk_keeps_the_old_one_and_shows(server: Server, place: Place, log: io.StringIO) -> None:
    with server(place.site, web=place.web(TLS)) as served:
        (place.folder / "server.crt").write_text("not a certificate")
        place.follow()
        answer = ask(served, "/metrics", context=place.client())
        assert "heronwatch_web_config_last_reload_successful 0.0" in answer.text
        assert "server.crt holds no certificate" in log.getvalue()
