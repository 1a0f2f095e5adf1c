"""The page of the plug-in: its examples load, its tables name what the code has."""

import re
from pathlib import Path

import pytest

from exporters.loading import Sources, load_setup
from exporters.probing.tracks import read_tracks
from exporters.ssh import PLUGIN
from exporters.ssh.credential import SshCredential
from exporters.ssh.errors import SshError
from exporters.ssh.module import OutputFormat, SshModule
from exporters.ssh.simulator import new_key

PAGE = (Path(__file__).parents[3] / "docs/exporters/ssh.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", YAML)
def test_example_is_a_configuration_without_faults(example: str, tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "monitor_ed25519").write_text(key.private)
    (tmp_path / "known_hosts").write_text(f"10.0.0.21 {key.public}\n")
    file = tmp_path / "exporters.yml"
    file.write_text(example.replace("/run/secrets/", "").replace("/etc/heronwatch/", ""))
    assert load_setup(Sources(config_files=(str(file),)), [PLUGIN]).modules["ssh"]


def test_live_example_is_one() -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert list(read_tracks(example.encode())) == ["node_load1"]


def test_page_explains_every_word() -> None:
    credential = set(SshCredential.__struct_fields__) - {"networks"}
    module = set(SshModule.__struct_fields__) - {"help", "platform", "commands"}
    reasons = {error.reason for error in SshError.__subclasses__()}
    for word in credential | module | reasons | set(OutputFormat):
        assert f"`{word}" in PAGE, word
