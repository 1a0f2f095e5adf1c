"""The committed dashboards are what their sources generate."""

from pathlib import Path

import pytest

from grafana.dashboards_src import generate


def test_committed_dashboards_are_current() -> None:
    assert generate.main(["--check"]) == 0


def test_generation_is_stable() -> None:
    assert generate.files() == generate.files()


def test_check_names_a_stale_and_an_unknown_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert generate.main([]) == 0
    (tmp_path / "Infrastructure/heronwatch-home.json").write_text("{}\n")
    (tmp_path / "old.json").write_text("{}\n")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "Infrastructure/heronwatch-home.json: differs from its source",
        "old.json: has no source",
    ]
