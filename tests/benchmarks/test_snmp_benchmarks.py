"""What the SNMP benchmarks conclude from what they measured, and the stand that they measure on."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.exposition import Difference
from benchmarks.http_load import Load
from benchmarks.snmp_parity import Outcome, Pair
from benchmarks.snmp_scrape import Measured, Stage, WrongError, check, ratios, samples
from benchmarks.snmp_stand import V3, V3_ARGUMENTS, agents, config_text, start_ours
from benchmarks.switch import ROOTS, switch


def test_figures_count_what_differs_and_pairs_that_have_samples() -> None:
    outcome = Outcome([
        Pair("if_mib", "a", 10, failed=False, difference=Difference(missing=("x",), helps=("y", "z"))),
        Pair("if_mib", "b", 5, failed=False, difference=Difference(extra=("x", "y"))),
        Pair("system", "b", 0, failed=True, difference=Difference(different=("status 200 | 500",))),
        Pair("system", "a", 0, failed=False, difference=Difference()),
    ])  # fmt: skip
    found = outcome.figures()
    assert (found["missing"], found["extra"], found["different"], found["different_help"]) == (1, 2, 1, 2)
    assert (found["modules"], found["recordings"], found["series"]) == (2, 2, 15)
    assert (found["pairs"], found["pairs_compared"], found["failing_pairs"]) == (3, 4, 1)


GOOD = Load(1.0, latencies=[0.1] * 3)


@pytest.mark.parametrize(
    ("found", "walks", "values", "reason"),
    [
        (Load(1.0, latencies=[0.1] * 3, failures=1), 3, 30, "1 failed"),
        (Load(1.0, latencies=[0.1] * 3, plain=1), 3, 30, "1 without gzip"),
        (Load(1.0), 0, 0, "0 scrapes answered"),
        (GOOD, 2, 30, "3 scrapes answered, walks counted by the devices: 2, 2"),
        (GOOD, 4, 40, "3 scrapes answered, walks counted by the devices: 4, 4"),
        (GOOD, 3, 29, "3 scrapes of 10 values each, and the devices sent 29"),
    ],
)
def test_a_measurement_that_shared_or_skipped_walks_is_refused(
    found: Load, walks: int, values: int, reason: str
) -> None:
    with pytest.raises(WrongError, match=reason):
        check(found, dict.fromkeys(ROOTS, walks), values, 10)


def test_ratios_are_medians_of_ours_by_theirs_round_by_round() -> None:
    stage = Stage("v3", 48, devices=None, sides=(), values=0)  # type: ignore[arg-type]
    stage.kept["heronwatch workers=2", 16] = Measured([40.0, 20.0, 90.0], [1.0, 2.0, 3.0])
    stage.kept["snmp_exporter", 16] = Measured([10.0, 10.0, 10.0], [10.0, 10.0, 10.0])
    stage.peaks = {"heronwatch workers=2": 100, "snmp_exporter": 400}
    assert ratios(stage) == {
        "ratio_scrapes_48_c16_workers2_v3": 4.0,
        "ratio_cpu_48_c16_workers2_v3": 0.2,
        "ratio_rss_48_c16_workers2_v3": 0.25,
    }


def test_the_stand_serves_both_versions_and_counts(tmp_path: Path) -> None:
    recording = list(switch(4))
    config = tmp_path / "snmp.yml"
    config.write_text(config_text("0.30"))
    with ExitStack() as stack:
        devices = stack.enter_context(agents(tmp_path, recording, *V3_ARGUMENTS, targets=2, processes=2))
        ours = start_ours(stack, tmp_path, config)
        plain, secured = devices.targets
        found = [samples(ours.port, ours.path(plain)), samples(ours.port, ours.path(secured, auth=V3))]
        counted = devices.tally()
    assert found[0] == found[1] != {}
    assert (counted.walks, counted.forbidden) == (dict.fromkeys(ROOTS, 2), 0)
    assert counted.values >= 2 * len(recording)


def test_the_older_form_of_the_config_has_a_module_for_each_version() -> None:
    import yaml

    found = yaml.safe_load(config_text("0.21.0"))
    assert {name: module["version"] for name, module in found.items()} == {"if_mib": 2, f"if_mib_{V3}": 3}
