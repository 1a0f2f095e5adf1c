"""The configuration's block about the report of shadow mode."""

from typing import Literal

from alert_webhook.config_block import Block, Faults


class ShadowReportBlock(Block, frozen=True, kw_only=True):
    """Who is sent the daily report, beside the log: a message to people who are not in shadow."""

    notify: tuple[str, ...]
    quiet_hours: Literal["wait", "ignore"] = "wait"  # in a person's hours of quiet

    def config_faults(self) -> Faults:
        """Check that there is somebody."""
        if not self.notify:
            yield "notify", "name at least one"
