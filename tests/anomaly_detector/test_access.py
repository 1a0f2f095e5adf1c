"""A real Prometheus as it stands behind Mimir, Thanos and proxies: under a prefix, over TLS, with a password."""

import base64
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import bcrypt
import pytest
import trustme
from prometheus_client import CollectorRegistry

from anomaly_detector.metrics import Metrics
from anomaly_detector.service import Detector
from heronwatch.clock import SystemClock
from tests.fakes.daemons import LOOPBACK, Daemon, find_binary, free_port, running, wait_until
from tests.fakes.detector_plans import config

pytestmark = [pytest.mark.prometheus, pytest.mark.long]
PREFIX, PASSWORD = "/team-1/prometheus", "a b:c"
CONFIG = """
reader: {{datasource_url: '{url}', {access}, queries: {{self: {{expr: prometheus_build_info, step: 1s}}}}}}
writer: {{targets: [{{datasource_url: '{url}', {access}}}]}}
"""


class Guarded:
    """A Prometheus with a prefix, TLS and a password, and what a client needs."""

    def __init__(self, ca: Path, port: int) -> None:
        self.ca, self.url = ca, f"https://{LOOPBACK}:{port}{PREFIX}"
        self._context = ssl.create_default_context(cafile=str(ca))

    def ask(self, path: str) -> bytes:
        basic = base64.b64encode(f"ana:{PASSWORD}".encode()).decode()
        request = Request(self.url + path, headers={"Authorization": f"Basic {basic}"})
        with urlopen(request, timeout=20, context=self._context) as answer:
            return bytes(answer.read())

    def ready(self, _: Daemon) -> bool:
        try:
            return bool(self.ask("/-/ready"))
        except (HTTPError, OSError):
            return False


@contextmanager
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    ca, port = trustme.CA(), free_port()
    issued = ca.issue_cert(LOOPBACK)
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(
        f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\nbasic_auth_users: {{ana: '{hashed}'}}\n"
    )
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs: [{job_name: self, scheme: https, "
        f"metrics_path: {PREFIX}/metrics, basic_auth: {{username: ana, password: '{PASSWORD}'}}, "
        f"tls_config: {{ca_file: ca.pem}}, static_configs: [{{targets: ['{LOOPBACK}:{port}']}}]}}]\n"
    )
    command = [
        find_binary("prometheus", "prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--web.config.file=web.yml",
        f"--web.listen-address={LOOPBACK}:{port}",
        f"--web.external-url=https://{LOOPBACK}:{port}{PREFIX}",
        "--web.enable-remote-write-receiver",
        "--web.console.libraries=",
        "--web.console.templates=",
    ]
    one = Guarded(tmp_path / "ca.pem", port)
    with running("prometheus", command, directory=tmp_path, port=port, ready=one.ready):
        yield one


def started(one: Guarded, access: str) -> Detector:
    made = Detector(
        config(CONFIG.format(url=one.url, access=access)), clock=SystemClock(), metrics=Metrics(CollectorRegistry())
    )
    made.start()
    return made


def test_prefix_tls_and_password(tmp_path: Path) -> None:
    with guarded(tmp_path) as one:
        tls = f"tls_config: {{ca_file: '{one.ca}'}}"
        right = started(one, f"{tls}, basic_auth: {{username: ana, password: '{PASSWORD}'}}")
        try:
            wait_until(lambda: b"anomaly_score" in one.ask("/api/v1/label/__name__/values"), 20, "scores")
            assert right.not_ready() == []
        finally:
            right.stop()
        wrong = started(one, tls)
        try:
            wait_until(lambda: any("HTTP 401" in reason for reason in wrong.not_ready()), 10, "the refusal")
        finally:
            wrong.stop()
