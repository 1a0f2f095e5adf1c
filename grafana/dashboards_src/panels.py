"""Panel factories: what every panel must say (id, title, description, unit, datasource) cannot be left out.

A thin layer over grafana-foundation-sdk, so that boards read as lists of questions and their queries.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")
DEVICE_URL = "/d/heronwatch-device?var-instance={value}&${{datasource:queryparam}}&${{__url_time_range}}"
INTERFACE_URL = (
    "/d/heronwatch-interface?var-instance={device}&var-ifName={port}&${{datasource:queryparam}}&${{__url_time_range}}"
)
SCORES_URL = (
    "/d/heronwatch-anomaly-series?var-instance={device}&var-series={query}"
    "&${{datasource:queryparam}}&${{__url_time_range}}"
)
FIRST_LETTER = ord("A")
NOTHING = {
    "type": "special",
    "options": {"match": "null", "result": {"text": "\N{EN DASH}", "color": "transparent", "index": 0}},
}
"""No value is neither good nor bad: without this, Grafana paints it in the colour of the lowest step."""
BLANK = "\N{EN DASH}"  # a table shows its noValue in every empty cell


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What every panel has: a stable id, its texts, its unit and its size on the grid of 24 columns.

    The description says what is shown, when it is bad, and which alert tells so.
    """

    id: int
    title: str
    description: str
    unit: str
    w: int
    h: int = 8
    empty: str = "no data"


@dataclass(frozen=True, kw_only=True)
class Query:
    """One PromQL expression; `legend` as Grafana's format of series names."""

    expr: str
    legend: str = ""
    instant: bool = False


AnyPanel = TypeVar("AnyPanel", bargauge.Panel, stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)


def _told(panel: AnyPanel, facts: Facts, queries: Sequence[Query], form: PromQueryFormat) -> AnyPanel:
    panel.id(facts.id).title(facts.title).description(facts.description).datasource(DATASOURCE)
    panel.unit(facts.unit).no_value(facts.empty).span(facts.w).height(facts.h)
    return panel.targets([_target(query, number, form) for number, query in enumerate(queries)])


def _target(query: Query, number: int, form: PromQueryFormat) -> Dataquery:
    target = Dataquery().expr(query.expr).ref_id(chr(FIRST_LETTER + number)).datasource(DATASOURCE).format(form)
    target = target.legend_format(query.legend or "__auto")
    return target.instant() if query.instant or form is PromQueryFormat.TABLE else target.range()


def steps(*colours: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return thresholds from (value, colour) pairs; the first value is None, for everything below."""
    thresholds = [models.Threshold(value=value, color=colour) for value, colour in colours]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)


def states(words: dict[int, tuple[str, str]]) -> list[models.ValueMapping]:
    """Return value mappings from {value: (text, colour)}."""
    results = {
        str(value): models.ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(words.items())
    }
    return [models.ValueMap(options=results)]


def colour_of(mode: str) -> dashboard.FieldColor:
    """Return a colour scheme by Grafana's id, for example `thresholds`."""
    return dashboard.FieldColor().mode(models.FieldColorModeId(mode))


def number(
    facts: Facts, query: Query, bad: dashboard.ThresholdsConfig, words: dict[int, tuple[str, str]] | None = None
) -> stat.Panel:
    """Return one large number of now, its background coloured by `bad`."""
    now = replace(query, instant=True)
    panel = _told(stat.Panel(), facts, [now], PromQueryFormat.TIME_SERIES).thresholds(bad)
    panel = panel.color_mode(common_models.BigValueColorMode.BACKGROUND_SOLID)
    panel = panel.graph_mode(common_models.BigValueGraphMode.NONE).color_scheme(colour_of("thresholds"))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    return panel.mappings(states(words)) if words else panel


def graph(facts: Facts, queries: Sequence[Query]) -> timeseries.Panel:
    """Return lines over time with a legend below; `amounts` are those that cannot be below nothing."""
    legend = common.VizLegendOptions().show_legend(show_legend=True).display_mode(common_models.LegendDisplayMode.LIST)
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    panel = _told(timeseries.Panel(), facts, queries, PromQueryFormat.TIME_SERIES)
    panel = panel.legend(legend.placement(common_models.LegendPlacement.BOTTOM)).tooltip(tooltip)
    panel = panel.color_scheme(colour_of("palette-classic")).line_width(1).fill_opacity(8)
    return panel.show_points(common_models.VisibilityMode.NEVER)


def amounts(facts: Facts, *queries: Query) -> timeseries.Panel:
    """Return lines over time of what cannot be below nothing."""
    return graph(facts, queries).min(0)


def counts(facts: Facts, *queries: Query) -> timeseries.Panel:
    """Return lines over time of how many: whole numbers, none at least, and an axis to 1 while there is none."""
    return amounts(facts, *queries).decimals(0).axis_soft_max(1)


def with_limit(panel: timeseries.Panel, limit: float, colour: str = "red") -> timeseries.Panel:
    """Draw the limit of an alert rule as a dashed line."""
    style = common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(steps((None, "green"), (limit, colour))).thresholds_style(style)


def timeline(facts: Facts, queries: Sequence[Query], words: dict[int, tuple[str, str]]) -> statetimeline.Panel:
    """Return a bar for each series, coloured by its state over time."""
    panel = _told(statetimeline.Panel(), facts, queries, PromQueryFormat.TIME_SERIES)
    panel = panel.mappings(states(words)).merge_values(merge_values=True).row_height(0.8).line_width(0).fill_opacity(80)
    panel = panel.show_value(common_models.VisibilityMode.NEVER).per_page(20)
    panel = panel.legend(common.VizLegendOptions().show_legend(show_legend=True))
    return panel.thresholds(steps((None, "text"))).color_scheme(colour_of("thresholds"))


def bars(facts: Facts, query: Query, bad: dashboard.ThresholdsConfig) -> bargauge.Panel:
    """Return horizontal bars, one for each series, coloured by `bad`."""
    panel = _told(bargauge.Panel(), facts, [query], PromQueryFormat.TIME_SERIES).thresholds(bad)
    panel = panel.orientation(common_models.VizOrientation.HORIZONTAL).color_scheme(colour_of("thresholds"))
    panel = panel.display_mode(common_models.BarGaugeDisplayMode.BASIC)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))


def grid(facts: Facts, queries: Sequence[Query], columns: Sequence["Column"]) -> table.Panel:
    """Return a table of instant queries merged by their labels, with these columns in this order."""
    panel = _told(table.Panel(), facts, queries, PromQueryFormat.TABLE).filterable(filterable=False).no_value(BLANK)
    panel = panel.transformations(
        [
            models.DataTransformerConfig(id_val="merge", options={}),
            models.DataTransformerConfig(
                id_val="filterFieldsByName", options={"include": {"names": [column.field for column in columns]}}
            ),
            models.DataTransformerConfig(
                id_val="organize",
                options={
                    "indexByName": {column.field: place for place, column in enumerate(columns)},
                    "renameByName": {column.field: column.title for column in columns},
                },
            ),
        ]
    )
    for column in columns:
        width = (("custom.width", column.width),) if column.width else ()
        shown = [models.DynamicConfigValue(id_val=key, value=value) for key, value in (*column.properties, *width)]
        panel = panel.override_by_name(column.title, shown) if shown else panel
    return panel


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table: a label, or `Value #A` for the value of the query A, and how it is shown.

    `width` is in pixels; a column without one takes what is left, at least 150.
    """

    field: str
    title: str
    width: int = 0
    properties: tuple[tuple[str, object], ...] = ()


def coloured(unit: str, bad: dashboard.ThresholdsConfig) -> tuple[tuple[str, object], ...]:
    """Return properties of a column whose cells are coloured by thresholds."""
    return (
        ("unit", unit),
        ("thresholds", bad.build()),
        ("color", {"mode": "thresholds"}),
        ("mappings", [NOTHING]),
        ("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
    )


def worded(words: dict[int, tuple[str, str]]) -> tuple[tuple[str, object], ...]:
    """Return properties of a column whose numbers are shown as coloured words."""
    return (("mappings", states(words)), ("custom.cellOptions", {"type": "color-background", "mode": "basic"}))


def to_device() -> tuple[tuple[str, object], ...]:
    """Return properties of a column of device names that lead to the device's board."""
    return (("links", [{"title": "Open the device", "url": DEVICE_URL.format(value="${__value.text}")}]),)


def to_interface() -> tuple[tuple[str, object], ...]:
    """Return properties of a column of interface names that lead to the interface's board; needs a column Device."""
    url = INTERFACE_URL.format(device="${__data.fields.Device}", port="${__value.text}")
    return (("links", [{"title": "Open the interface", "url": url}]),)


def to_scores() -> tuple[tuple[str, object], ...]:
    """Return properties of a column of queries that lead to the series' board; needs a column Device."""
    url = SCORES_URL.format(device="${__data.fields.Device}", query="${__value.text}")
    return (("links", [{"title": "Open the series", "url": url}]),)


def series_to_interface() -> list[Builder[models.DashboardLink]]:
    """Return the data link of a series to its interface's board."""
    url = INTERFACE_URL.format(device="${__field.labels.instance}", port="${__field.labels.ifName}")
    return [dashboard.DashboardLink("Open the interface").url(url)]


def series_to_device() -> list[Builder[models.DashboardLink]]:
    """Return the data link of a series to its device's board."""
    url = DEVICE_URL.format(value="${__field.labels.instance}")
    return [dashboard.DashboardLink("Open the device").url(url)]


def properties(**values: object) -> list[models.DynamicConfigValue]:
    """Return override properties; two underscores stand for the point (custom__lineWidth)."""
    return [models.DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in values.items()]
