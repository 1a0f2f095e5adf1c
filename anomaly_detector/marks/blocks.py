"""The block `marks` of the configuration."""

from typing import Annotated

import msgspec

from anomaly_detector.endpoint import BasicAuth, Endpoint, Faults, Struct, TlsConfig
from heronwatch.secrets import Secret
from heronwatch.values import Duration, HttpUrl

LabelName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
TIMEOUT = Duration(10)


class Marker(Struct, frozen=True, kw_only=True):
    """A server where people mark things, and how to be let in; an API key of the webhook is a `bearer_token`."""

    url: HttpUrl
    basic_auth: BasicAuth | None = None
    bearer_token: Secret | None = None
    tls_config: TlsConfig | None = None
    timeout: Duration = TIMEOUT

    def config_faults(self) -> Faults:
        """As for every endpoint."""
        return self.endpoint.config_faults()

    @property
    def endpoint(self) -> Endpoint:
        """The same as what a session takes."""
        return Endpoint(
            datasource_url=self.url,
            basic_auth=self.basic_auth,
            bearer_token=self.bearer_token,
            tls_config=self.tls_config,
            timeout=self.timeout,
        )


class Marks(Struct, frozen=True, kw_only=True):
    """From whom incidents, maintenance windows and silences are read, every `refresh`.

    `by`: the labels by which a mark says what it is about. An incident is about all series that agree in the first of
    these that it has, a window or a silence about those that its words on all of these mean; other labels, such as
    alertname, are passed over, and what has none of them is about nothing. `before`: how long a fault had lasted when
    its incident was opened.
    """

    webhook: Marker | None = None
    alertmanagers: tuple[Marker, ...] = ()
    by: Annotated[tuple[LabelName, ...], msgspec.Meta(min_length=1)] = ("instance", "device", "site")
    before: Duration = Duration(600)
    refresh: Duration = Duration(30)

    def config_faults(self) -> Faults:
        """Somebody to read from, at a sane pace."""
        if self.webhook is None and not self.alertmanagers:
            yield "webhook", "missing: name the webhook, or alertmanagers"
        if not 1 <= self.refresh <= 3600:
            yield "refresh", f"{self.refresh} is not between 1s and 1h"
