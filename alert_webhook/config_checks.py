"""What a configuration must get right between its blocks: names that refer to something, addresses a channel takes."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from alert_webhook.delivery.channel import ChannelBlock
from alert_webhook.delivery.registry import CHANNELS
from alert_webhook.incidents import checks as incident_checks
from alert_webhook.oncall.naming import schedule_of
from alert_webhook.watch import checks as watch_checks
from heronwatch.faults import quoted
from heronwatch.words import hint

if TYPE_CHECKING:
    from alert_webhook.config import Config, ContactBlock

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
Faults = Iterable[tuple[str, str]]


def faults(config: "Config") -> Faults:
    """Return every name that refers to nothing, every bad name, and every contact address a channel refuses."""
    yield from _bad_names(config)
    yield from _dangling(config)
    yield from _bad_contacts(config)
    yield from _bad_rules(config)
    yield from _bad_schedules(config)
    yield from _short_lease(config)
    yield from incident_checks.faults(config)
    yield from watch_checks.faults(config)
    yield from _bad_channels(config)


def channel_type(block: ChannelBlock) -> str:
    """Return the name of the plug-in whose block this is."""
    return str(type(block).__struct_config__.tag)


def _bad_names(config: "Config") -> Faults:
    for section in ("integrations", "people", "policies", "channels", "schedules", "maintenance", "digests"):
        for name in getattr(config, section):
            if not NAME.fullmatch(name):
                yield f"{section}.{name}", f"{quoted(name)} is not a name: letters, digits, _ and -, at most 63"


def _dangling(config: "Config") -> Faults:
    if config.default_severity not in config.severities:
        yield (
            "default_severity",
            f"{quoted(config.default_severity)} is not in severities{hint(config.default_severity, config.severities)}",
        )
    for name, integration in config.integrations.items():
        yield from _unknown(f"integrations.{name}.policy", integration.policy, config.policies, "policies")
    for index, route in enumerate(config.routes):
        yield from _unknown(f"routes[{index}].policy", route.policy, config.policies, "policies")
    yield from _unknown_readers(config)
    for name, policy in config.policies.items():
        for number, step in enumerate(policy.steps):
            path = f"policies.{name}.steps[{number}]"
            for index, who in enumerate(step.notify):
                yield from _unknown_target(f"{path}.notify[{index}]", who, config)
            for index, severity in enumerate(step.when.severities if step.when else ()):
                yield from _unknown(f"{path}.when.severities[{index}]", severity, config.severities, "severities")


def _unknown_readers(config: "Config") -> Faults:
    readers = {f"digests.{name}": digest.notify for name, digest in config.digests.items()}
    if config.shadow_report is not None:
        readers["shadow_report"] = config.shadow_report.notify
    for path, notify in readers.items():
        for index, who in enumerate(notify):
            yield from _unknown_target(f"{path}.notify[{index}]", who, config)


def unknown_target(who: str, config: "Config") -> str:
    """Return what is wrong with an entry as a step's `notify` has them, "" if nothing is."""
    return next((fault for _, fault in _unknown_target("", who, config)), "")


def _unknown_target(path: str, who: str, config: "Config") -> Faults:
    schedule = schedule_of(who)
    if schedule is None:
        yield from _unknown_person(path, who, config)
    else:
        yield from _unknown(path, schedule, config.schedules, "schedules")


def _unknown_person(path: str, who: str, config: "Config") -> Faults:
    key, slash, contact = who.partition("/")
    yield from _unknown(path, key, config.people, "people")
    if slash and key in config.people:
        names = [each.name for each in config.people[key].person(key, config.common_zone()).contacts]
        yield from _unknown(path, contact, names, f"{key}'s contacts")


def _bad_contacts(config: "Config") -> Faults:
    for key, person in config.people.items():
        if not person.contacts:
            yield f"people.{key}.contacts", "give at least one contact"
        names: set[str] = set()
        for index, contact in enumerate(person.contacts):
            path = f"people.{key}.contacts[{index}]"
            yield from _unknown(f"{path}.channel", contact.channel, config.channels, "channels")
            yield from _bad_address(path, contact, config)
            if (name := contact.name or contact.channel) in names:
                yield path, f"a second contact named {name!r}: give it a name of its own"
            names.add(name)


def _bad_rules(config: "Config") -> Faults:
    worst = next(iter(config.severities), "")
    for key, person in config.people.items():
        names = [each.name for each in person.person(key, config.common_zone()).contacts]
        for number, rule in enumerate(person.rules):
            path = f"people.{key}.rules[{number}]"
            for index, severity in enumerate(rule.severities):
                yield from _unknown(f"{path}.severities[{index}]", severity, config.severities, "severities")
            for index, each in enumerate(rule.contacts):
                yield from _unknown(f"{path}.contacts[{index}].contact", each.contact, names, f"{key}'s contacts")
        for index, severity in enumerate(person.quiet_hours.severities if person.quiet_hours else ()):
            path = f"people.{key}.quiet_hours.severities[{index}]"
            yield from _unknown(path, severity, config.severities, "severities")
            if severity == worst:
                yield path, f"{quoted(severity)} is the most severe: it has no quiet hours"


def _bad_schedules(config: "Config") -> Faults:
    for name, schedule in config.schedules.items():
        for number, layer in enumerate(schedule.layers):
            for index, person in enumerate(layer.people):
                path = f"schedules.{name}.layers[{number}].people[{index}]"
                yield from _unknown(path, person, config.people, "people")
        for number, override in enumerate(schedule.overrides):
            path = f"schedules.{name}.overrides[{number}]"
            yield from _unknown(f"{path}.person", override.person, config.people, "people")
            if override.instead_of:
                yield from _unknown(f"{path}.instead_of", override.instead_of, config.people, "people")


def _bad_address(path: str, contact: "ContactBlock", config: "Config") -> Faults:
    block = config.channels.get(contact.channel)
    if block is None:
        return
    fault = CHANNELS.get(channel_type(block)).address_fault(contact.address)
    if fault:
        yield f"{path}.address", fault


def _short_lease(config: "Config") -> Faults:
    """A lease that ends while its page is still being sent would send it twice."""
    for name, block in config.channels.items():
        if block.timeout >= config.delivery.lease:
            yield (
                f"channels.{name}",
                f"its timeout, {block.timeout}, is not shorter than delivery.lease, {config.delivery.lease}",
            )


def _bad_channels(config: "Config") -> Faults:
    """People whom a channel names; and fallbacks: one that exists, takes over itself, and leaves the lease time."""
    for name, block in config.channels.items():
        if block.template is not None and block.template.html and not block.link_in_text:
            yield f"channels.{name}.template.html", "only mails have an HTML part: give a title and a text"
        for path, person in block.people_named():
            yield from _unknown(f"channels.{name}.{path}", person, config.people, "people")
        if not block.fallback:
            continue
        other, path = config.channels.get(block.fallback), f"channels.{name}.fallback"
        yield from _unknown(path, block.fallback, config.channels, "channels")
        if other is not None and (block.fallback == name or other.fallback):
            yield path, f"{quoted(block.fallback)} is this channel itself, or has a fallback of its own"
        elif other is not None and block.timeout + other.timeout >= config.delivery.lease:
            yield path, f"both time-outs together are not shorter than delivery.lease, {config.delivery.lease}"


def _unknown(path: str, name: str, known: Iterable[str], where: str) -> Faults:
    if name not in known:
        yield path, f"{quoted(name)} is not in {where}{hint(name, sorted(known))}"
