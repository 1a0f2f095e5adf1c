"""The fleet: every device, the troubled ones first; what there is, how busy, how hot, and how it is read."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import fleet_devices, fleet_load, fleet_reading, fleet_stock, thresholds
from grafana.dashboards_src.colours import COUNT_IS_BAD, COUNT_IS_ODD, PLAIN
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.fleet_devices import DOWN, IN_PART
from grafana.dashboards_src.frame import DEVICES, LOUD, OF_ANY_JOB, Row, board, fill, filters, variables

UID = "heronwatch-network-fleet"
UP = f"instance:device_up:min{{{DEVICES}}}"
SLOW = f"(scrape_duration_seconds{{{DEVICES}}} / scrape_timeout_seconds)"
FIGURES = (
    Figure(
        id=1,
        title="Devices",
        description="Devices that Prometheus scrapes.",
        expr=f"count({UP})",
        bad=PLAIN,
    ),
    Figure(
        id=2,
        title="Not answering",
        description="Devices whose last scrape failed. After two minutes DeviceDown fires.",
        expr=f"count({UP} == 0) or vector(0)",
        bad=COUNT_IS_BAD,
    ),
    Figure(
        id=3,
        title="Read in part",
        description="Devices that answer, and of which a module could not be read completely: ScrapeIncomplete.",
        expr=f"count(count by (instance) ({IN_PART})) or vector(0)",
        bad=COUNT_IS_ODD,
    ),
    Figure(
        id=4,
        title="Slow to read",
        description="Devices that take more than 80 % of the scrape's time-out. For ten minutes: ScrapeSlow.",
        expr=f"count({SLOW} > {thresholds.SCRAPE_SLOW_RATIO}) or vector(0)",
        bad=COUNT_IS_ODD,
    ),
    Figure(
        id=5,
        title="With alerts",
        description="Devices for which an alert of critical, high or warning fires.",
        expr=f'count(count by (instance) (ALERTS{{alertstate="firing",severity=~"{LOUD}",{OF_ANY_JOB}}})) or vector(0)',
        bad=COUNT_IS_ODD,
    ),
    Figure(
        id=6,
        title="Ports that lost carrier",
        description="Ports that had been up for an hour and are down now, without having been shut: InterfaceWentDown.",
        expr=f"count({DOWN} and (avg_over_time(ifOperStatus[1h] offset 1h) == 1)) or vector(0)",
        bad=COUNT_IS_ODD,
    ),
)


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch fleet", "Every device: the troubled ones first, and how each is read.", ["fleet"])
    return fill(
        empty.variables([*variables(), filters()]),
        [
            Row(id=100, title="Is every device all right?", panels=[*figures(FIGURES), fleet_devices.panel()]),
            Row(id=200, title="What there is", panels=fleet_stock.panels()),
            Row(id=300, title="Load", panels=fleet_load.panels()),
            Row(id=400, title="How devices are read", panels=fleet_reading.of_devices()),
            Row(id=500, title="The exporter", panels=fleet_reading.of_the_exporter(), collapsed=True),
        ],
    )
