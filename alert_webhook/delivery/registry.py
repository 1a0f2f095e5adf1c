"""The channels there are: one line each. Third parties add theirs under the entry-point group `heronwatch.channels`."""

from alert_webhook.delivery.channel import Plugin
from heronwatch.plugins import Registry

CHANNELS: Registry[Plugin] = Registry(
    "heronwatch.channels",
    {
        "smtp": "alert_webhook.delivery.channels.smtp:PLUGIN",
        "twilio_sms": "alert_webhook.delivery.channels.twilio_sms:PLUGIN",
        "webhook": "alert_webhook.delivery.channels.webhook:PLUGIN",
    },
    {},
)
