"""How devices are read: scrapes against their time-out, packets, failures, and the exporter's own cost."""

from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds
from grafana.dashboards_src.frame import DEVICES
from grafana.dashboards_src.panels import (
    Column,
    Facts,
    Query,
    amounts,
    graph,
    grid,
    series_to_device,
    to_device,
    with_limit,
)


def of_devices() -> list[Builder[models.Panel]]:
    """Return the panels about single devices."""
    return [_share_of_timeout(), _modules(), _repeated(), _reasons()]


def of_the_exporter() -> list[Builder[models.Panel]]:
    """Return the panels about the exporter as a whole."""
    return [_scrapes(), _durations(), failed_scrapes(23), _left_out(), _packets(), _answers()]


def _share_of_timeout() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=17,
            title="Scrape time as a share of the time-out",
            description="The 25 slowest devices. Above 80 % for ten minutes: ScrapeSlow; beyond, scrapes fail.",
            unit="percentunit",
            w=12,
            empty="Prometheus runs without extra-scrape-metrics",
        ),
        [
            Query(
                expr=f"topk(25, scrape_duration_seconds{{{DEVICES}}} / scrape_timeout_seconds)",
                legend="{{instance}}",
            )
        ],
    )
    panel = with_limit(panel.min(0), thresholds.SCRAPE_SLOW_RATIO)
    return panel.data_links(series_to_device())


def _modules() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=18,
            title="Duration of the walks",
            description="The 25 slowest modules of single devices: a device that answers slowly is not made faster.",
            unit="s",
            w=12,
            empty="no SNMP device",
        ),
        [
            Query(
                expr=f"topk(25, snmp_scrape_duration_seconds{{{DEVICES}}})",
                legend="{{instance}} {{module}}",
            )
        ],
    )
    return panel.fill_opacity(0).min(0).data_links(series_to_device())


def _repeated() -> timeseries.Panel:
    panel = graph(
        Facts(
            id=19,
            title="Repeated packets of one scrape",
            description="Requests that had to be sent again: loss on the way, or an agent that is too slow.",
            unit="short",
            w=12,
            empty="no packet was lost",
        ),
        [
            Query(
                expr=f"topk(25, sum by (instance) (snmp_scrape_packets_retried{{{DEVICES}}}) > 0)",
                legend="{{instance}}",
            )
        ],
    )
    return panel.fill_opacity(0).min(0).data_links(series_to_device())


def _reasons() -> table.Panel:
    return grid(
        Facts(
            id=20,
            title="What could not be read, and why",
            description="Modules that were not read completely at the last scrape, with the reason. ScrapeIncomplete.",
            unit="string",
            w=12,
        ),
        [
            Query(
                expr=(
                    f"probe_failure_info{{{DEVICES}}}"
                    f" or on (instance, job, module) snmp_module_success{{{DEVICES}}} == 0"
                )
            )
        ],
        [
            Column(field="instance", title="Device", properties=to_device()),
            Column(field="site", title="Site"),
            Column(field="module", title="Module"),
            Column(field="reason", title="Reason"),
        ],
    )


def _scrapes() -> timeseries.Panel:
    return amounts(
        Facts(
            id=21,
            title="Scrapes by module",
            description="Modules read a second, by the exporter's own count; failed ones too.",
            unit="reqps",
            w=12,
        ),
        Query(expr="sum by (module) (rate(heronwatch_exporter_scrapes_total[$__rate_interval]))", legend="{{module}}"),
    )


def _durations() -> timeseries.Panel:
    return amounts(
        Facts(
            id=22,
            title="99 of 100 modules are read within",
            description="99th percentile of the time to read a module, over all devices.",
            unit="s",
            w=12,
        ),
        Query(
            expr=(
                "histogram_quantile(0.99, sum by (le, module) "
                "(rate(heronwatch_exporter_scrape_duration_seconds_bucket[$__rate_interval])))"
            ),
            legend="{{module}}",
        ),
    )


def failed_scrapes(id_: int) -> timeseries.Panel:
    """Return the scrapes that failed, by module and reason."""
    return amounts(
        Facts(
            id=id_,
            title="Failed scrapes by module and reason",
            description="Scrapes a second that failed. Above one in five of a module: ScrapeFailuresHigh.",
            unit="reqps",
            w=12,
        ),
        Query(
            expr="sum by (module, reason) (rate(heronwatch_exporter_scrape_failures_total[$__rate_interval]))",
            legend="{{module}} {{reason}}",
        ),
    )


def _left_out() -> timeseries.Panel:
    return amounts(
        Facts(
            id=24,
            title="Samples left out, scrapes shared",
            description="Duplicates that cost only themselves (ScrapeDuplicates), and requests that shared one walk.",
            unit="short",
            w=12,
        ),
        Query(
            expr="sum(rate(heronwatch_exporter_duplicate_samples_total[$__rate_interval]))",
            legend="duplicate samples a second",
        ),
        Query(
            expr="sum(rate(heronwatch_exporter_shared_scrapes_total[$__rate_interval]))",
            legend="shared scrapes a second",
        ),
    )


def _packets() -> timeseries.Panel:
    return amounts(
        Facts(
            id=25,
            title="SNMP packets",
            description="Requests a second to all devices together, and those sent again: loss, or agents too slow.",
            unit="pps",
            w=12,
        ),
        Query(expr="sum(rate(snmp_packets_total[$__rate_interval]))", legend="sent"),
        Query(expr="sum(rate(snmp_packet_retries_total[$__rate_interval]))", legend="sent again"),
    )


def _answers() -> timeseries.Panel:
    return amounts(
        Facts(
            id=26,
            title="99 of 100 SNMP packets are answered within",
            description="99th percentile of the time from a request to its answer: the network and the devices.",
            unit="s",
            w=12,
        ),
        Query(
            expr=(
                "histogram_quantile(0.99, sum by (le) (rate(snmp_packet_duration_seconds_bucket[$__rate_interval])))"
            ),
            legend="all devices",
        ),
    )
