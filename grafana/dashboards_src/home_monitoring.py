"""The monitoring watched from the overview: scrapes, scores, messages, freshness."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.panels import Facts, Query, graph, steps, with_limit


def panels() -> list[Builder[models.Panel]]:
    """Return the row's panels."""
    return [_failures(), _lag(), _messages(), _freshness()]


def _failures() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=14,
            title="Failed scrapes by module and reason",
            description="Scrapes a second that failed. Above one in five of a module: ScrapeFailuresHigh.",
            unit="reqps",
            w=12,
        ),
        [
            Query(
                expr="sum by (module, reason) (rate(heronwatch_exporter_scrape_failures_total[$__rate_interval]))",
                legend="{{module}} {{reason}}",
            )
        ],
    )
    return panel.min(0)


def _lag() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=15,
            title="Detector: age of the last score",
            description="Time since each query was last scored. Above five minutes: DetectorLagging.",
            unit="s",
            w=12,
        ),
        [Query(expr="time() - heronwatch_detector_last_success_timestamp_seconds", legend="{{query}}")],
    )
    return with_limit(panel.min(0), steps((None, "green"), (thresholds.DETECTOR_LAG_SECONDS, "red")))


def _messages() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=16,
            title="Messages by channel and outcome",
            description="Messages that the webhook sent. Above one failure in ten: WebhookDeliveryFailing.",
            unit="short",
            w=12,
        ),
        [
            Query(
                expr="sum by (channel, outcome) (increase(heronwatch_webhook_notifications_total[$__rate_interval]))",
                legend="{{channel}} {{outcome}}",
            )
        ],
    )
    return panel.min(0)


def _freshness() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=17,
            title="Age of the newest sample",
            description="How old the newest sample of any target is. Above four minutes: IngestStalled.",
            unit="s",
            w=12,
        ),
        [Query(expr="time() - max(timestamp(up))", legend="age")],
    )
    return with_limit(panel.min(0), steps((None, "green"), (thresholds.INGEST_STALLED_SECONDS, "red")))
