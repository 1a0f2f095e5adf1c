"""The channels there are: one line each. Third parties add theirs under the entry-point group `heronwatch.channels`."""

from alert_webhook.delivery.channel import Plugin
from heronwatch.plugins import Registry

CHANNELS: Registry[Plugin] = Registry(
    "heronwatch.channels",
    {
        "pushover": "alert_webhook.delivery.channels.pushover:PLUGIN",
        "slack": "alert_webhook.delivery.channels.slack:PLUGIN",
        "smtp": "alert_webhook.delivery.channels.smtp:PLUGIN",
        "twilio_sms": "alert_webhook.delivery.channels.twilio_sms:PLUGIN",
        "twilio_voice": "alert_webhook.delivery.channels.twilio_voice:PLUGIN",
        "webhook": "alert_webhook.delivery.channels.webhook:PLUGIN",
    },
    {},
)
