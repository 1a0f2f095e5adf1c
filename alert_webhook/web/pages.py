"""The pages for signed-in users: `/login`, `/logout`, `/incidents`, `/incidents/CODE`."""

import re

from flask import Blueprint, Response, request

from alert_webhook.capability import new_token
from alert_webhook.incidents.actions import Answer, acknowledge
from alert_webhook.oncall.current import current_schedules
from alert_webhook.oncall.listing import listing as who_is_on_call
from alert_webhook.oncall.listing import sentences
from alert_webhook.parts import Parts
from alert_webhook.store import incidents
from alert_webhook.store.database import Transaction
from alert_webhook.web import answers, guards, listing, markup
from alert_webhook.web.shown import Told
from alert_webhook.web.sign_in import SESSION_S, SignIns
from alert_webhook.web.telling import told
from heronwatch.logs import get_logger

SESSION_COOKIE = "heronwatch_session"
LOGIN_COOKIE = "heronwatch_login"  # binds the sign-in form to the browser that asked for it
LOGIN_FORM_S = 3600
MAX_FORM_BYTES = 10_000
MAX_NAME, MAX_PASSWORD = 100, 1000
CODE = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
PAGES = re.compile(rf"incidents(?:/{CODE.pattern})?", re.ASCII)  # where a sign-in may lead


def make_pages_blueprint(parts: Parts) -> Blueprint:
    """Return the routes of the pages."""
    blueprint = Blueprint("pages", __name__)
    log = get_logger("heronwatch.webhook.pages")
    office = _Office(parts)

    @blueprint.before_request
    def bound() -> None:
        request.max_content_length = MAX_FORM_BYTES

    @blueprint.after_request
    def guard_page(response: Response) -> Response:
        return answers.private_headers(response, referrer="same-origin")

    @blueprint.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        return answers.failure(error, request.path, log)

    @blueprint.get("/login", strict_slashes=True)
    def login_form() -> Response:
        return office.login_form()

    @blueprint.post("/login", strict_slashes=True)
    def login() -> Response:
        return office.login()

    @blueprint.post("/logout", strict_slashes=True)
    def logout() -> Response:
        return office.logout()

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
    """Answers people who sign in."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._sign_ins = SignIns(parts)

    def login_form(self, *, said: str = "", user: str = "", status: int = 200) -> Response:
        """Ask for user and password."""
        binding = request.cookies.get(LOGIN_COOKIE, "")
        if not guards.looks_like_capability(binding):
            binding = new_token(self._parts.random)
        key = guards.form_key(binding, "login")
        response = answers.page(markup.login_page(key=key, user=user, said=said), status)
        self._set_cookie(response, LOGIN_COOKIE, binding, LOGIN_FORM_S)
        return response

    def login(self) -> Response:
        """Check user and password; begin a session."""
        refused = self._refused(request.cookies.get(LOGIN_COOKIE, ""), "login")
        if refused:
            return self.login_form(said=refused, status=403)
        name = request.form.get("user", "").replace("\0", "")[:MAX_NAME]  # NUL: PostgreSQL refuses it in any text
        password = request.form.get("password", "")[:MAX_PASSWORD]
        done = self._sign_ins.begin(name, password, address=request.remote_addr or "")
        if done.wait_s:
            response = self.login_form(said="Too many tries. Wait some minutes.", user=name, status=429)
            response.headers["Retry-After"] = str(int(done.wait_s) + 1)
            return response
        if not done.token:
            return self.login_form(said="User or password is wrong.", user=name, status=401)
        wanted = request.args.get("next", "")
        response = answers.see_other(wanted if PAGES.fullmatch(wanted) else "incidents")
        self._set_cookie(response, SESSION_COOKIE, done.token, int(SESSION_S))
        self._drop_cookie(response, LOGIN_COOKIE)
        return response

    def logout(self) -> Response:
        """End the session."""
        token = self._session()
        if self._sign_ins.user(token) is not None:
            if refused := self._refused(token, "logout"):
                return answers.page(markup.notice_page("Not accepted", refused), 403)
            self._sign_ins.end(token)
        response = answers.see_other("login")
        self._drop_cookie(response, SESSION_COOKIE)
        return response

    def incident_list(self) -> Response:
        """Show incidents, the open ones first."""
        user = self._sign_ins.user(self._session())
        if user is None:
            return answers.see_other("login")
        state, before = request.args.get("state", ""), request.args.get("before", None, type=int)
        if before is not None and not 0 < before < 2**62:
            before = None
        found, on_call = self._parts.store.read(lambda tx: (listing.sections(tx, state, before), self._on_call(tx)))
        if found is None:
            return answers.page(markup.notice_page("No such filter", "Choose one on the page of incidents."), 400)
        logout_key = guards.form_key(self._session(), "logout")
        return answers.page(
            markup.list_page(
                found, filters=listing.FILTERS, state=state, user=user, logout_key=logout_key, on_call=on_call
            )
        )

    def incident(self, code: str, *, said: str = "") -> Response:
        """Show one incident."""
        user = self._sign_ins.user(self._session())
        if user is None:
            return _to_login(code)
        shown = self._parts.store.read(lambda tx: self._told(tx, code)) if CODE.fullmatch(code) else None
        if shown is None:
            return _not_found()
        key, now = guards.form_key(self._session(), _acknowledging(shown.view.code)), self._parts.clock.now()
        return answers.page(markup.detail_page(shown, key=key, user=user, now=now, said=said))

    def press(self, code: str) -> Response:
        """Acknowledge an incident."""
        token = self._session()
        user = self._sign_ins.user(token)
        if user is None:
            return _to_login(code)
        found = self._parts.store.read(lambda tx: incidents.find(tx, code)) if CODE.fullmatch(code) else None
        if found is None:
            return _not_found()
        if refused := self._refused(token, _acknowledging(found.code), action="ack"):
            return answers.page(markup.notice_page("Not accepted", refused), 403)
        done = acknowledge(self._parts, found.id, who=user, via="web page")
        if done.answer is Answer.ALREADY and done.incident is not None:
            return self.incident(code, said=f"This was acknowledged already, by {done.incident.acked_by}.")
        if done.answer is Answer.OVER:
            return self.incident(code, said="It was over already: there is nothing left to acknowledge.")
        return answers.see_other(found.code)

    def _told(self, tx: Transaction, code: str) -> Told | None:
        found = incidents.find(tx, code)
        return told(tx, found, self._parts.settings(), events=markup.DETAIL_BOUNDS.events) if found else None

    def _on_call(self, tx: Transaction) -> tuple[str, ...]:
        config = self._parts.settings()
        schedules = current_schedules(tx, config)
        return sentences(who_is_on_call(schedules, config.persons(), tx.now), schedules)

    def _refused(self, secret: str, purpose: str, *, action: str = "") -> str:
        """Return why a form is not taken, "" when it is."""
        hosts = guards.own_hosts(request.host, self._parts.public_url)
        verdict = guards.same_site(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), hosts)
        if not verdict.allowed:
            return verdict.reason
        fits = bool(secret) and guards.form_key_fits(request.form.get("key", ""), secret, purpose)
        return "" if fits and request.form.get("action", "") == action else "The form is out of date: load it again."

    def _session(self) -> str:
        return request.cookies.get(SESSION_COOKIE, "")

    def _set_cookie(self, response: Response, name: str, value: str, max_age_s: int) -> None:
        response.set_cookie(
            name, value, max_age=max_age_s, secure=self._secure(), httponly=True, samesite="Lax", path="/"
        )

    def _drop_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self._secure(), httponly=True, samesite="Lax", path="/")

    def _secure(self) -> bool:
        return guards.browser_uses_tls(
            secure=request.is_secure,
            host=request.host,
            origin=request.headers.get("Origin"),
            public_url=self._parts.public_url,
        )


def _acknowledging(code: str) -> str:
    return f"acknowledge {code}"


def _not_found() -> Response:
    return answers.page(markup.notice_page("No such incident", "Look at the list of incidents."), 404)


def _to_login(code: str) -> Response:
    wanted = f"incidents/{code}"
    return answers.see_other(f"../login?next={wanted}" if PAGES.fullmatch(wanted) else "../login")
