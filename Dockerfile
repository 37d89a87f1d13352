# The service, as an account without privileges. Its embedded PostgreSQL is used unless MICGATE_DATABASE_URL
# (or MICGATE_DATABASE_URL_FILE) names a server. Secrets come at run time, as files: none is in a layer.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/micgate && /opt/micgate/bin/pip install --no-cache-dir '.[service,telemetry]' \
    && /opt/micgate/bin/python -m compileall -q /opt/micgate/lib

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/micgate --shell /usr/sbin/nologin micgate \
    && install --directory --owner=micgate --group=micgate --mode=0700 /var/lib/micgate /run/micgate
COPY --from=build /opt/micgate /opt/micgate
ENV PATH=/opt/micgate/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    XDG_STATE_HOME=/var/lib \
    XDG_RUNTIME_DIR=/run/micgate
USER micgate
WORKDIR /var/lib/micgate
VOLUME /var/lib/micgate
EXPOSE 8700
# The service says itself where it listens; the certificate is that of its public name, not of this address.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import json, ssl, urllib.request as u; u.urlopen(json.load(open('/run/micgate/micgate.json'))['url'] + '/healthz', timeout=4, context=ssl._create_unverified_context())"]
ENTRYPOINT ["micgate"]
CMD ["serve"]
