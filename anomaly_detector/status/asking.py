"""Asking a running detector how it is."""

from pathlib import Path

import msgspec

from anomaly_detector.endpoint import BasicAuth, Endpoint, TlsConfig
from anomaly_detector.errors import SourceDeniedError, SourceUnavailableError, printable
from anomaly_detector.session import Session
from anomaly_detector.status.api import PATH
from anomaly_detector.status.report import Report
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl

TIMEOUT_S = 10.0
MOST_BYTES = 16 << 20


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How to be let in: a user of the web config with a password file, certificates to trust and to show."""

    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


def asked(url: str, login: Login) -> Report:
    """Return what the detector at a URL says.

    Raises ValueError for what is no URL, OSError for a file that cannot be read, SourceUnavailableError when nobody
    answers, SourceDeniedError when it is another program, or does not let us in.
    """
    session = Session(_endpoint(url, login))
    try:
        answer = session.get(PATH, max_bytes=MOST_BYTES)
    except SourceUnavailableError as exc:
        raise SourceUnavailableError(f"{exc} (another address: --url)") from exc
    finally:
        session.close()
    if answer.status in (401, 403):
        raise SourceDeniedError(f"{url} does not let us in ({answer.status}): --username and --password-file")
    if answer.status != 200:
        said = printable(answer.body.decode("utf-8", "replace"), most=150)
        raise SourceDeniedError(f"{url} answers {answer.status} instead of a status: {said}")
    try:
        return msgspec.json.decode(answer.body, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise SourceDeniedError(f"what answers at {url} is no detector of ours: {exc}") from exc


def _endpoint(url: str, login: Login) -> Endpoint:
    password = Path(login.password_file).read_text().rstrip("\n") if login.password_file else ""
    tls = TlsConfig(
        ca_file=Path(login.ca_file) if login.ca_file else None,
        cert_file=Path(login.cert_file) if login.cert_file else None,
        key_file=Path(login.key_file) if login.key_file else None,
    )
    return Endpoint(
        datasource_url=HttpUrl.parse(url),
        basic_auth=BasicAuth(username=login.username, password=Secret(password)) if login.username else None,
        tls_config=tls if login.ca_file or login.cert_file else None,
        timeout=Duration(TIMEOUT_S),
    )
