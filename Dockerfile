# One image for every process of Drumbeat: `docker compose` says which one a container runs.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 drumbeat && install --directory --owner drumbeat --mode 0700 /keys
WORKDIR /app

# The lock first: it changes seldom, and what it installs is kept between builds.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY pyproject.toml setup.py README.md LICENSE ./
COPY src src
COPY streams streams
COPY examples examples
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

USER drumbeat
ENTRYPOINT ["drumbeat"]
CMD ["--help"]
