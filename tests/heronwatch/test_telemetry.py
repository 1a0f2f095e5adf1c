"""A service's metrics about itself, in one process."""

import gzip
import io
import platform
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Counter

from heronwatch.telemetry import Telemetry, TelemetryError
from tests.fakes.daemons import find_binary

PROMETHEUS_242 = (  # what 2.42 sends
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry("test", "1.2.3")


def test_build_info(telemetry: Telemetry) -> None:
    labels = {"service": "test", "version": "1.2.3", "python": platform.python_version()}
    assert telemetry.registry.get_sample_value("heronwatch_build_info", labels) == 1


def test_reload(telemetry: Telemetry) -> None:
    value = telemetry.registry.get_sample_value
    telemetry.reload_succeeded(1_800_000_000.5)
    assert value("heronwatch_config_last_reload_successful") == 1
    assert value("heronwatch_config_last_reload_success_timestamp_seconds") == 1_800_000_000.5
    telemetry.reload_failed()
    assert value("heronwatch_config_last_reload_successful") == 0
    assert value("heronwatch_config_last_reload_success_timestamp_seconds") == 1_800_000_000.5


def test_two_services_in_one_process_do_not_meet(telemetry: Telemetry) -> None:
    other = Telemetry("other", "1")
    other.reload_succeeded(1.0)
    assert telemetry.registry.get_sample_value("heronwatch_config_last_reload_successful") == 0


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("text/html,application/xhtml+xml", "text/plain; version=0.0.4"),
        (PROMETHEUS_242, "application/openmetrics-text; version=1.0.0"),
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0"),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=x.y.z", "text/plain"),
        (";;;,,,=", "text/plain"),
    ],
)
def test_negotiation(telemetry: Telemetry, accept: str, content_type: str) -> None:
    body, headers = telemetry.expose(accept)
    assert dict(headers)["Content-Type"].startswith(content_type)
    assert body.endswith(b"# EOF\n") is content_type.startswith("application/openmetrics")


@given(st.text(max_size=60), st.text(max_size=30))
def test_any_header_gets_an_exposition(accept: str, encoding: str) -> None:
    body, headers = SHARED.expose(accept, encoding)
    packed = dict(headers).get("Content-Encoding") == "gzip"
    assert b"heronwatch_build_info" in (gzip.decompress(body) if packed else body)


SHARED = Telemetry("shared", "1")


def test_gzip(telemetry: Telemetry) -> None:
    body, headers = telemetry.expose("", "gzip")
    assert dict(headers)["Content-Encoding"] == "gzip"
    assert b"heronwatch_build_info" in gzip.GzipFile(fileobj=io.BytesIO(body)).read()


def test_no_created_series(telemetry: Telemetry) -> None:
    Counter("heronwatch_test_things", "Things.", registry=telemetry.registry).inc()
    for accept in ("", PROMETHEUS_242):
        assert b"_created" not in telemetry.expose(accept)[0]


def test_promtool_finds_nothing_to_say(telemetry: Telemetry) -> None:
    promtool = find_binary("promtool", "prometheus")
    body, _ = telemetry.expose()
    done = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, timeout=50, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_several_processes_want_their_environment(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="PROMETHEUS_MULTIPROC_DIR"):
        Telemetry("test", "1", multiprocess_dir=tmp_path)
