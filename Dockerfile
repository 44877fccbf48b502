# One image for web, worker, beat and the one-shot set-up: the command tells them apart.
# The base is an argument, so that a mirror's or a self-made image can stand in.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# Dependencies first: this layer is made again only when they change.
COPY pyproject.toml requirements.lock ./
RUN python3 -m venv /opt/newsletter \
 && python3 -m venv /opt/build \
 && python3 -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > needs.txt \
 && /opt/newsletter/bin/pip install --requirement needs.txt --constraint requirements.lock \
 && /opt/build/bin/pip install hatchling --constraint requirements.lock

COPY README.md ./
COPY templates templates
COPY workers workers
COPY newsletter newsletter
RUN /opt/build/bin/pip wheel . --no-deps --no-build-isolation --wheel-dir dist \
 && /opt/newsletter/bin/pip install --no-deps dist/*.whl \
 && /opt/newsletter/bin/python -m compileall -q /opt/newsletter/lib

FROM ${PYTHON}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin newsletter \
 && install --directory --owner newsletter --group newsletter --mode 750 /data
COPY --from=build /opt/newsletter /opt/newsletter
ENV PATH=/opt/newsletter/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NEWSLETTER_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
CMD ["newsletter", "web", "--host", "0.0.0.0", "--port", "8000"]
