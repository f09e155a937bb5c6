#!/bin/sh
# Compiles Ollama, plain Go, and lets it use the llama-server of the llama.cpp stage: it looks for it
# in ../lib/ollama beside its own folder.
set -eu
here=$(dirname "$0")
sh "$here/install-packages.sh" ca-certificates g++ gcc golang-go libc6-dev
update-ca-certificates
export GOPATH=/build/go GOTOOLCHAIN=local GOFLAGS="-ldflags=-X=github.com/ollama/ollama/version.Version=${OLLAMA_VERSION}"
go install -trimpath "github.com/ollama/ollama@v${OLLAMA_VERSION}"
mkdir -p /export/usr/bin /export/usr/lib/ollama
cp /build/go/bin/ollama /export/usr/bin/ollama
ln -s /usr/bin/llama-server /export/usr/lib/ollama/llama-server
ln -s /usr/bin/llama-quantize /export/usr/lib/ollama/llama-quantize
rm -rf /build /root/.cache
