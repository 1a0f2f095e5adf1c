"""HTTP towards one Prometheus-like server: with deadline.py, the only file that knows the HTTP library.

Every exchange has a deadline and a size limit over all of it, not for each read; redirects are not followed, and
neither proxies nor credentials are taken from the environment.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import msgspec
import requests
from requests.auth import HTTPBasicAuth

from anomaly_detector.deadline import Guard, GuardedAdapter
from anomaly_detector.endpoint import Endpoint
from anomaly_detector.errors import ResponseTooLargeError, SourceDeniedError, SourceUnavailableError, printable
from heronwatch.bearer import Bearer

CHUNK_BYTES = 1 << 16
TENANT_HEADER = "X-Scope-OrgID"  # Mimir, Cortex, Loki; Thanos' own name can be set under `headers`
USER_AGENT = "heronwatch-detector"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server said; `headers` are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Session:
    """Connections to one endpoint, kept alive. Not to be shared between threads, but for `close`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._url = str(endpoint.datasource_url).rstrip("/")
        self._timeout_s = float(endpoint.timeout)
        self._session = requests.Session()
        self._session.trust_env = False
        self._guard = Guard()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, GuardedAdapter(self._guard))
        self._session.headers.update({"User-Agent": USER_AGENT, **_headers(endpoint)})
        self._session.auth = _auth(endpoint)
        self._session.verify, self._session.cert = _tls(endpoint)

    def post(
        self, path: str, body: bytes | Mapping[str, str], *, headers: Mapping[str, str] | None = None, max_bytes: int
    ) -> Answer:
        """Send one POST.

        Raises SourceUnavailableError without an answer in time, ResponseTooLargeError above `max_bytes`.
        """
        return self._exchange("POST", path, data=body, headers=headers, max_bytes=max_bytes)

    def get(self, path: str, *, max_bytes: int) -> Answer:
        """Send one GET; raises as `post` does."""
        return self._exchange("GET", path, max_bytes=max_bytes)

    def close(self) -> None:
        """Close connections; an exchange that another thread is in ends at once."""
        self._guard.close()
        self._session.close()

    def _exchange(self, method: str, path: str, *, max_bytes: int, **options: Any) -> Answer:
        late = f"{self._url}: no complete answer within {self._timeout_s:g} s"
        try:
            with self._guard.within(self._timeout_s):
                answer = self._answer(method, path, max_bytes, options)
        except requests.exceptions.InvalidHeader:
            raise SourceDeniedError("a credential or a header cannot be sent") from None  # the library's text shows it
        except requests.exceptions.InvalidURL as exc:
            raise SourceUnavailableError(f"not a URL: {exc}") from exc
        except requests.RequestException as exc:
            raise SourceUnavailableError(late if self._guard.expired else f"{self._url}: {_plain(exc)}") from exc
        except ValueError:  # a Location that is none, a chunk of a negative length; the text may show what was sent
            said = f"{self._url}: the exchange failed: a header that cannot be sent, or no HTTP"
            raise SourceUnavailableError(said) from None
        if self._guard.expired:  # an answer without a length seems complete when it is cut off
            raise SourceUnavailableError(late)
        return answer

    def _answer(self, method: str, path: str, max_bytes: int, options: Mapping[str, Any]) -> Answer:
        with self._session.request(
            method, self._url + path, timeout=self._timeout_s, allow_redirects=False, stream=True, **options
        ) as response:
            body = _read(response, max_bytes)
            return Answer(status=response.status_code, headers=response.headers, body=body)


def _read(response: requests.Response, max_bytes: int) -> bytes:
    parts, size = [], 0
    for chunk in response.iter_content(CHUNK_BYTES):
        parts.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise ResponseTooLargeError(
                f"the answer is above {max_bytes} bytes: narrow the expression or raise max_response_bytes"
            )
    return b"".join(parts)


def _auth(endpoint: Endpoint) -> Bearer | HTTPBasicAuth | None:
    if endpoint.bearer_token is not None:
        return Bearer(endpoint.bearer_token)
    if endpoint.basic_auth is not None:
        basic = endpoint.basic_auth
        return HTTPBasicAuth(basic.username.encode(), basic.password.reveal().encode())  # RFC 7617: UTF-8
    return None


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {name: value.reveal() for name, value in endpoint.headers.items()}
    if endpoint.tenant_id:
        headers[TENANT_HEADER] = endpoint.tenant_id
    return headers


def _tls(endpoint: Endpoint) -> tuple[bool | str, tuple[str, str] | None]:
    tls = endpoint.tls_config
    if tls is None:
        return True, None
    verify: bool | str = False if tls.insecure_skip_verify else str(tls.ca_file) if tls.ca_file else True
    if tls.insecure_skip_verify:  # said once by the configuration, not by every request
        warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    return verify, (str(tls.cert_file), str(tls.key_file)) if tls.cert_file and tls.key_file else None


def _plain(exc: requests.RequestException) -> str:
    """Say what happened in a few words: the library's own text repeats URL, pool and object addresses."""
    kinds = (
        (requests.exceptions.SSLError, "TLS failed"),
        (requests.exceptions.ConnectTimeout, "no connection in time"),
        (requests.exceptions.ReadTimeout, "no answer in time"),
        (requests.exceptions.ConnectionError, "no connection"),
        (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
        (requests.exceptions.ContentDecodingError, "the answer cannot be unpacked"),
    )
    said = next((text for kind, text in kinds if isinstance(exc, kind)), type(exc).__name__)
    cause = exc.args[0] if exc.args else ""
    reason = getattr(cause, "reason", cause)
    detail = str(getattr(reason, "args", ("",))[-1] if getattr(reason, "args", None) else "")
    detail = printable(detail.rsplit(": ", 1)[-1], most=150)
    return f"{said} ({detail})" if detail and detail.isascii() else said  # else it is no text
