"""One series: its band, its score, which feature speaks, how far it is learnt."""

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import device_anomalies
from grafana.dashboards_src.frame import Row, board, fill, filters, variables
from grafana.dashboards_src.panels import Column, Facts, Query, amounts, grid
from grafana.dashboards_src.scores import CHOSEN, NAMED, SCORED, band_width, scores, series_variable

UID = "heronwatch-anomaly-series"


def build() -> models.Dashboard:
    """Return the board."""
    text = "One series: what was expected, what is unusual about it, and what its neighbours do."
    empty = board(UID, "Heronwatch anomaly series", text, ["anomalies"])
    return fill(
        empty.variables([*variables("anomaly_score", jobs=".*"), series_variable("anomaly_score"), filters()]),
        [
            Row(id=100, title="The series", panels=device_anomalies.panels(of="{{instance}} ")),
            Row(id=200, title="Why", panels=[_features(), _neighbours(), _now()]),
            Row(id=300, title="How well is it known?", panels=[_confidence(), _width()]),
        ],
    )


def _features() -> timeseries.Panel:
    facts = Facts(
        id=1,
        title="Which feature speaks",
        description=(
            "Each feature's own score, 1 its threshold; written for series near alarm only. "
            "heronwatch detector explain says more."
        ),
        unit="short",
        w=12,
        h=9,
        empty="no series near alarm in this time",
    )
    query = Query(
        expr=f"topk(20, anomaly_contribution{{{CHOSEN}}})", legend="{{feature}}: {{for}} {{instance}} {{ifName}}"
    )
    return scores(facts, query)


def _neighbours() -> timeseries.Panel:
    facts = Facts(
        id=2,
        title="Do the device's other series agree?",
        description="Mean score of each query on each device, every series cut at 3: what many say is real.",
        unit="short",
        w=12,
        h=9,
    )
    query = Query(
        expr=f"topk(15, avg by (instance, for) (clamp_max(anomaly_score{{{CHOSEN}}}, 3)))",
        legend="{{instance}} {{for}}",
    )
    return amounts(facts, query)


def _now() -> table.Panel:
    facts = Facts(
        id=3,
        title="Expected and score now",
        description="The band and the score of this moment, where the query writes a band. Above 1: AnomalyDetected.",
        unit="short",
        w=24,
        h=9,
    )
    by = "max by (instance, for, ifName)"
    worst = f"topk(25, {by} (anomaly_score{{{CHOSEN}}}))"
    queries = [
        Query(expr=worst),
        *(Query(expr=f"{by} ({name}{{{CHOSEN}}})") for name in ("yhat", "yhat_lower", "yhat_upper")),
    ]
    return grid(
        facts,
        queries,
        [
            *NAMED,
            Column(field="ifName", title="Interface", width=150),
            Column(field="Value #A", title="Score", width=90, properties=SCORED),
            Column(field="Value #B", title="Expected", width=120, properties=(("unit", "sishort"),)),
            Column(field="Value #C", title="Lower limit", width=120, properties=(("unit", "sishort"),)),
            Column(field="Value #D", title="Upper limit", width=120, properties=(("unit", "sishort"),)),
        ],
    )


def _confidence() -> timeseries.Panel:
    facts = Facts(
        id=4,
        title="Confidence while warming up",
        description="How much of the warm-up is done. A series without a line is learnt; until then the score is 0.",
        unit="percentunit",
        w=12,
        empty="every series is learnt",
    )
    query = Query(expr=f"bottomk(20, anomaly_confidence{{{CHOSEN}}})", legend="{{for}} {{instance}} {{ifName}}")
    return amounts(facts, query)


def _width() -> timeseries.Panel:
    facts = Facts(
        id=5,
        title="Width of the band",
        description="Between the limits, relative to the expected value; the median of each query.",
        unit="percentunit",
        w=12,
        empty="no query writes a band",
    )
    return band_width(facts, "yhat", "for")
