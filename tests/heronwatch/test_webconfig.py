"""The web config file in force while files change on disk."""

import io
import os
import shutil
import ssl
from pathlib import Path

import bcrypt
import pytest
from prometheus_client import CollectorRegistry

from heronwatch.errors import ConfigError
from heronwatch.telemetry import Telemetry
from heronwatch.web_tls import TlsFileError, server_context
from heronwatch.webconfig import CHECK_EVERY_S, WebConfigFile
from tests.fakes.certificates import Authority
from tests.fakes.clock import FakeClock
from tests.fakes.web_client import basic as header

SUCCESSFUL = "heronwatch_web_config_last_reload_successful"
TIMESTAMP = "heronwatch_web_config_last_reload_success_timestamp_seconds"


def users(**passwords: str) -> str:
    lines = [f'  {n}: "{bcrypt.hashpw(p.encode(), bcrypt.gensalt(4)).decode()}"' for n, p in passwords.items()]
    return "\n".join(["basic_auth_users:", *lines, ""])


TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


class Followed:
    """A web config file with a clock that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "web.yml"
        self.clock = FakeClock()
        self.telemetry = Telemetry("test", "1")

    def write(self, text: str, path: Path | None = None) -> None:
        """Write a file so that its time stamp differs from the one before."""
        target = path or self.path
        before = target.stat().st_mtime_ns if target.exists() else 0
        target.write_text(text)
        stamp = max(target.stat().st_mtime_ns, before + 1_000)
        os.utime(target, ns=(stamp, stamp))

    def open(self) -> WebConfigFile:
        return WebConfigFile(self.path, telemetry=self.telemetry, now=self.clock.now, monotonic=self.clock.monotonic)

    def metric(self, name: str) -> float | None:
        registry: CollectorRegistry = self.telemetry.registry
        return registry.get_sample_value(name)


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_no_file_is_a_plain_open_server() -> None:
    file = WebConfigFile()
    assert not file.uses_tls
    assert not file.authenticates
    assert file.current().auth.check(None)
    assert file.ssl_context() is None
    assert file.headers == ()


def test_an_empty_file_is_a_plain_open_server(followed: Followed) -> None:
    followed.write("")
    assert not followed.open().authenticates


def test_a_missing_file_is_told(followed: Followed) -> None:
    with pytest.raises(ConfigError, match=r"web\.yml"):
        followed.open()


def test_users_change_without_restart(followed: Followed) -> None:
    followed.write(users(ana="old"))
    file = followed.open()
    followed.write(users(ana="new"))
    followed.clock.advance(CHECK_EVERY_S)
    assert file.current().auth.check(header("ana", "new"))
    assert not file.current().auth.check(header("ana", "old"))
    assert followed.metric(TIMESTAMP) == followed.clock.now()


def test_the_file_is_looked_at_once_a_second(followed: Followed) -> None:
    followed.write(users(ana="old"))
    file = followed.open()
    followed.write(users(ana="new"))
    followed.clock.advance(CHECK_EVERY_S / 2)
    assert file.current().auth.check(header("ana", "old"))


def test_a_bad_file_keeps_the_old_one_and_is_told(followed: Followed, log: io.StringIO) -> None:
    followed.write(users(ana="old"))
    file = followed.open()
    assert followed.metric(SUCCESSFUL) == 1
    followed.write("basic_auth_user: {}\n")
    followed.clock.advance(CHECK_EVERY_S)
    assert file.current().auth.check(header("ana", "old"))
    assert followed.metric(SUCCESSFUL) == 0
    assert "did you mean 'basic_auth_users'?" in log.getvalue()
    assert "level=error" in log.getvalue()


def test_a_good_file_after_a_bad_one_is_taken(followed: Followed, log: io.StringIO) -> None:
    followed.write(users(ana="old"))
    file = followed.open()
    for text in ("nonsense: [", users(ana="new")):
        followed.write(text)
        followed.clock.advance(CHECK_EVERY_S)
        file.current()
    assert file.current().auth.check(header("ana", "new"))
    assert followed.metric(SUCCESSFUL) == 1


def test_the_same_refusal_is_logged_once(followed: Followed, log: io.StringIO) -> None:
    followed.write("")
    file = followed.open()
    followed.write("nonsense: [")
    for _ in range(3):
        followed.clock.advance(CHECK_EVERY_S)
        file.current()
    assert log.getvalue().count("refused") == 1


def test_a_file_that_is_taken_away_keeps_the_old_content(followed: Followed, log: io.StringIO) -> None:
    followed.write(users(ana="old"))
    file = followed.open()
    followed.path.unlink()
    followed.clock.advance(CHECK_EVERY_S)
    assert file.current().auth.check(header("ana", "old"))
    assert followed.metric(SUCCESSFUL) == 0


def test_a_certificate_named_before_it_exists_is_taken_once_it_does(
    followed: Followed, tmp_path: Path, log: io.StringIO
) -> None:
    authority = Authority(tmp_path)
    authority.issue("server")
    followed.write(TLS)
    file = followed.open()
    first = file.current().context
    followed.write(TLS.replace("server.", "second."))
    followed.clock.advance(CHECK_EVERY_S)
    assert file.current().context is first
    authority.issue("second")
    followed.clock.advance(CHECK_EVERY_S)
    assert file.current().context is not first
    assert followed.metric(SUCCESSFUL) == 1


def test_a_renewed_certificate_is_followed(followed: Followed, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server")
    followed.write(TLS)
    file = followed.open()
    first = file.connection_context()
    authority.issue("renewed")
    for suffix in ("crt", "key"):
        shutil.move(tmp_path / f"renewed.{suffix}", tmp_path / f"server.{suffix}")
    followed.clock.advance(CHECK_EVERY_S)
    assert file.connection_context() is not first


def test_unchanged_files_are_not_read_again(followed: Followed) -> None:
    followed.write(users(ana="x"))
    file = followed.open()
    first = file.current()
    followed.clock.advance(10 * CHECK_EVERY_S)
    assert file.current() is first


def test_tls_is_not_turned_off_while_running(followed: Followed, tmp_path: Path, log: io.StringIO) -> None:
    Authority(tmp_path).issue("server")
    followed.write(TLS)
    file = followed.open()
    followed.write("")
    followed.clock.advance(CHECK_EVERY_S)
    assert file.uses_tls
    assert file.connection_context()
    assert "needs a restart" in log.getvalue()


def test_users_are_not_given_up_where_the_listener_relies_on_them(followed: Followed, log: io.StringIO) -> None:
    followed.write(users(ana="x"))
    file = followed.open()
    file.require_authentication()
    followed.write("")
    followed.clock.advance(CHECK_EVERY_S)
    assert not file.current().auth.check(None)
    assert "beyond loopback" in log.getvalue()


def test_empty_header_values_turn_a_header_off(followed: Followed) -> None:
    followed.write('http_server_config: {headers: {X-Frame-Options: deny, X-XSS-Protection: ""}}\n')
    assert followed.open().headers == (("X-Frame-Options", "deny"),)


def test_a_rate_limit_keeps_its_state_over_an_unrelated_change(followed: Followed) -> None:
    limit = "rate_limit: {interval: 1h, burst: 1}\n"
    followed.write(limit)
    file = followed.open()
    assert file.current().bucket.take(followed.clock.monotonic())
    followed.write(limit + users(ana="x"))
    followed.clock.advance(CHECK_EVERY_S)
    assert not file.current().bucket.take(followed.clock.monotonic())


def test_inline_certificate_and_key(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("server")
    indent = lambda path: "\n".join(f"    {line}" for line in path.read_text().splitlines())  # noqa: E731
    path = tmp_path / "web.yml"
    path.write_text(f"tls_server_config:\n  cert: |\n{indent(certificate)}\n  key: |\n{indent(key)}\n")
    assert WebConfigFile(path).uses_tls


def context_of(tmp_path: Path, extra: str) -> ssl.SSLContext:
    Authority(tmp_path).issue("server")
    path = tmp_path / "web.yml"
    path.write_text(TLS.replace("}", f", {extra}}}"))
    context = WebConfigFile(path).current().context
    assert context is not None
    return context


def test_versions_reach_the_context(tmp_path: Path) -> None:
    context = context_of(tmp_path, "min_version: TLS13")
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3


def test_suites_reach_the_context(tmp_path: Path) -> None:
    context = context_of(tmp_path, "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]")
    old = [suite["name"] for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert old == ["ECDHE-ECDSA-AES256-GCM-SHA384"]


def test_suites_of_tls13_only_leave_no_older_version(tmp_path: Path) -> None:
    context = context_of(tmp_path, "cipher_suites: [TLS_AES_128_GCM_SHA256]")
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("prefer", [True, False])
def test_preference_reaches_the_context(tmp_path: Path, prefer: bool) -> None:
    context = context_of(tmp_path, f"prefer_server_cipher_suites: {str(prefer).lower()}")
    assert bool(context.options & ssl.OP_CIPHER_SERVER_PREFERENCE) is prefer


def test_a_directory_as_a_certificate_names_its_field(tmp_path: Path) -> None:
    from heronwatch.config import loads
    from heronwatch.web_format import WebConfig

    (tmp_path / "server.crt").mkdir()
    tls = loads(TLS, WebConfig).value.tls
    assert tls is not None
    with pytest.raises(TlsFileError) as caught:
        server_context(tls, tmp_path)
    assert caught.value.field == "cert_file"
