"""HTTP towards one server: what is sent, and what can go wrong."""

import ssl
from pathlib import Path

import pytest
import trustme

from anomaly_detector.config import BasicAuth, Endpoint, TlsConfig
from anomaly_detector.errors import ResponseTooLargeError, SourceUnavailableError
from anomaly_detector.session import Session
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl
from tests.fakes.canned_http import Canned, canned_http
from tests.fakes.daemons import LOOPBACK, free_port


def session(url: str, **options: object) -> Session:
    return Session(Endpoint(datasource_url=HttpUrl.parse(url), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "header", "value"),
    [
        ({"basic_auth": BasicAuth(username="ana", password=Secret("pw"))}, "Authorization", "Basic YW5hOnB3"),
        ({"bearer_token": Secret("tok")}, "Authorization", "Bearer tok"),
        ({"headers": {"X-Extra": Secret("7")}}, "X-Extra", "7"),
        ({"tenant_id": "plant"}, "X-Scope-OrgID", "plant"),
        ({}, "User-Agent", "heronwatch-detector"),
    ],
)
def test_what_lets_us_in_is_sent(options: dict[str, object], header: str, value: str) -> None:
    with canned_http(Canned(body=b"yes")) as server:
        answer = session(server.url, **options).post("/p", b"x", max_bytes=10)
    assert (answer.status, answer.body) == (200, b"yes")
    assert server.asked[0].headers[header] == value


def test_credentials_of_the_environment_are_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ana password pw\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with canned_http(Canned()) as server:
        assert session(server.url).get("/p", max_bytes=10).status == 200
    assert "Authorization" not in server.asked[0].headers


def test_redirects_are_not_followed() -> None:
    with canned_http(Canned(status=302, headers={"Location": "/elsewhere"})) as server:
        assert session(server.url).get("/p", max_bytes=10).status == 302
    assert len(server.asked) == 1


def test_nobody_there() -> None:
    with pytest.raises(
        SourceUnavailableError, match=r"^http://127\.0\.0\.1:\d+: no connection \(.*Connection refused\)$"
    ):
        session(f"http://127.0.0.1:{free_port()}").get("/p", max_bytes=10)


def test_an_answer_in_pieces_has_a_deadline() -> None:
    with (
        canned_http(Canned(body=b"late", delay_s=5)) as server,
        pytest.raises(SourceUnavailableError, match=r"no answer in time|no complete answer|no connection"),
    ):
        session(server.url, timeout=Duration(0.2)).get("/p", max_bytes=10)


def test_an_answer_above_the_budget_is_not_read() -> None:
    with canned_http(Canned(body=b"x" * 11)) as server, pytest.raises(ResponseTooLargeError, match="above 10 bytes"):
        session(server.url).get("/p", max_bytes=10)


def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOOPBACK).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with canned_http(Canned(), tls=context) as server:
        with pytest.raises(SourceUnavailableError, match="TLS failed"):
            session(server.url).get("/p", max_bytes=10)
        for trusting in (TlsConfig(ca_file=tmp_path / "ca.pem"), TlsConfig(insecure_skip_verify=True)):
            assert session(server.url, tls_config=trusting).get("/p", max_bytes=100).status == 200
