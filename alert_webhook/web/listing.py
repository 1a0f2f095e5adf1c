"""The incident list: which sections it has, read in one transaction."""

from collections.abc import Sequence

from alert_webhook.config import Config
from alert_webhook.delivery.channel import IncidentView
from alert_webhook.incidents.transitions import OPEN, PAGEABLE, State
from alert_webhook.store import incidents, shadowed, views
from alert_webhook.store.database import Transaction
from alert_webhook.web.markup import LIST_BOUNDS, Section
from alert_webhook.web.shown import Reader, Told, incident_shown

OVER = frozenset(State) - OPEN
PAGE = 50
LATELY = 10
STATES = {  # value of `state` → words, states
    "unanswered": ("Not acknowledged", PAGEABLE),
    "acknowledged": ("Acknowledged", frozenset({State.ACKNOWLEDGED})),
    "suppressed": ("Suppressed", frozenset({State.SUPPRESSED})),
    "open": ("Open", OPEN),
    "over": ("Ended", OVER),
}
FILTERS = (("", "All"), *((name, words) for name, (words, _states) in STATES.items()))
APART = ("unanswered", "acknowledged", "suppressed")  # the sections of all that is open


def sections(tx: Transaction, config: Config, state: str, before: int | None) -> list[Section] | None:
    """Return one section for a `state`, for "" the open ones first and then those ended lately; None: no such state.

    Of what is open, those that nobody answered come first, by severity and age; `before` is the incident to go on from.
    """
    if state:
        return [_section(tx, config, state, before, PAGE)] if state in STATES else None
    open_ones = [_section(tx, config, name, None, PAGE) for name in APART]
    shown = [each for each in open_ones if each.incidents or each.state == APART[0]]
    return [*shown, _section(tx, config, "over", None, LATELY)]


def _section(tx: Transaction, config: Config, name: str, before: int | None, limit: int) -> Section:
    words, states = STATES[name]
    if name == "over":
        found = views.incident_list(tx, states=states, limit=limit + 1, before_id=before)
    else:
        found = views.by_weight(tx, states=states, limit=limit + 1, after_id=before)
    reader = Reader(tx.now, config.common_zone())  # the list says how long ago something was, and no time of day
    shown = tuple(incident_shown(told, reader, LIST_BOUNDS) for told in _told(tx, config, found[:limit]))
    older = found[limit - 1].id if len(found) > limit else 0
    return Section(title=words, state=name, incidents=shown, older=older)


def _told(tx: Transaction, config: Config, found: Sequence[IncidentView]) -> list[Told]:
    held = [view.id for view in found if view.state == State.SUPPRESSED]
    why = {id_: each.suppressed_by for id_, each in incidents.read_many(tx, held).items()} if held else {}
    shadows = shadowed.shadows_of(tx, config, found)
    return [Told(view=view, suppressed_by=why.get(view.id, ""), shadow=view.id in shadows) for view in found]
