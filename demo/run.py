"""One run of the demo: start everything, show it, play the incident, stop everything."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo import history, programs, service_configs, stack_configs
from demo.programs import Binaries
from demo.sinks import Inbox, MailSink, Received, SmsSink
from demo.site import METER, REAL_AGENT, SSH_HOST, Site
from demo.story import Story
from demo.supervisor import Child, ChildError, Supervisor, answers
from demo.traffic import from_then, week_before

USER = "demo"
FOR_EVER_S = 10**9


class Demo:
    """Owns the run's parts; `stop` leaves nothing behind."""

    def __init__(self, folder: Path, binaries: Binaries, *, incident_after_s: float, duration_s: float) -> None:
        self._started = time.monotonic()
        self._duration_s = duration_s or FOR_EVER_S
        self._incident_after_s = incident_after_s
        self._binaries = binaries
        self._site = Site(folder=folder)
        self._supervisor = Supervisor(folder)
        self._inbox = Inbox(self._show_message)
        self._sinks: list[MailSink | SmsSink] = []
        self._traffic: history.Traffic | None = None
        self._ready_at = self._deadline = self._started

    def start(self) -> None:
        """Start every part and wait until it is ready. Raises ChildError with the failing part's last lines."""
        site = self._site
        community = site.write_secret("community", site.community)
        intake_token = site.write_secret("intake-token", site.intake_token)
        sms_token = site.write_secret("sms-token", site.sms_token)
        known_hosts = self._ssh_keys()
        self._start_sinks()
        exporters_config = service_configs.write_exporters(
            site,
            community_file=community,
            ssh_key=site.folder / "client",
            known_hosts=known_hosts,
            real_agent=bool(self._binaries.snmpd),
        )
        webhook_config = service_configs.write_webhook(site, token_file=intake_token, sms_token_file=sms_token)
        alertmanager_config = stack_configs.write_alertmanager(site, intake_token)
        prometheus_config = stack_configs.write_prometheus(site)
        self._say("starting simulated devices, exporters, webhook and Alertmanager")
        self._start(
            *programs.simulators(site, ssh_files=site.folder),
            *([programs.real_agent(site, self._binaries.snmpd)] if self._binaries.snmpd else []),
            programs.exporter(site, exporters_config),
            programs.webhook(site, webhook_config),
            programs.alertmanager(site, self._binaries.alertmanager, alertmanager_config),
        )
        programs.add_user(webhook_config, USER, site.user_password)
        data = self._write_history()
        self._start(programs.prometheus(site, self._binaries.prometheus, prometheus_config, data))
        if self._binaries.grafana:
            self._start(programs.grafana(site, self._binaries.grafana))
        self._start(programs.detector(site, service_configs.write_detector(site)))
        self._ready_at = time.monotonic()
        self._deadline = self._ready_at + self._duration_s
        self._print_table()

    def show(self) -> None:
        """Keep running until Ctrl-C or the duration is over; play the incident once."""
        story = Story(self._site, self._moving_traffic(), self._inbox, self._say)
        steps = self._show_steps(story)
        while time.monotonic() < self._deadline:
            ended = self._supervisor.ended()
            if ended:
                raise ChildError(ended)
            next(steps, None)
            self._moving_traffic().keep_going(self._site, time.time())
            time.sleep(0.5)

    def _show_steps(self, story: Story) -> Iterator[None]:
        yield from self._until(self._ready_at + self._incident_after_s)
        story.uplink_drifts()
        story.score_passes_one(min(self._deadline, time.monotonic() + 90))
        story.ups_fails(min(self._deadline, time.monotonic() + 150))
        self._say("the message carries a link: open it and press Acknowledge; Ctrl-C ends the demo")

    def _until(self, moment: float) -> Iterator[None]:
        while time.monotonic() < moment:
            yield

    def check(self) -> dict[str, Any]:
        """Play the incident and return what came of each step."""
        story = Story(self._site, self._moving_traffic(), self._inbox, self._say)
        story.every_device_scraped(self._device_names(), min(self._deadline, time.monotonic() + 60))
        for _wait in self._until(min(self._deadline, self._ready_at + self._incident_after_s)):
            time.sleep(0.2)
        story.score_is_calm(min(self._deadline, time.monotonic() + 90))
        story.uplink_drifts()
        story.score_passes_one(min(self._deadline, time.monotonic() + 90))
        story.ups_fails(self._deadline)
        story.somebody_acknowledges(self._deadline)
        story.all_is_well_again()
        ended = self._supervisor.ended()
        if ended:
            raise ChildError(ended)
        return story.verdict.as_dict()

    def stop(self) -> None:
        """Stop everything."""
        self._supervisor.stop()
        for sink in self._sinks:
            sink.stop()
        self._sinks.clear()

    def _start(self, *children: Child) -> None:
        self._supervisor.start(*children)
        names = [child.name for child in children]
        self._say(f"{names[0]} is ready" if len(names) == 1 else f"{', '.join(names)} are ready")

    def _start_sinks(self) -> None:
        site = self._site
        self._sinks = [
            MailSink(self._inbox, site.mail_port),
            SmsSink(self._inbox, site.sms_port, account=site.sms_account, token=site.sms_token),
        ]
        for sink in self._sinks:
            sink.start()

    def _write_history(self) -> Path:
        site, now = self._site, time.time()
        data = site.folder / "prometheus"
        answering = answers(f"{site.url(site.exporter_port)}/sd")
        if not answering():
            raise ChildError("the exporter does not answer /sd")
        self._traffic = history.discover(site, now)
        self._say(f"writing a week of history for {len(self._traffic.series)} counters")
        promtool, week = self._binaries.promtool, week_before(now)
        samples = history.backfill(site, self._traffic, promtool, data, week)
        now = time.time()  # the week took a while to write
        samples += history.backfill(site, self._traffic, promtool, data, from_then(week[-1], now))
        self._traffic.write_live(site, now)
        self._say(f"{samples} samples written")
        return data

    def _moving_traffic(self) -> history.Traffic:
        if self._traffic is None:
            raise ChildError("the demo was not started")
        return self._traffic

    def _ssh_keys(self) -> Path:
        """Make a client key and a host key; returns the known_hosts file."""
        folder, port = self._site.folder, self._site.ssh_port
        for name in ("client", "host"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"heronwatch-demo-{name}", "-f", folder / name],
                check=True,
                env={**os.environ},
            )
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
        return known_hosts

    def _device_names(self) -> set[str]:
        real = {REAL_AGENT} if self._binaries.snmpd else set()
        return {device.name for device in self._site.devices} | {METER, SSH_HOST} | real

    def _print_table(self) -> None:
        site = self._site
        rows = [
            ("exporters", site.url(site.exporter_port), "targets at /sd"),
            ("Prometheus", site.url(site.prometheus_port), "try anomaly_score"),
            ("Alertmanager", site.url(site.alertmanager_port), "API; Debian's 0.25 has no page"),
            ("detector", site.url(site.detector_port), ""),
            ("webhook", site.url(site.webhook_port), f"incidents: user {USER}, password {site.user_password}"),
            ("ack pages", site.url(site.public_port), "the link in each message"),
        ]
        if self._binaries.grafana:
            rows.append(("Grafana", site.url(site.grafana_port), f"user admin, password {site.grafana_password}"))
        print()
        for name, url, note in rows:
            print(f"  {name:<14}{url:<26}{note}".rstrip())
        if not self._binaries.grafana:
            print("  Grafana is not installed here: docker compose up starts it with the dashboards in grafana/.")
        print(f"  logs          {site.folder}\n")

    def _show_message(self, message: Received) -> None:
        self._say(f"{message.kind} for {message.to}:")
        for line in message.text.strip().splitlines()[:12]:
            print(f"            | {line}", flush=True)

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._started:5.0f} s]  {text}", flush=True)
