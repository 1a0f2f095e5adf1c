"""Incidents to look at."""

from collections.abc import Callable

from alert_webhook.delivery.channel import AlertView, IncidentView


def sample_view(*, alerts: int = 1, say: Callable[[int], str] = "text {}".format, state: str = "new") -> IncidentView:
    """An incident with as many alerts, every text of it made by `say`."""
    return IncidentView(
        id=1,
        code="K7QF",
        state=state,
        severity="critical",
        title=say(0),
        labels={"instance": say(1), "site": say(2)},
        integration="am",
        source_url=f"https://am.example.org/{say(3)}",
        started_at=0.0,
        updated_at=0.0,
        alerts=tuple(sample_alert(number, say) for number in range(alerts)),
        firing=alerts,
        total=alerts,
        acked_by="",
    )


def sample_alert(number: int, say: Callable[[int], str]) -> AlertView:
    return AlertView(
        name=say(number),
        labels={f"{say(number)}{key}": say(number + key) for key in range(8)},
        annotations={
            "summary": say(number),
            "description": say(number + 1),
            "runbook_url": f"https://wiki.example.org/{say(number + 2)}",
        },
        generator_url=f"https://prom.example.org/{say(number + 3)}",
        started_at=0.0,
    )
