"""The newest peers in place of the installed ones: any daemon of tests/fakes/daemons.py from its newer package.

    with newest("prometheus", prometheus(tmp_path, config)) as daemon: ...

Where a package cannot be fetched, the test is skipped with the reason.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from scripts.newest_peers import NoNewestError, fetch
from tests.fakes.daemons import Daemon

FETCH_LIMIT_S = 900  # the first test that needs a package waits for its download
PROMETHEUS, ALERTMANAGER = "prometheus", "prometheus-alertmanager"
VICTORIA_METRICS, SNMP_EXPORTER = "victoria-metrics", "prometheus-snmp-exporter"
ALERTMANAGER_TEMPLATE = Path("/usr/share/prometheus/alertmanager/default.tmpl")  # compiled into Debian's binary


@contextmanager
def newest(package: str, start: AbstractContextManager[Daemon]) -> Iterator[Daemon]:
    """Enter `start`, which has not begun yet, with the package's binaries found before the installed ones."""
    root = _unpacked(package)
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{root / 'usr' / 'bin'}{os.pathsep}{os.environ['PATH']}")
            daemon = stack.enter_context(start)
        program = Path(f"/proc/{daemon.pid}/exe").resolve()
        assert program.is_relative_to(root.resolve()), f"{program} is not of the newest {package}"
        yield daemon


def _unpacked(package: str) -> Path:
    if package == ALERTMANAGER and not ALERTMANAGER_TEMPLATE.is_file():
        pytest.skip(f"the newest {package} needs {ALERTMANAGER_TEMPLATE}: apt-get install {package}")
    try:
        return fetch(package)
    except NoNewestError as error:
        pytest.skip(f"needs the newest {package}: {error}")
