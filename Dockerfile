# mxray in a container. Not tried: see docs/DEPLOYMENT.md.
#
#   docker build -t mxray .
#   docker run --rm -v "$PWD/captures:/captures:ro" mxray replay /captures
#   docker run -d --network host --cap-drop ALL --cap-add NET_RAW \
#       -v /etc/mxray:/etc/mxray:ro -v mxray-log:/var/log/mxray -v mxray-state:/var/lib/mxray \
#       mxray live --config /etc/mxray/mxray.toml
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libpcap-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpcap0.8 libcap2-bin \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --home-dir /var/lib/mxray --shell /usr/sbin/nologin mxray \
    && install -d -o mxray -g mxray -m 0750 /var/lib/mxray /var/log/mxray /run/mxray
COPY --from=build /src/target/release/mxray /usr/bin/mxray
# A user who is not root gets no capability from --cap-add alone. Permitted and not effective, so
# that without it everything runs that needs no interface.
RUN setcap cap_net_raw=p /usr/bin/mxray
USER mxray
ENTRYPOINT ["/usr/bin/mxray"]
CMD ["--help"]
