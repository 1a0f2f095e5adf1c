"""What all tests share: a skipped test fails the run where everything can be had (CI); slowness alone fails none."""

import os

import pytest
from hypothesis import HealthCheck, settings

FORBID_SKIPS = "HERONWATCH_FORBID_SKIPS"
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not os.environ.get(FORBID_SKIPS):
        return
    skipped = reporter.stats.get("skipped", [])
    if skipped and exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{len(skipped)} skipped, and {FORBID_SKIPS} is set: that is a failure here")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
