"""The newest peers in place of the installed ones: a daemon of tests/fakes/daemons.py from its newer package.

    with newest("prometheus", prometheus(tmp_path, config)) as daemon: ...

Where a package cannot be fetched, the test is skipped with the reason.
"""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from scripts.newest_peers import NoNewestError, fetch
from tests.fakes.daemons import Daemon

FETCH_LIMIT_S = 900  # the first test that needs a package waits for its download
PROMETHEUS, ALERTMANAGER = "prometheus", "prometheus-alertmanager"
VICTORIA_METRICS, SNMP_EXPORTER = "victoria-metrics", "prometheus-snmp-exporter"
FLOOR = {PROMETHEUS: (2, 42), ALERTMANAGER: (0, 25), VICTORIA_METRICS: (1, 79), SNMP_EXPORTER: (0, 21)}
ALERTMANAGER_TEMPLATE = Path("/usr/share/prometheus/alertmanager/default.tmpl")  # compiled into Debian's binary
BUILD_VERSION = re.compile(r'^(?:\w+_build_info|vm_app_version)\{.*?\b(?:short_)?version="v?(\d+)\.(\d+)', re.MULTILINE)


@contextmanager
def newest(package: str, start: AbstractContextManager[Daemon]) -> Iterator[Daemon]:
    """Enter `start`, which has not begun yet, with the package's binaries found before the installed ones."""
    folder = _unpacked(package) / "usr" / "bin"
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
            daemon = stack.enter_context(start)
        found = version(daemon)
        assert found > FLOOR[package], f"{package} {found} is the installed one"
        yield daemon


def version(daemon: Daemon) -> tuple[int, int]:
    """Major and minor version that a daemon tells about itself at /metrics."""
    with urlopen(f"{daemon.url}/metrics", timeout=10) as answer:
        found = BUILD_VERSION.search(answer.read().decode())
    assert found, f"{daemon.name} tells no version"
    return int(found[1]), int(found[2])


def _unpacked(package: str) -> Path:
    if package == ALERTMANAGER and not ALERTMANAGER_TEMPLATE.is_file():
        pytest.skip(f"the newest {package} needs {ALERTMANAGER_TEMPLATE}: apt-get install {package}")
    try:
        return fetch(package)
    except NoNewestError as error:
        pytest.skip(f"needs the newest {package}: {error}")
