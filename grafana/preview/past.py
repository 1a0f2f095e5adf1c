"""A real Prometheus over the invented fleet's past, on a free loopback port, in a temporary folder."""

import contextlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from grafana.preview.history import lines, openmetrics

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 10
POLL_S = 0.1


class PartMissingError(RuntimeError):
    """A program is not installed; the text says how to get it."""


def find(name: str, package: str) -> str:
    """Return the path of a program; PartMissingError names the Debian package."""
    path = shutil.which(name)
    if path is None:
        raise PartMissingError(f"{name} is missing: apt-get install {package}")
    return path


@contextlib.contextmanager
def prometheus(folder: Path, end: int, hours: float) -> Iterator[str]:
    """Write the past, start Prometheus over it, yield its address, stop it by its own pid."""
    text, data, config = folder / "past.om", folder / "data", folder / "prometheus.yml"
    with text.open("w") as output:
        output.writelines(openmetrics(lines(end, hours), end, hours))
    promtool = [find("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)]
    subprocess.run(promtool, check=True, stdout=subprocess.DEVNULL)
    text.unlink()
    config.write_text("global: {scrape_interval: 30s}\n")
    port = _free_port()
    command = [
        find("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_ready(process, f"http://127.0.0.1:{port}/-/ready", folder / "prometheus.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=1):  # noqa: S310
            return
        time.sleep(POLL_S)
    raise RuntimeError(f"Prometheus did not become ready:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
