"""What can go wrong between us and an SSH server, by what the reader of a fault does next.

SshError
├── LoginRefusedError       the server did not accept the user: correct the credential (the engine soon stops asking)
├── HostKeyError            the server is not the one we know: nothing was sent; a person must look
├── UnreachableError        no connection, or it broke
├── NoAnswerError           silence until the time-out; the connection is dropped
├── ChannelRefusedError     connected and logged in, but no session was opened (MaxSessions, a limit of the device)
└── TooMuchOutputError      more than the module allows; the rest was not read
"""


class SshError(Exception):
    """A command that gave no output. ``reason`` is the stable word for a fault and its metric label."""

    reason = "internal"


class LoginRefusedError(SshError):
    """The server did not accept user and credential."""

    reason = "auth"


class HostKeyError(SshError):
    """The server's key is not the one that is trusted for it."""

    reason = "host_key"


class UnreachableError(SshError):
    """There is no connection."""

    reason = "unreachable"


class NoAnswerError(SshError):
    """Nothing came within the time-out."""

    reason = "timeout"


class ChannelRefusedError(SshError):
    """The server opens no session on a good connection, or agrees on no algorithm."""

    reason = "refused"


class TooMuchOutputError(SshError):
    """A command printed more than it may."""

    reason = "limit"
