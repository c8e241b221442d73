# The packages are installed in a stage of their own: no compiler and no cache comes into the image that runs.
FROM python:3.12-slim AS packages

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tusker
COPY requirements.txt requirements-traces.txt ./
# --build-arg TRACES=1: with what OTEL_EXPORTER_OTLP_ENDPOINT needs
ARG TRACES=
RUN /opt/tusker/bin/pip install --require-hashes --only-binary :all: -r requirements.txt ${TRACES:+-r requirements-traces.txt}

FROM python:3.12-slim

# hands signals on and takes in processes that nobody waits for; orchestrators without an init of their own need it
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/tusker/bin:$PATH
# a process gives memory back: threads share one arena, and what is large is mapped by itself (glibc)
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=131072
WORKDIR /app

COPY --from=packages /opt/tusker /opt/tusker
COPY . .
# compiled once, not at each start of each process; var/ is the only place that is written to besides /tmp: mails, when
# no SMTP server is set. By number, so that an orchestrator sees that it is not root
RUN python -m compileall -q . \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tusker \
    && mkdir -p var && chown tusker var
USER 10001

EXPOSE 8000
ENTRYPOINT ["tini", "--"]
CMD ["gunicorn", "wsgi:app", "--bind", "0.0.0.0:8000"]
