"""The outward heartbeat: a GET that says that everything is on time. Its absence is the alarm."""

from alert_webhook.delivery.guarded_http import Answer, GuardedHttp
from alert_webhook.watch.blocks import HeartbeatBlock


def beat(block: HeartbeatBlock) -> str:
    """Say it once; return what went wrong, "" if it was heard. No text of the other side, and not the URL."""
    http = GuardedHttp(block.allowed_networks)
    try:
        answer = http.get(block.url, timeout_s=float(block.timeout), headers={"User-Agent": "heronwatch"})
    finally:
        http.close()
    if not isinstance(answer, Answer):
        return getattr(answer, "reason", "no answer")
    return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
