# docker build -t histobridge . && docker run histobridge
FROM debian:trixie

# For a small image, name an index with torch's CPU build here; the usual index
# brings the CUDA libraries as well.
ARG PIP_EXTRA_INDEX_URL

ENV HISTOBRIDGE_CACHE=/opt/histobridge-cache
WORKDIR /opt/histobridge

# The environment is a layer of its own: it changes less often than the sources.
COPY pyproject.toml DESCRIPTION ./
COPY dev/debian-packages.txt dev/paths.sh dev/run dev/setup.sh dev/
RUN dev/setup.sh

COPY . .
RUN dev/setup.sh && dev/install.sh

CMD ["make", "demo"]
