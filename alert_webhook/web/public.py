"""The public paths: `/a/TOKEN`, the page behind an ack link. Looking changes nothing; the button does."""

import threading

from flask import Blueprint, Response, request
from msgspec import Struct
from msgspec.structs import replace

from alert_webhook.incidents.actions import Answer, acknowledge_all
from alert_webhook.parts import Parts
from alert_webhook.store import incidents, links
from alert_webhook.store.database import Transaction
from alert_webhook.store.links import AckLink
from alert_webhook.store.together import ids_together, together
from alert_webhook.web import answers, guards, markup
from alert_webhook.web.doing import Action, Wish, do, wish_of, words_for
from alert_webhook.web.false_alarms import FALSE_ALARM, FalseAlarms
from alert_webhook.web.guards import looks_like_capability
from alert_webhook.web.page_forms import PageForms
from alert_webhook.web.series import Charts
from alert_webhook.web.shown import Reader, Told
from alert_webhook.web.tallies import Rate, Tally
from alert_webhook.web.telling import offer, told
from heronwatch.logs import get_logger

PURPOSE = "act by link"
BY_LINK = frozenset({Action.ACK, Action.RESOLVE, Action.SNOOZE, Action.ESCALATE})
GUESSES = Rate(30, 60.0)  # unknown links from one address; a link that exists always opens, whoever else guesses
MAX_EVENTS = max(bounds.events for bounds in markup.ACK_BOUNDS)
MOST_SHOWN = max(bounds.folded for bounds in markup.ACK_BOUNDS)
MOST_AT_ONCE = 200  # incidents that one press answers for: a second or two
ACK_ALL = "ack-all"  # the word of the form
MAX_FORM_BYTES = 10_000


class Found(Struct, frozen=True):
    """What a link leads to: `told` is None where it must not be shown."""

    link: AckLink | None
    told: Told | None


def make_public_blueprint(parts: Parts, false_alarms: FalseAlarms, charts: Charts) -> Blueprint:
    """Return the public routes."""
    blueprint = Blueprint("public", __name__)
    log = get_logger("heronwatch.webhook.public")
    desk = _Desk(parts, false_alarms, charts)

    @blueprint.after_request
    def guard_page(response: Response) -> Response:
        return answers.private_headers(response, referrer="no-referrer")

    @blueprint.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        return answers.failure(error, request.path, log)

    @blueprint.get("/a/<token>", strict_slashes=True)
    def look(token: str) -> Response:
        return desk.look(token)

    @blueprint.post("/a/<token>", strict_slashes=True)
    def press(token: str) -> Response:
        request.max_content_length = MAX_FORM_BYTES
        return desk.press(token)

    return blueprint


class _Desk:
    """Answers people who come with a link."""

    def __init__(self, parts: Parts, false_alarms: FalseAlarms, charts: Charts) -> None:
        self._parts = parts
        self._forms = PageForms(parts)
        self._false_alarms = false_alarms
        self._charts = charts
        self._log = get_logger("heronwatch.webhook.public")
        self._guesses = Tally(GUESSES)
        self._lock = threading.Lock()

    def look(self, token: str) -> Response:
        """Show the incident; nothing changes."""
        found = self._find(token)
        if found.told is None or found.link is None:
            return self._nothing(found.link)
        return self._page(token, found.link, found.told)

    def press(self, token: str) -> Response:
        """Do what a form asks for, if it came from our own page."""
        found = self._find(token)
        if found.told is None or found.link is None:
            return self._nothing(found.link)
        if refused := self._forms.refused(token, PURPOSE):
            return answers.page(markup.notice_page("Not accepted", f"{refused} Open the link again."), 403)
        if found.link.revoked and request.form.get("action") != ACK_ALL:
            return self._nothing(found.link)
        if request.form.get("action") == FALSE_ALARM:
            return self._false_alarm(token, found.link)
        if request.form.get("action") == ACK_ALL:
            return self._acknowledge_all(token, found.link)
        wish = wish_of(request.form, self._parts.clock.now())
        if wish is None or wish.action not in BY_LINK:
            return answers.page(markup.notice_page("Not accepted", "The form is not the one of this page."), 403)
        return self._do(token, found.link, wish)

    def _find(self, token: str) -> Found:
        if not looks_like_capability(token):
            return Found(None, None)
        return self._parts.store.read(lambda tx: self._read(tx, token))

    def _read(self, tx: Transaction, token: str) -> Found:
        link = links.find(tx, token)
        if link is None or link.expired:
            return Found(link, None)
        others = together(tx, link, MOST_SHOWN)
        if link.revoked and not others.total:
            return Found(link, None)
        incident = incidents.get(tx, link.incident_id)
        if incident is None:
            return Found(None, None)
        shown = told(tx, incident, self._parts.settings(), events=MAX_EVENTS)
        return Found(link, replace(shown, together=others))

    def _do(self, token: str, link: AckLink, wish: Wish) -> Response:
        done = do(self._parts, link.incident_id, wish, who=self._name(link), via=_via(link))
        if done.answer in {Answer.OVER, Answer.UNKNOWN}:
            return answers.page(markup.notice_page(*OVER), 410)
        if wish.action is Action.RESOLVE and done.answer is Answer.DONE:  # the link ended with the incident
            return answers.page(markup.notice_page(*RESOLVED))
        said = words_for(done)
        return self._again(token, said) if said else answers.see_other(token)  # loading again sends no form again

    def _acknowledge_all(self, token: str, link: AckLink) -> Response:
        """Take the incident and what the link's message told of besides; what is left, the page shows again.

        A link whose own incident is over answers for the others only.
        """
        others = self._parts.store.read(lambda tx: ids_together(tx, link, MOST_AT_ONCE))
        first = [] if link.revoked else [link.incident_id]
        acknowledge_all(self._parts, [*first, *others], who=self._name(link), via=_via(link))
        if link.revoked and self._find(token).told is None:
            return answers.page(markup.notice_page("Acknowledged", "All that this message told of is somebody's now."))
        return answers.see_other(token)

    def _false_alarm(self, token: str, link: AckLink) -> Response:
        words = self._false_alarms.tell(link.incident_id, who=self._name(link), via=_via(link)).words
        return self._again(token, f"{words[0].upper()}{words[1:]}.")

    def _again(self, token: str, said: str) -> Response:
        found = self._find(token)
        if found.told is None or found.link is None:
            return self._nothing(found.link)
        return self._page(token, found.link, found.told, said=said)

    def _page(self, token: str, link: AckLink, shown: Told, *, said: str = "") -> Response:
        config, chart = self._parts.settings(), self._charts.of(shown.view)
        reader = Reader(self._parts.clock.now(), config.zone_of(link.person))
        offered = offer(shown, config, key=guards.form_key(token, PURPOSE), desk=False)
        return answers.page(
            markup.ack_page(shown, offer=offered, person=self._name(link), reader=reader, said=said, chart=chart)
        )

    def _name(self, link: AckLink) -> str:
        person = self._parts.settings().persons().get(link.person)
        return person.name if person else link.person

    def _nothing(self, link: AckLink | None) -> Response:
        if link is not None:
            return answers.page(markup.notice_page(*(OVER if link.revoked else EXPIRED)), 410)
        wait_s = self._guessed()
        if wait_s > 0:
            response = answers.page(markup.notice_page("Too many wrong links", "Try again in a minute."), 429)
            response.headers["Retry-After"] = str(int(wait_s) + 1)
            return response
        return answers.page(markup.notice_page(*UNKNOWN), 404)

    def _guessed(self) -> float:
        """Count a link that does not exist; return how long its sender should wait."""
        now, peer = self._parts.clock.monotonic(), request.remote_addr or ""
        with self._lock:
            wait_s = self._guesses.wait_s(peer, now)
            if not wait_s:
                self._guesses.count(peer, now)
                wait_s = self._guesses.wait_s(peer, now)
                if wait_s:
                    self._log.warning("many unknown ack links are tried", address=peer)
                    return 0.0
            return wait_s


def _via(link: AckLink) -> str:
    return f"link to {link.person}/{link.contact}"


RESOLVED = ("Resolved", "The incident has ended, by your word. If an alert of it fires anew, a new one begins.")
OVER = ("It is over", "The incident that this link was for has ended. There is nothing left to do here.")
EXPIRED = ("This link has expired", "The newest message about the incident has a new one.")
UNKNOWN = ("No such link", "Check that the whole link was opened: it may have been cut in two.")
