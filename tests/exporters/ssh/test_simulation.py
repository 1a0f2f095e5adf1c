"""`simulate ssh` as a program: a host that exists only as text, with a live file."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.ssh import PLUGIN
from exporters.ssh.simulator import new_key
from tests.fakes.daemons import find_binary

START = """
import argparse, sys
from exporters.ssh import PLUGIN
parser = argparse.ArgumentParser()
PLUGIN.simulate.add_arguments(parser)
sys.exit(PLUGIN.simulate.run(parser.parse_args(sys.argv[1:])))
"""
SCRIPT = (
    "printf '\\n%s begin %s\\n' @@1 loadavg\n{\ncat /proc/loadavg\n} </dev/null\nprintf '\\n%s end %s\\n' @@1 $?\n"
    "printf '\\n%s begin %s\\n' @@1 evil\n{\nreboot\n} </dev/null\nprintf '\\n%s end %s\\n' @@1 $?\n"
)


def test_openssh_client_reads_the_simulated_host(tmp_path: Path) -> None:
    ssh = find_binary("ssh", "openssh-client")
    client, host = new_key(), new_key()
    files = {"id": client.private, "id.pub": client.public, "host": host.private}
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "live.json").write_text(json.dumps({"node_load1": {"points": [[0, 7.5]]}}))
    command = [
        sys.executable, "-c", START, "--listen", "127.0.0.1:0", "--user", "mon",
        "--authorized-key", str(tmp_path / "id.pub"),
        "--host-key", str(tmp_path / "host"), "--live", str(tmp_path / "live.json"),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip().rpartition(":")[2]
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {host.public}\n")
        options = [
            "-F",
            "none",
            "-o",
            f"UserKnownHostsFile={known}",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "BatchMode=yes",
        ]
        login = [ssh, *options, "-i", str(tmp_path / "id"), "-p", port, "mon@127.0.0.1", SCRIPT]
        done = subprocess.run(login, capture_output=True, text=True, timeout=50, check=False)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert done.stdout == (
        "\n@@1 begin loadavg\n7.50 0.37 0.31 1/180 4242\n\n@@1 end 0\n\n@@1 begin evil\n\n@@1 end 127\n"
    )


@pytest.mark.parametrize("missing", ["--authorized-key", "--host-key"])
def test_simulate_command_refuses_with_a_reason(tmp_path: Path, missing: str) -> None:
    key = new_key()
    (tmp_path / "key").write_text(key.private)
    (tmp_path / "key.pub").write_text(key.public)
    files = {"--authorized-key": tmp_path / "key.pub", "--host-key": tmp_path / "key", missing: tmp_path / "nosuch"}
    arguments = [str(part) for pair in files.items() for part in pair]
    done = subprocess.run(
        [sys.executable, "-c", START, *arguments], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 1
    assert "No such file or directory" in done.stderr


def test_plugin_is_built_without_its_library() -> None:
    code = (
        "import argparse, sys, exporters.ssh\n"
        "exporters.ssh.PLUGIN.simulate.add_arguments(argparse.ArgumentParser())\n"
        "sys.exit('asyncssh' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=50).returncode == 0
    assert PLUGIN.protocol == "ssh"
