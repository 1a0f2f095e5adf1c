"""The pages for signed-in users: `/login`, `/logout`, `/incidents`, `/incidents/CODE`."""

from flask import Blueprint, Response, request

from alert_webhook.oncall.current import current_schedules
from alert_webhook.oncall.listing import listing as who_is_on_call
from alert_webhook.oncall.listing import sentences
from alert_webhook.parts import Parts
from alert_webhook.rights import Caller, Scope
from alert_webhook.store import incidents
from alert_webhook.store.database import Transaction
from alert_webhook.web import answers, guards, listing, markup
from alert_webhook.web.doing import do, wish_of, words_for
from alert_webhook.web.false_alarms import FALSE_ALARM, FalseAlarms
from alert_webhook.web.login import CODE, Door, to_login
from alert_webhook.web.page_forms import PageForms
from alert_webhook.web.password_checks import PasswordChecks
from alert_webhook.web.series import Charts
from alert_webhook.web.shown import Reader, Told
from alert_webhook.web.sign_in import SignIns
from alert_webhook.web.telling import offer, told
from heronwatch.logs import get_logger

MAX_FORM_BYTES = 10_000


def make_pages_blueprint(parts: Parts, checks: PasswordChecks, false_alarms: FalseAlarms, charts: Charts) -> Blueprint:
    """Return the routes of the pages."""
    blueprint = Blueprint("pages", __name__)
    log = get_logger("heronwatch.webhook.pages")
    sign_ins, forms = SignIns(parts, checks), PageForms(parts)
    door, office = Door(parts, sign_ins, forms), _Office(parts, sign_ins, forms, false_alarms, charts)

    @blueprint.before_request
    def bound() -> None:
        request.max_content_length = MAX_FORM_BYTES

    @blueprint.after_request
    def guard_page(response: Response) -> Response:
        return answers.private_headers(response, referrer="same-origin")

    @blueprint.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        return answers.failure(error, request.path, log)

    blueprint.get("/login", strict_slashes=True, endpoint="login_form")(door.form)
    blueprint.post("/login", strict_slashes=True, endpoint="login")(door.enter)
    blueprint.post("/logout", strict_slashes=True, endpoint="logout")(door.leave)

    @blueprint.get("/incidents", strict_slashes=True)
    def incident_list() -> Response:
        return office.incident_list()

    @blueprint.get("/incidents/<code>", strict_slashes=True)
    def incident(code: str) -> Response:
        return office.incident(code)

    @blueprint.post("/incidents/<code>", strict_slashes=True)
    def press(code: str) -> Response:
        return office.press(code)

    return blueprint


class _Office:
    """Answers people who have signed in."""

    def __init__(
        self, parts: Parts, sign_ins: SignIns, forms: PageForms, false_alarms: FalseAlarms, charts: Charts
    ) -> None:
        self._parts = parts
        self._sign_ins = sign_ins
        self._forms = forms
        self._false_alarms = false_alarms
        self._charts = charts

    def incident_list(self) -> Response:
        """Show incidents, the open ones first."""
        caller = self._sign_ins.caller(self._forms.session())
        if caller is None:
            return answers.see_other("login")
        state, before = request.args.get("state", ""), request.args.get("before", None, type=int)
        if before is not None and not 0 < before < 2**62:
            before = None
        config = self._parts.settings()
        found, on_call = self._parts.store.read(
            lambda tx: (listing.sections(tx, config, state, before), self._on_call(tx, caller))
        )
        if found is None:
            return answers.page(markup.notice_page("No such filter", "Choose one on the page of incidents."), 400)
        logout_key = guards.form_key(self._forms.session(), "logout")
        return answers.page(
            markup.list_page(
                found,
                filters=listing.FILTERS,
                state=state,
                user=caller.name,
                logout_key=logout_key,
                on_call=on_call,
            )
        )

    def incident(self, code: str) -> Response:
        """Show one incident."""
        caller = self._sign_ins.caller(self._forms.session())
        return to_login(code) if caller is None else self._shown(code, caller)

    def press(self, code: str) -> Response:
        """Do what a form of the incident's page asks for."""
        token = self._forms.session()
        caller = self._sign_ins.caller(token)
        if caller is None:
            return to_login(code)
        found = self._parts.store.read(lambda tx: incidents.find(tx, code)) if CODE.fullmatch(code) else None
        if found is None:
            return _not_found()
        if refused := self._forms.refused(token, _acting(found.code)):
            return answers.page(markup.notice_page("Not accepted", refused), 403)
        if not caller.may(Scope.ACT):
            return answers.page(
                markup.notice_page("Not accepted", "As a viewer you may look, and change nothing."), 403
            )
        said = self._done(found.id, caller)
        return self._shown(code, caller, said=said) if said else answers.see_other(found.code)

    def _done(self, incident_id: int, caller: Caller) -> str:
        """Do it; return what there is to say about it, "" where the page shows it itself."""
        if request.form.get("action") == FALSE_ALARM:
            words = self._false_alarms.tell(incident_id, who=caller.name, via=caller.via).words
            return f"{words[0].upper()}{words[1:]}."
        wish = wish_of(request.form, self._parts.clock.now())
        if wish is None:
            return "The form asked for nothing that can be done."
        done = do(self._parts, incident_id, wish, who=caller.name, via=caller.via)
        return words_for(done)

    def _shown(self, code: str, caller: Caller, *, said: str = "") -> Response:
        shown = self._parts.store.read(lambda tx: self._told(tx, code)) if CODE.fullmatch(code) else None
        if shown is None:
            return _not_found()
        key, config = guards.form_key(self._forms.session(), _acting(shown.view.code)), self._parts.settings()
        offered = offer(shown, config, key=key, desk=True) if caller.may(Scope.ACT) else None
        reader = Reader(self._parts.clock.now(), config.zone_of(caller.name))
        page = markup.detail_page(
            shown, offer=offered, user=caller.name, reader=reader, said=said, chart=self._charts.of(shown.view)
        )
        return answers.page(page)

    def _told(self, tx: Transaction, code: str) -> Told | None:
        found = incidents.find(tx, code)
        return told(tx, found, self._parts.settings(), events=markup.DETAIL_BOUNDS.events) if found else None

    def _on_call(self, tx: Transaction, caller: Caller) -> tuple[str, ...]:
        config = self._parts.settings()
        schedules = current_schedules(tx, config)
        return sentences(who_is_on_call(schedules, config.persons(), tx.now), tx.now, config.zone_of(caller.name))


def _acting(code: str) -> str:
    return f"act on {code}"


def _not_found() -> Response:
    return answers.page(markup.notice_page("No such incident", "Look at the list of incidents."), 404)
