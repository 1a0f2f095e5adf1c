"""Signing in and out: `/login`, `/logout`."""

import re

from flask import Response, request

from alert_webhook.capability import new_token
from alert_webhook.parts import Parts
from alert_webhook.web import answers, guards, markup
from alert_webhook.web.page_forms import SESSION_COOKIE, PageForms
from alert_webhook.web.sign_in import SESSION_S, SignIns

LOGIN_COOKIE = "heronwatch_login"  # binds the sign-in form to the browser that asked for it
LOGIN_FORM_S = 3600
MAX_NAME, MAX_PASSWORD = 100, 1000
CODE = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
PAGES = re.compile(rf"incidents(?:/{CODE.pattern})?", re.ASCII)  # where a sign-in may lead


class Door:
    """Lets people in and out."""

    def __init__(self, parts: Parts, sign_ins: SignIns, forms: PageForms) -> None:
        self._parts = parts
        self._sign_ins = sign_ins
        self._forms = forms

    def form(self, *, said: str = "", user: str = "", status: int = 200) -> Response:
        """Ask for user and password."""
        binding = request.cookies.get(LOGIN_COOKIE, "")
        if not guards.looks_like_capability(binding):
            binding = new_token(self._parts.random)
        key = guards.form_key(binding, "login")
        response = answers.page(markup.login_page(key=key, user=user, said=said), status)
        self._forms.set_cookie(response, LOGIN_COOKIE, binding, LOGIN_FORM_S)
        return response

    def enter(self) -> Response:
        """Check user and password; begin a session."""
        refused = self._forms.refused(request.cookies.get(LOGIN_COOKIE, ""), "login")
        if refused:
            return self.form(said=refused, status=403)
        name = request.form.get("user", "").replace("\0", "")[:MAX_NAME]  # NUL: PostgreSQL refuses it in any text
        password = request.form.get("password", "")[:MAX_PASSWORD]
        done = self._sign_ins.begin(name, password, address=request.remote_addr or "")
        if done.wait_s:
            response = self.form(said="Too many tries. Wait some minutes.", user=name, status=429)
            response.headers["Retry-After"] = str(int(done.wait_s) + 1)
            return response
        if not done.token:
            return self.form(said="User or password is wrong.", user=name, status=401)
        wanted = request.args.get("next", "")
        response = answers.see_other(wanted if PAGES.fullmatch(wanted) else "incidents")
        self._forms.set_cookie(response, SESSION_COOKIE, done.token, int(SESSION_S))
        self._forms.drop_cookie(response, LOGIN_COOKIE)
        return response

    def leave(self) -> Response:
        """End the session."""
        token = self._forms.session()
        if self._sign_ins.caller(token) is not None:
            if refused := self._forms.refused(token, "logout"):
                return answers.page(markup.notice_page("Not accepted", refused), 403)
            self._sign_ins.end(token)
        response = answers.see_other("login")
        self._forms.drop_cookie(response, SESSION_COOKIE)
        return response


def to_login(code: str) -> Response:
    """Ask to sign in first, and lead back to an incident afterwards."""
    wanted = f"incidents/{code}"
    return answers.see_other(f"../login?next={wanted}" if PAGES.fullmatch(wanted) else "../login")
