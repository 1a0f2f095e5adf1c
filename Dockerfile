# syntax=docker/dockerfile:1
# One file, three images:  docker build --target exporter|detector|webhook -t heronwatch-exporter .
# Each holds Python and what its own extra needs, nothing more: the exporter no numpy, the detector no aiohttp.
#
# The images listen on all interfaces, so they start only with a web config (--web.config.file: TLS, users) or an
# explicit --web.insecure, where something else guards the network.

FROM ghcr.io/astral-sh/uv:0.13.8 AS uv

FROM python:3.11.14-slim-bookworm AS wheel
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /build
COPY pyproject.toml README.md LICENSE requirements.lock ./
COPY heronwatch heronwatch
COPY exporters exporters
COPY anomaly_detector anomaly_detector
COPY alert_webhook alert_webhook
RUN uv build --wheel --out-dir /dist --build-constraint requirements.lock

# the lock is the list of allowed versions and hashes; the wheel's extra says which of them are wanted
FROM wheel AS exporter-venv
RUN uv venv /opt/heronwatch \
 && uv pip install --python /opt/heronwatch/bin/python --compile-bytecode --constraint requirements.lock \
    "heronwatch[snmp,ssh,modbus] @ file://$(echo /dist/*.whl)"

FROM wheel AS detector-venv
RUN uv venv /opt/heronwatch \
 && uv pip install --python /opt/heronwatch/bin/python --compile-bytecode --constraint requirements.lock \
    "heronwatch[detector] @ file://$(echo /dist/*.whl)"

FROM wheel AS webhook-venv
RUN uv venv /opt/heronwatch \
 && uv pip install --python /opt/heronwatch/bin/python --compile-bytecode --constraint requirements.lock \
    "heronwatch[webhook] @ file://$(echo /dist/*.whl)"

# what the three final images share: no compiler, no package manager of Python, no shell needed, no root
FROM python:3.11.14-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="Heronwatch" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/heronwatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN mkdir -p /etc/heronwatch /var/lib/heronwatch \
 && chown 10001:10001 /var/lib/heronwatch
WORKDIR /var/lib/heronwatch
STOPSIGNAL SIGTERM

FROM runtime AS exporter
COPY --from=exporter-venv /opt/heronwatch /opt/heronwatch
USER 10001:10001
EXPOSE 9810
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9810/-/healthy', timeout=2)"]
ENTRYPOINT ["heronwatch", "exporter", "serve", "--web.listen-address=0.0.0.0:9810"]
CMD ["--config.file=/etc/heronwatch/exporters.yml"]

FROM runtime AS detector
COPY --from=detector-venv /opt/heronwatch /opt/heronwatch
USER 10001:10001
EXPOSE 9811
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9811/-/healthy', timeout=2)"]
ENTRYPOINT ["heronwatch", "detector", "serve", "--web.listen-address=0.0.0.0:9811"]
CMD ["--config.file=/etc/heronwatch/detector.yml"]

FROM runtime AS webhook
COPY --from=webhook-venv /opt/heronwatch /opt/heronwatch
# threads that take bodies share two heaps in place of sixteen
ENV MALLOC_ARENA_MAX=2
USER 10001:10001
EXPOSE 9812 9813
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9812/-/healthy', timeout=2)"]
ENTRYPOINT ["heronwatch", "webhook", "all", "--web.listen-address=0.0.0.0:9812", "--web.public-listen-address=0.0.0.0:9813"]
CMD ["--config.file=/etc/heronwatch/webhook.yml"]
