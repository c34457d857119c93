# What base.Dockerfile says, for builders without here-documents.
FROM debian:minbase
RUN set -e; \
    apt-get update; \
    apt-get install -y --no-install-recommends python3-minimal; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/*.log /var/cache/ldconfig/aux-cache
ENV SITE=/site
WORKDIR $SITE
ONBUILD COPY pages/ ./pages/
ONBUILD ARG TITLE=untitled
ONBUILD RUN echo "$TITLE: $(ls pages | tr '\n' ' ')" > index.txt
