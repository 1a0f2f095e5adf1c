"""In whose time zone somebody reads times: their own, that of their turns, everybody's."""

import msgspec
import pytest

from alert_webhook.config import Config, PersonBlock
from alert_webhook.oncall.blocks import LayerBlock, ScheduleBlock
from alert_webhook.oncall.wall import Zone
from tests.fakes.webhook_stack import config

MADRID, NEW_YORK, KATHMANDU = (Zone(name) for name in ("Europe/Madrid", "America/New_York", "Asia/Kathmandu"))


def turns(zone: Zone, *people: str, layer_zone: Zone | None = None) -> ScheduleBlock:
    return ScheduleBlock(time_zone=zone, layers=(LayerBlock(people=people, time_zone=layer_zone),))


def ana_in(zone: Zone) -> dict[str, PersonBlock]:
    people = config().people
    return {**people, "ana": msgspec.structs.replace(people["ana"], time_zone=zone)}


WHOSE = [  # (what the configuration says, where ana is, where somebody else is)
    (config(), "UTC", "UTC"),
    (config(time_zone=MADRID), "Europe/Madrid", "Europe/Madrid"),
    (config(people=ana_in(NEW_YORK), time_zone=MADRID), "America/New_York", "Europe/Madrid"),
    (config(schedules={"a": turns(MADRID, "ana")}), "Europe/Madrid", "Europe/Madrid"),
    (config(schedules={"a": turns(MADRID, "ana"), "b": turns(NEW_YORK, "ben")}), "Europe/Madrid", "UTC"),
    (config(schedules={"a": turns(MADRID, "ana", layer_zone=KATHMANDU)}), "Asia/Kathmandu", "Europe/Madrid"),
    (config(people=ana_in(NEW_YORK), schedules={"a": turns(MADRID, "ana")}), "America/New_York", "Europe/Madrid"),
]


@pytest.mark.parametrize(("settings", "ana", "maria"), WHOSE)
def test_the_zone_of_a_person_and_of_a_user_who_is_none(settings: Config, ana: str, maria: str) -> None:
    assert (settings.persons()["ana"].time_zone, settings.zone_of("Ana").name) == (ana, ana)
    assert settings.zone_of("maria").name == maria
