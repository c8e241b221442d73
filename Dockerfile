FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app

COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt

COPY . .
# compiled once, not at each start of each process
RUN python -m compileall -q .
# var/ is the only place the application writes to: mails when no SMTP server is set
RUN useradd --system --no-create-home --shell /usr/sbin/nologin tusker \
    && mkdir -p var && chown tusker var
USER tusker

EXPOSE 8000
CMD ["gunicorn", "wsgi:app", "--bind", "0.0.0.0:8000"]
