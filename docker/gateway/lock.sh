#!/bin/sh
# Writes requirements.txt and requirements-test.txt with the hashes of every version; needs `uv`.
set -eu
cd "$(dirname "$0")"
lock() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links "$@"
}
lock requirements.in --output-file requirements.txt
lock requirements-test.in --constraint requirements.txt --output-file requirements-test.txt
