"""The errors of the exporters; leaves are chosen by what the caller does next.

    HeronwatchError
    └── ExporterError
        ├── WrongRequestError     the parameters make no sense: 400, the client corrects them
        ├── RefusedError          a guard said no: 403 with its reason
        ├── UnresolvedError       a host name has no address now: the device's fault, counted as `unreachable`
        └── WorkerGoneError       the worker that owns the target is being restarted: 503, ask again soon

Trouble with a device is never an exception: it is a `Fault` in a `Reading`.
"""

from heronwatch.errors import HeronwatchError


class ExporterError(HeronwatchError):
    """The root of the exporters' errors."""


class WrongRequestError(ExporterError):
    """The parameters of a request are wrong."""


class RefusedError(ExporterError):
    """A guard refuses the request; the message is the reason."""


class UnresolvedError(ExporterError):
    """A host name could not be resolved."""


class WorkerGoneError(ExporterError):
    """The worker that owns a target cannot be reached."""
