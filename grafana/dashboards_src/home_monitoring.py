"""The monitoring watched from the overview: scrapes, scores, messages, freshness."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.fleet_reading import failed_scrapes
from grafana.dashboards_src.oncall import MESSAGES
from grafana.dashboards_src.panels import Facts, Query, amounts, with_limit

LATE = "clamp_min(heronwatch_detector_lag_seconds - heronwatch_detector_lag_usual_seconds, 0)"


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [failed_scrapes(14), _lag(), _messages(), _freshness()]


def _lag() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=15,
            title="Detector: how late scores are",
            description="How much older than a step the newest score of each query is. Five minutes: DetectorLagging.",
            unit="s",
            w=12,
        ),
        Query(expr=LATE, legend="{{query}}"),
    )
    return with_limit(panel, thresholds.DETECTOR_LAG_SECONDS)


def _messages() -> timeseries.Panel:
    return amounts(
        Facts(
            id=16,
            title="Messages by channel and outcome",
            description="Messages that the webhook sent. Above one failure in ten: WebhookDeliveryFailing.",
            unit="short",
            w=12,
        ),
        MESSAGES,
    )


def _freshness() -> timeseries.Panel:
    panel = amounts(
        Facts(
            id=17,
            title="Age of the newest sample",
            description="How old the newest sample of any target is. Above four minutes: IngestStalled.",
            unit="s",
            w=12,
        ),
        Query(expr="time() - max(timestamp(up))", legend="age"),
    )
    return with_limit(panel, thresholds.INGEST_STALLED_SECONDS)
