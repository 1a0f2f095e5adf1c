"""The web config file in force: TLS, users, headers and limits of a server, followed while the file changes."""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from heronwatch import config
from heronwatch.errors import ConfigError
from heronwatch.faults import Fault
from heronwatch.logs import get_logger
from heronwatch.rate_limit import TokenBucket
from heronwatch.telemetry import Telemetry
from heronwatch.web_auth import BasicAuth, PasswordChecks, Verdicts
from heronwatch.web_format import WebConfig
from heronwatch.web_tls import FollowingContext, TlsFileError, file_paths, names_of, server_context

__all__ = ["ActiveWebConfig", "WebConfig", "WebConfigFile"]

CHECK_EVERY_S = 1.0
MOST_PASSWORD_CHECKS = 4
Signature = tuple[tuple[int, int, int] | None, ...]


class ActiveWebConfig:
    """One generation of the file, ready for use; never changes."""

    def __init__(
        self, value: WebConfig, *, context: ssl.SSLContext | None, auth: BasicAuth, bucket: TokenBucket
    ) -> None:
        self.value = value
        self.context = context
        self.auth = auth
        self.bucket = bucket
        self.headers: tuple[tuple[str, str], ...] = tuple(
            (name, text) for name, text in value.http_server_config.headers.items() if text
        )
        self.authenticates = value.authenticates
        tls = value.tls
        self.allowed_sans = frozenset(tls.client_allowed_sans if tls else ())

    def certificate_allowed(self, certificate: Mapping[str, Any] | None) -> bool:
        """Whether a verified client certificate carries one of `client_allowed_sans`, if any are listed."""
        return not self.allowed_sans or bool(self.allowed_sans & names_of(certificate))


class WebConfigFile:
    """The file at `path`, or, with None, a server without TLS and users.

    `current()` looks at the file and the certificates it names at most once in CHECK_EVERY_S and reads them again
    when they changed; new connections and requests then follow the new content. A bad file is logged, shows in
    heronwatch_web_config_last_reload_successful, and leaves the old content in force. Safe for threads.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        telemetry: Telemetry | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file; ConfigError when it cannot be used."""
        self.path = path
        self.checks = PasswordChecks(MOST_PASSWORD_CHECKS)
        self.monotonic = monotonic
        self._telemetry = telemetry
        self._now = now
        self._verdicts = Verdicts()
        self._lock = threading.Lock()
        self._log = get_logger("heronwatch.webconfig")
        self._must_authenticate = False
        self._refusal = ""  # why the file on disk is not in force
        self._signature = _signature(path, WebConfig())
        self._active = self._read(None)
        self._signature = _signature(path, self._active.value)
        self._next_check = monotonic() + CHECK_EVERY_S
        if telemetry:  # with no file there is nothing that could have failed
            telemetry.web_config_read(now())

    def current(self) -> ActiveWebConfig:
        """What is in force now; cheap enough for every request."""
        if self.path is not None and self.monotonic() >= self._next_check and self._lock.acquire(blocking=False):
            try:
                self._follow()
            finally:
                self._next_check = self.monotonic() + CHECK_EVERY_S
                self._lock.release()
        return self._active

    @property
    def uses_tls(self) -> bool:
        """Whether the server speaks TLS; fixed from the start on."""
        return self._active.context is not None

    @property
    def authenticates(self) -> bool:
        """Whether every request has to show a password or a verified client certificate."""
        return self._active.authenticates

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Headers to add to every response."""
        return self.current().headers

    def require_authentication(self) -> None:
        """From now on, refuse a new file that would let anyone in: the listener relies on it."""
        self._must_authenticate = True

    def ssl_context(self) -> ssl.SSLContext | None:
        """A context that follows the file for asyncio's servers; None without TLS."""
        return FollowingContext.following(self.connection_context) if self.uses_tls else None

    def connection_context(self) -> ssl.SSLContext:
        """The context for the next connection."""
        context = self.current().context
        if context is None:
            raise ssl.SSLError("the web config has no certificate")
        return context

    def _follow(self) -> None:
        seen = _signature(self.path, self._active.value)
        if seen == self._signature and not self._refusal:  # what a refused file wants may have arrived meanwhile
            return
        self._signature = seen  # taken before reading: a change while reading is seen next time
        try:
            self._active = self._read(self._active)
        except ConfigError as error:
            self._refused(str(error))
            return
        self._refusal = ""
        self._log.info("web config read again", file=str(self.path))
        if self._telemetry:
            self._telemetry.web_config_read(self._now())

    def _refused(self, faults: str) -> None:
        if faults != self._refusal:  # the same refusal is logged once
            self._log.error("web config refused, the old one stays in force", file=str(self.path), faults=faults)
        self._refusal = faults
        if self._telemetry:
            self._telemetry.web_config_refused()

    def _read(self, old: ActiveWebConfig | None) -> ActiveWebConfig:
        if self.path is None:
            value, context = WebConfig(), None
        else:
            value, context = _load(self.path)
            self._check_change(value, old)
        auth = BasicAuth(value.basic_auth_users, self._verdicts)
        return ActiveWebConfig(value, context=context, auth=auth, bucket=_bucket(value, old))

    def _check_change(self, new: WebConfig, old: ActiveWebConfig | None) -> None:
        message = refused_change(new, old.value if old else None, must_authenticate=self._must_authenticate)
        if message:
            raise ConfigError([Fault(str(self.path), 0, "", message)])


def refused_change(new: WebConfig, old: WebConfig | None, *, must_authenticate: bool) -> str:
    """Why a running server cannot follow a new file, or ""."""
    if old is not None and (new.tls is None) != (old.tls is None):
        return "turning TLS on or off needs a restart"
    if must_authenticate and not new.authenticates:
        return "the server listens beyond loopback, so it cannot give up users and required client certificates"
    return ""


def _load(path: Path) -> tuple[WebConfig, ssl.SSLContext | None]:
    loaded = config.load([path], WebConfig)
    tls = loaded.value.tls
    if tls is None:
        return loaded.value, None
    try:
        return loaded.value, server_context(tls, path.parent)
    except TlsFileError as error:
        raise ConfigError([loaded.fault(f"tls_server_config.{error.field}", str(error))]) from error


def _bucket(value: WebConfig, old: ActiveWebConfig | None) -> TokenBucket:
    if old is not None and old.value.rate_limit == value.rate_limit:
        return old.bucket
    return TokenBucket(value.rate_limit.interval, value.rate_limit.burst)


def _signature(path: Path | None, value: WebConfig) -> Signature:
    """What tells that the file or a certificate it names was replaced or written."""
    if path is None:
        return ()
    files = [path, *(file_paths(value.tls, path.parent).values() if value.tls else ())]
    return tuple(_state(file) for file in files)


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
