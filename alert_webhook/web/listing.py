"""The incident list: which sections it has, read in one transaction."""

from alert_webhook.incidents.transitions import OPEN, PAGEABLE, State
from alert_webhook.store import views
from alert_webhook.store.database import Transaction
from alert_webhook.web.markup import LIST_BOUNDS, Section
from alert_webhook.web.shown import Told, incident_shown

OVER = frozenset(State) - OPEN
PAGE = 50
LATELY = 10
STATES = {  # value of `state` → words, states
    "unanswered": ("Not acknowledged", PAGEABLE),
    "open": ("Open", OPEN),
    "acknowledged": ("Acknowledged", frozenset({State.ACKNOWLEDGED})),
    "over": ("Ended", OVER),
}
FILTERS = (("", "All"), *((name, words) for name, (words, _states) in STATES.items()))


def sections(tx: Transaction, state: str, before: int | None) -> list[Section] | None:
    """Return one section for a `state`, for "" the open ones first and then those ended lately; None: no such state."""
    if not state:
        return [_section(tx, "open", None, PAGE), _section(tx, "over", None, LATELY)]
    return [_section(tx, state, before, PAGE)] if state in STATES else None


def _section(tx: Transaction, name: str, before: int | None, limit: int) -> Section:
    words, states = STATES[name]
    found = views.incident_list(tx, states=states, limit=limit + 1, before_id=before)
    shown = tuple(incident_shown(Told(view=view), tx.now, LIST_BOUNDS) for view in found[:limit])
    older = found[limit - 1].id if len(found) > limit else 0
    return Section(title=words, state=name, incidents=shown, older=older)
