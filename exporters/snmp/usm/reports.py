"""What a device's reports mean, and what to do about each (RFC 3414 section 3.2, RFC 3412 section 7.1). No I/O."""

from collections.abc import Mapping

from exporters.snmp import oid
from exporters.snmp.errors import CredentialError, DeviceError, StatusError


def _counter(text: str) -> bytes:
    return oid.encode(text)


UNSUPPORTED_LEVEL = _counter("1.3.6.1.6.3.15.1.1.1.0")
NOT_IN_TIME_WINDOW = _counter("1.3.6.1.6.3.15.1.1.2.0")
UNKNOWN_USER = _counter("1.3.6.1.6.3.15.1.1.3.0")
UNKNOWN_ENGINE = _counter("1.3.6.1.6.3.15.1.1.4.0")
WRONG_DIGEST = _counter("1.3.6.1.6.3.15.1.1.5.0")
DECRYPTION_ERROR = _counter("1.3.6.1.6.3.15.1.1.6.0")
UNKNOWN_MODEL = _counter("1.3.6.1.6.3.11.2.1.1.0")
INVALID_MESSAGE = _counter("1.3.6.1.6.3.11.2.1.2.0")
UNKNOWN_HANDLER = _counter("1.3.6.1.6.3.11.2.1.3.0")
UNAVAILABLE_CONTEXT = _counter("1.3.6.1.6.3.12.1.4.0")
UNKNOWN_CONTEXT = _counter("1.3.6.1.6.3.12.1.5.0")

WORDS: Mapping[bytes, str] = {
    UNSUPPORTED_LEVEL: "the device does not let this user in at this security level (unsupportedSecLevels): "
    "give security_level the level that the user has on the device, neither more nor less",
    NOT_IN_TIME_WINDOW: "the device takes our messages for too old (notInTimeWindows): its clock or boot counter is "
    "not what it says; a new engine ID, or a restart of its agent, puts that right",
    UNKNOWN_USER: "the device knows no such user (unknownUserNames): check username, and that the user was made "
    "on this device for its present engine ID",
    UNKNOWN_ENGINE: "the device refuses the engine ID that it gives as its own (unknownEngineIDs): "
    "its agent needs a restart",
    WRONG_DIGEST: "the device refuses the signature (wrongDigests): the authentication password or auth_protocol is "
    "not the user's",
    DECRYPTION_ERROR: "the device cannot decrypt (decryptionErrors): the privacy password or priv_protocol is not "
    "the user's (AES192 and AES256 have a Cisco variant: AES192C, AES256C)",
    UNKNOWN_MODEL: "the device does not speak the user-based security model (unknownSecurityModels)",
    INVALID_MESSAGE: "the device finds our message invalid (invalidMsgs)",
    UNKNOWN_HANDLER: "nothing on the device answers for this context engine ID (unknownPDUHandlers): "
    "check snmp_engineid",
    UNAVAILABLE_CONTEXT: "the context is not available now (unavailableContexts)",
    UNKNOWN_CONTEXT: "the device knows no such context (unknownContexts): check context_name and snmp_context",
}

_ABOUT_THE_USER = {UNSUPPORTED_LEVEL, NOT_IN_TIME_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, DECRYPTION_ERROR}


def error_of(counter: bytes) -> DeviceError:
    """Return the error that a report means, by the counter that it names."""
    words = WORDS.get(counter)
    if words is None:
        return StatusError(f"the device reports the counter {oid.text(counter)} instead of answering")
    return CredentialError(words) if counter in _ABOUT_THE_USER else StatusError(words)
