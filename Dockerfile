# One image for every part of Guerdon: `guerdon api`, `worker`, `migrate`, `simulator`.
FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/guerdon \
    && /opt/guerdon/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r deploy/hashes/run.txt \
    && /opt/guerdon/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM python:3.11-slim
ENV PATH=/opt/guerdon/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The simulator's folder exists so that a volume mounted there belongs to the user too.
RUN useradd --system --uid 10001 --home-dir /var/lib/guerdon --create-home guerdon \
    && install -d -o guerdon /var/lib/guerdon/simulator
COPY --from=build /opt/guerdon /opt/guerdon
USER guerdon
WORKDIR /var/lib/guerdon
CMD ["guerdon", "--help"]
