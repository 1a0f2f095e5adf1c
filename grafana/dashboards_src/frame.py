"""What all boards share: variables, annotations, links, rows, and the settings that a provisioned board needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src.panels import DATASOURCE
from grafana.dashboards_src.thresholds import ANOMALY_SCORE, DEVICE_JOBS, REBOOT_UPTIME_CENTISECONDS

PROMETHEUS_UID = "heronwatch-prometheus"
DEVICES = 'instance=~"$instance",job=~"$job",site=~"$site"'
"""Selects the devices that the variables name."""
OF_ANY_JOB = 'instance=~"$instance",site=~"$site"'
"""The same for alerts and scores: many are about the monitoring itself, servers, or nothing that has a job."""
LOUD = "critical|high|warning"
"""Severities that want somebody (a regular expression)."""
ROW_HEIGHT = 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """A titled row of panels; a collapsed one loads nothing until it is opened."""

    id: int
    title: str
    panels: Sequence[Builder[models.Panel]]
    collapsed: bool = False


def board(uid: str, title: str, description: str, tags: Sequence[str]) -> dashboard.Dashboard:
    """Return an empty board: read-only, six hours, refreshed every 30 s, with the shared annotations and links."""
    empty = dashboard.Dashboard(title).uid(uid).description(description).tags(["heronwatch", *tags])
    empty = empty.readonly().time("now-6h", "now").timezone("browser").refresh("30s")
    empty = empty.tooltip(models.DashboardCursorSync.CROSSHAIR)
    return empty.annotations(annotations()).links([all_boards()])


def all_boards() -> dashboard.DashboardLink:
    """Return the drop-down of all boards with the same variables and time."""
    link = dashboard.DashboardLink("Heronwatch").type(models.DashboardLinkType.DASHBOARDS)
    return (
        link.tags(["heronwatch"])
        .as_dropdown(as_dropdown=True)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )


def firing(severities: str) -> str:
    """Return the selector of firing alerts with these severities (a regular expression)."""
    return f'ALERTS{{alertstate="firing",severity=~"{severities}",{OF_ANY_JOB}}}'


def annotations() -> list[Builder[models.AnnotationQuery]]:
    """Return what is marked in every graph: alerts by severity, anomalies, restarts."""
    return [
        _annotation("Critical alerts", "red", firing("critical"), "{{alertname}} {{instance}}", enable=True),
        _annotation("Warnings", "orange", firing("high|warning"), "{{alertname}} {{instance}}"),
        _annotation(
            "Anomalies", "purple", f"anomaly_score{{{DEVICES}}} > {ANOMALY_SCORE}", "{{for}} {{instance}} {{ifName}}"
        ),
        _annotation(
            "Restarts", "blue", f"sysUpTime{{{DEVICES}}} < {REBOOT_UPTIME_CENTISECONDS}", "{{instance}} restarted"
        ),
    ]


def _annotation(name: str, colour: str, expr: str, title: str, *, enable: bool = False) -> dashboard.AnnotationQuery:
    query = dashboard.AnnotationQuery().name(name).datasource(DATASOURCE).icon_color(colour).enable(enable=enable)
    return query.expr(expr).title_format(title).step("60s")


def variables(metric: str = "up", *, jobs: str = DEVICE_JOBS) -> list[Builder[models.VariableModel]]:
    """Return data source, site, job and instance, each narrowed by those before it: the labels of a metric.

    `jobs` is a regular expression; with `.*` whatever has no job is chosen, too.
    """
    devices = f'{metric}{{job=~"{jobs}"'
    return [
        dashboard.DatasourceVariable("datasource")
        .label("Data source")
        .type("prometheus")
        .current(models.VariableOption(text="Prometheus", value=PROMETHEUS_UID)),
        query_variable("site", "Site", f"label_values({devices}}},site)", ".*"),
        query_variable("job", "Protocol", f'label_values({devices},site=~"$site"}},job)', jobs),
        query_variable("instance", "Device", f'label_values({devices},site=~"$site",job=~"$job"}},instance)', ".*"),
    ]


def query_variable(name: str, label: str, query: str, everything: str) -> dashboard.QueryVariable:
    """Return a variable of several values, read again with every change of the time range; `everything` is All."""
    variable = dashboard.QueryVariable(name).label(label).query(query).datasource(DATASOURCE)
    variable = variable.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.NATURAL_ASC)
    variable = variable.multi(multi=True).include_all(include_all=True).all_value(everything)
    return variable.current(models.VariableOption(text="All", value="$__all"))


def filters() -> dashboard.AdHocVariable:
    """Return the free filter on any label."""
    return dashboard.AdHocVariable("filters").label("Filters").datasource(DATASOURCE)


def fill(empty: dashboard.Dashboard, rows: Sequence[Row]) -> models.Dashboard:
    """Place the rows on the grid, one below the other, and return the finished board."""
    y = 0
    placed: list[models.Panel | models.RowPanel] = []
    for row in rows:
        panels, height = _placed([panel.build() for panel in row.panels], y + ROW_HEIGHT)
        header = models.RowPanel(id_val=row.id, title=row.title, collapsed=row.collapsed)
        header.grid_pos = models.GridPos(x=0, y=y, w=24, h=ROW_HEIGHT)
        header.panels = panels if row.collapsed else []
        placed += [header] if row.collapsed else [header, *panels]
        y += ROW_HEIGHT + (0 if row.collapsed else height)
    built = empty.build()
    built.panels = placed
    return built


def _placed(panels: list[models.Panel], top: int) -> tuple[list[models.Panel], int]:
    """Flow panels from left to right into lines of 24 columns; returns them and the height of all lines."""
    x, y, line = 0, top, 0
    for panel in panels:
        size = panel.grid_pos or models.GridPos(w=24, h=8)
        if x + size.w > 24:
            x, y, line = 0, y + line, 0
        panel.grid_pos = models.GridPos(x=x, y=y, w=size.w, h=size.h)
        x, line = x + size.w, max(line, size.h)
    return panels, y + line - top
