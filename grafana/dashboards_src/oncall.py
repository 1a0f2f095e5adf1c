"""Alerts and on-call: who waits for an answer, who is on call, how fast people and providers are."""

from grafana_foundation_sdk.builders import statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from grafana.dashboards_src import thresholds, words
from grafana.dashboards_src.colours import COUNT_IS_BAD, COUNT_IS_ODD
from grafana.dashboards_src.figures import Figure, figures
from grafana.dashboards_src.frame import Row, board, fill, filters, variables
from grafana.dashboards_src.panels import Facts, Query, amounts, counts, timeline, with_limit

UID = "heronwatch-oncall"
MESSAGES = Query(
    expr="sum by (channel, outcome) (increase(heronwatch_webhook_notifications_total[$__rate_interval]))",
    legend="{{channel}} {{outcome}}",
)
FIGURES = (
    Figure(
        id=1,
        title="Unanswered incidents",
        description="Incidents that page and that nobody has acknowledged, snoozed or resolved.",
        expr="sum(max by (severity) (heronwatch_webhook_unacked_incidents))",
        bad=COUNT_IS_BAD,
        w=6,
    ),
    Figure(
        id=2,
        title="Everybody asked",
        description="Incidents whose last step went unanswered. Above none: WebhookEscalationExhausted.",
        expr='max(heronwatch_webhook_incidents{state="critical"})',
        bad=COUNT_IS_BAD,
        w=6,
    ),
    Figure(
        id=3,
        title="Schedules without anybody",
        description="Schedules in which nobody is on call at this moment. Above none: WebhookNobodyOnCall.",
        expr="sum(1 - min by (schedule) (heronwatch_webhook_oncall_covered))",
        bad=COUNT_IS_BAD,
        w=6,
    ),
    Figure(
        id=4,
        title="Gap ahead",
        description=(
            "The most time that any schedule has nobody within the next seven days. Above none: WebhookOnCallGap."
        ),
        expr="max(heronwatch_webhook_oncall_gap_seconds)",
        unit="s",
        bad=COUNT_IS_ODD,
        w=6,
    ),
)


def build() -> models.Dashboard:
    """Return the board."""
    empty = board(UID, "Heronwatch alerts and on-call", "Incidents, answers, schedules, messages.", ["webhook"])
    return fill(
        empty.variables([*variables(), filters()]),
        [
            Row(
                id=100, title="Does somebody answer?", panels=[*figures(FIGURES), _incidents(), _waiting(), _covered()]
            ),
            Row(id=200, title="How fast?", panels=[_to_ack(), _to_resolve(), _pages()]),
            Row(
                id=300, title="Do messages go out?", panels=[_messages(), _failures(), _late(), _breakers(), _intake()]
            ),
        ],
    )


def _incidents() -> timeseries.Panel:
    facts = Facts(
        id=5,
        title="Open incidents by state",
        description="new, escalated and critical wait for an answer; acknowledged and suppressed do not.",
        unit="short",
        w=12,
    )
    query = Query(expr="max by (state) (heronwatch_webhook_incidents)", legend="{{state}}")
    return counts(facts, query)


def _waiting() -> timeseries.Panel:
    facts = Facts(
        id=6,
        title="Unanswered incidents by severity",
        description="How many incidents wait for an answer. A line that stays up is work that nobody has taken.",
        unit="short",
        w=12,
    )
    query = Query(expr="max by (severity) (heronwatch_webhook_unacked_incidents)", legend="{{severity}}")
    return counts(facts, query)


def _covered() -> statetimeline.Panel:
    facts = Facts(
        id=7,
        title="Is somebody on call?",
        description="Each schedule over time. Five minutes without anybody: WebhookNobodyOnCall.",
        unit="short",
        w=24,
        h=5,
        empty="no schedules",
    )
    query = Query(expr="min by (schedule) (heronwatch_webhook_oncall_covered)", legend="{{schedule}}")
    return timeline(facts, [query], words.COVERED)


def _to_ack() -> timeseries.Panel:
    facts = Facts(
        id=8,
        title="Mean time to acknowledge",
        description="Of incidents that began within seven days, paged and were acknowledged; by severity.",
        unit="m",
        w=8,
        empty="nothing was acknowledged within seven days",
    )
    query = Query(expr="max by (severity) (heronwatch_webhook_time_to_ack_seconds) / 60", legend="{{severity}}")
    return amounts(facts, query)


def _to_resolve() -> timeseries.Panel:
    facts = Facts(
        id=9,
        title="Mean time to resolve",
        description="Of incidents that began within seven days, paged and have ended; by severity.",
        unit="m",
        w=8,
        empty="nothing ended within seven days",
    )
    query = Query(expr="max by (severity) (heronwatch_webhook_time_to_resolve_seconds) / 60", legend="{{severity}}")
    return amounts(facts, query)


def _pages() -> timeseries.Panel:
    facts = Facts(
        id=10,
        title="How long pages took",
        description="From being owed to being taken by the provider: the slowest twentieth of the last hour.",
        unit="s",
        w=8,
        empty="no page within the hour",
    )
    query = Query(expr='max by (channel) (heronwatch_webhook_page_seconds{quantile="0.95"})', legend="{{channel}}")
    return amounts(facts, query)


def _messages() -> timeseries.Panel:
    facts = Facts(
        id=11,
        title="Messages by channel and outcome",
        description="Attempts to send: accepted, retry, permanent, unknown.",
        unit="short",
        w=12,
    )
    return amounts(facts, MESSAGES)


def _failures() -> timeseries.Panel:
    facts = Facts(
        id=12,
        title="Failed messages by channel",
        description="Share of the attempts within 15 minutes that failed. Above one in ten: WebhookDeliveryFailing.",
        unit="percentunit",
        w=12,
    )
    query = Query(expr="channel:heronwatch_webhook_failed_per_notifications:ratio_rate15m", legend="{{channel}}")
    share = amounts(facts, query).max(1)
    return with_limit(share, thresholds.DELIVERY_FAILURE_RATIO)


def _late() -> timeseries.Panel:
    facts = Facts(
        id=13,
        title="How late is the engine?",
        description=(
            "The oldest message that is due, and the most overdue step. Two minutes: WebhookOutboxStuck; one minute: "
            "WebhookTimersOverdue."
        ),
        unit="s",
        w=12,
    )
    queries = [
        Query(expr="max(heronwatch_webhook_oldest_due_seconds)", legend="oldest message"),
        Query(expr="max(heronwatch_webhook_timers_overdue_seconds)", legend="most overdue step"),
    ]
    return with_limit(amounts(facts, *queries), thresholds.TIMERS_OVERDUE_SECONDS)


def _breakers() -> Builder[models.Panel]:
    facts = Facts(
        id=14,
        title="Providers",
        description="Whether a channel's provider is left in peace after many failures: WebhookProviderDown.",
        unit="short",
        w=12,
        empty="no channel has sent anything yet",
    )
    query = Query(expr="max by (channel) (heronwatch_webhook_provider_breaker_state)", legend="{{channel}}")
    return timeline(facts, [query], words.BREAKER)


def _intake() -> timeseries.Panel:
    facts = Facts(
        id=15,
        title="Posts by integration and answer",
        description="Requests a second to the intake. None accepted for five minutes: WebhookIntakeSilent.",
        unit="reqps",
        w=24,
        h=7,
    )
    expr = "sum by (integration, code) (rate(heronwatch_webhook_intake_requests_total[$__rate_interval]))"
    return amounts(facts, Query(expr=expr, legend="{{integration}} {{code}}"))
