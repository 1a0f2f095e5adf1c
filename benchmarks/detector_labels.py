"""Series as a network has them: interfaces of switches, a label set each."""

import json

STEP_S = 60.0
INTERFACES = 48


def labels(number: int) -> dict[str, str]:
    """Return the labels of an interface; every third has a description that no other has.

    >>> labels(50)["ifAlias"], labels(51)["ifAlias"]
    ('port 2', 'to rack 51')
    """
    device, interface = divmod(number, INTERFACES)
    return {
        "ifAlias": f"port {interface}" if number % 3 else f"to rack {number}",
        "ifIndex": str(interface),
        "ifName": f"Gi1/0/{interface}",
        "instance": f"switch-{device}.example",
        "job": "snmp",
        "site": "berlin",
    }


def spelt(number: int) -> str:
    """Return them as Prometheus writes them.

    >>> spelt(1)
    '{"ifAlias":"port 1","ifIndex":"1","ifName":"Gi1/0/1","instance":"switch-0.example","job":"snmp","site":"berlin"}'
    """
    return json.dumps(labels(number), separators=(",", ":"))
