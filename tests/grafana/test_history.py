"""The invented fleet's past: what the pictures and the query tests stand on."""

from grafana.preview import fleet, history, series

END = 1_700_000_010  # not a multiple of the step
HOURS = 4


def by_family(name: str) -> list[series.Line]:
    return [line for line in history.lines(END, HOURS) if line.family == name]


def test_no_two_series_have_the_same_labels() -> None:
    keys = [(line.family, *sorted(line.labels.items())) for line in history.lines(END, HOURS)]
    assert len(keys) == len(set(keys))


def test_every_series_has_a_value_for_every_moment() -> None:
    count = len(series.Moments(END, HOURS).times)
    assert count == HOURS * 3600 / series.STEP_S + 1
    assert {len(line.values) for line in history.lines(END, HOURS)} == {count}


def test_counters_never_fall() -> None:
    for line in by_family("ifHCInOctets"):
        known = [value for value in line.values if value is not None]
        assert known == sorted(known)


def test_the_same_moment_gives_the_same_past() -> None:
    assert history.lines(END, 1) == history.lines(END, 1)


def test_only_the_drifting_uplink_is_outside_its_band_at_the_end() -> None:
    outside = [line.labels for line in by_family("anomaly_score") if (line.values[-1] or 0) > 1]
    assert [(labels["instance"], labels["ifName"]) for labels in outside] == [fleet.DRIFTING]


def test_the_ups_is_on_battery_at_the_end_and_was_not_before() -> None:
    source = next(line for line in by_family("upsOutputSource") if line.labels["instance"] == fleet.ON_BATTERY)
    assert (source.values[0], source.values[-1]) == (3.0, 5.0)


def test_openmetrics_escapes_what_a_label_may_hold() -> None:
    line = series.Line("a", {"series": '{ifName="eth0"}'}, [1.0])
    assert f'a{{series="{{ifName=\\"eth0\\"}}"}} 1.0 {END}\n' in history.openmetrics([line], END, 0)


def test_openmetrics_names_each_family_once_and_ends() -> None:
    text = "".join(history.openmetrics(history.lines(END, 0.1), END, 0.1))
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert text.endswith("# EOF\n")
