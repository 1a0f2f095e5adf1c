"""Why an exporter may listen beyond loopback."""

from exporters.loading import Setup
from exporters.options import ServeOptions

AS_THE_ORIGINAL = "an ordinary {protocol}.yml alone: open to whoever reaches the port, as its original exporter is"


def open_because(options: ServeOptions, setup: Setup, *, authenticates: bool) -> str:
    """Return why it may listen beyond loopback without a web config that authenticates, or "".

    An exporter that stands in for another by that one's own files and flags has no devices and no bound credentials
    to guard; unbound ones go to private addresses only.
    """
    if options.insecure:
        return "--web.insecure"
    if authenticates or not setup.stands_in_for:
        return ""
    return AS_THE_ORIGINAL.format(protocol=setup.stands_in_for)
