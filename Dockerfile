# syntax=docker/dockerfile:1
# A component and the runtime that runs it. The repository's own component is the example; for another one, put its
# folder in place of the COPY at the end, and "shipmate" in its requirements.txt.

# The image for both stages: any Debian with Python 3.11 or later. The one below is the default; another one:
#   docker build --build-arg BASE_IMAGE=python:3.14-slim@sha256:...
ARG BASE_IMAGE=pinned-python

# A digest names the same image in every build, and gets no security updates by itself: scripts/renew-digests.sh.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS pinned-python

FROM ${BASE_IMAGE} AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python3 -m venv /opt/venv
# What changes seldom comes first: editing the component does not install everything again.
COPY requirements.txt requirements-build.txt ./
RUN /opt/venv/bin/python -m pip install --require-hashes --requirement requirements.txt \
        --requirement requirements-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY lib lib
RUN /opt/venv/bin/python -m pip install --no-deps --no-build-isolation . \
    && /opt/venv/bin/python -m pip uninstall --yes setuptools wheel pip 2>/dev/null \
    && python3 -m compileall -q -j 0 /opt/venv

FROM ${BASE_IMAGE}
# One process does not reap what it has not started: tini does, and passes signals on.
RUN command -v tini >/dev/null \
    || { apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; } \
    && { python3 -m pip uninstall --yes setuptools wheel pip 2>/dev/null || true; }
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /app --shell /usr/sbin/nologin component
COPY --from=builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY component.json logo.png verify_credentials.py ./
COPY actions actions
COPY triggers triggers
COPY rest rest
COPY schemas schemas
RUN python3 -m compileall -q . && shipmate sbom --output sbom.cdx.json

# The descriptor and the logo as the platform reads them from an image: both base64, from the files of those names.
ARG COMPONENT=""
ARG LOGO=""
ARG VERSION=""
LABEL elastic.io.component="${COMPONENT}" \
      elastic.io.logo="${LOGO}" \
      org.opencontainers.image.title="shipmate reference component" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      shipmate.sbom="/app/sbom.cdx.json"

USER 10001:10001
# 143 is how a process says that SIGTERM ended it, which is no failure. Without -v, since tini logs to standard output,
# where `shipmate exec` prints its events.
ENTRYPOINT ["tini", "-e", "143", "--"]
CMD ["shipmate", "run"]
