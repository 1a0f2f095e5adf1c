"""Numbers of MIBs as words and colours, for tables and timelines."""

from typing import Final

UP: Final = {1: ("up", "green"), 0: ("down", "red")}
ON_BATTERY: Final = {0: ("mains", "green"), 1: ("battery", "red")}
COVERED: Final = {1: ("somebody", "green"), 0: ("nobody", "red")}
BREAKER: Final = {0: ("works", "green"), 1: ("one try decides", "orange"), 2: ("left in peace", "red")}
FIRING: Final = {1: ("firing", "red")}

# instance_part:health:state of prometheus/rules/recording_devices.yml
HEALTH: Final = {1: ("good", "green"), 2: ("degraded", "orange"), 3: ("failed", "red")}

# instance_part:pdu_load:state of prometheus/rules/recording_power.yml
PDU_LOAD: Final = {1: ("normal", "green"), 2: ("near overload", "orange"), 3: ("overload", "red")}

# ifOperStatus and ifAdminStatus, RFC 2863 section 6
INTERFACE: Final = {
    1: ("up", "green"),
    2: ("down", "red"),
    3: ("testing", "yellow"),
    4: ("unknown", "text"),
    5: ("dormant", "blue"),
    6: ("not present", "text"),
    7: ("lower layer down", "orange"),
}

# upsOutputSource, RFC 1628 section 4
UPS_SOURCE: Final = {
    1: ("other", "text"),
    2: ("none", "dark-red"),
    3: ("mains", "green"),
    4: ("bypass", "orange"),
    5: ("battery", "red"),
    6: ("booster", "yellow"),
    7: ("reducer", "yellow"),
}
