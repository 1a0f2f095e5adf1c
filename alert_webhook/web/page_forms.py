"""What the pages' forms and cookies have in common: who sent them, and how they are guarded."""

from flask import Response, request

from alert_webhook.parts import Parts
from alert_webhook.web import guards

SESSION_COOKIE = "heronwatch_session"


class PageForms:
    """Reads the request at hand."""

    def __init__(self, parts: Parts) -> None:
        self._public_url = parts.public_url

    def refused(self, secret: str, purpose: str) -> str:
        """Return why a form is not taken, "" when it is: it came from our own page, and holds that page's key."""
        hosts = guards.own_hosts(request.host, self._public_url)
        verdict = guards.same_site(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), hosts)
        if not verdict.allowed:
            return verdict.reason
        fits = bool(secret) and guards.form_key_fits(request.form.get("key", ""), secret, purpose)
        return "" if fits else "The form is out of date: load it again."

    def session(self) -> str:
        """Return the session's token, "" without one."""
        return request.cookies.get(SESSION_COOKIE, "")

    def set_cookie(self, response: Response, name: str, value: str, max_age_s: int) -> None:
        """Give the browser a cookie that only we read."""
        response.set_cookie(
            name, value, max_age=max_age_s, secure=self._secure(), httponly=True, samesite="Lax", path="/"
        )

    def drop_cookie(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(name, secure=self._secure(), httponly=True, samesite="Lax", path="/")

    def _secure(self) -> bool:
        return guards.browser_uses_tls(
            secure=request.is_secure,
            host=request.host,
            origin=request.headers.get("Origin"),
            public_url=self._public_url,
        )
