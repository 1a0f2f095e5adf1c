"""A bearer token as the HTTP client libraries of the services take it: something to call with a request."""

from collections.abc import MutableMapping
from typing import Protocol, TypeVar

from heronwatch.secrets import Secret


class Sendable(Protocol):
    """A request that is about to be sent."""

    @property
    def headers(self) -> MutableMapping[str, str]:
        """Its headers."""


Request = TypeVar("Request", bound=Sendable)


class Bearer:
    """Authorization by a token (RFC 6750). Given as the request's auth, so that the library looks for no other."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: Request) -> Request:
        """Return the request with its header."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request
