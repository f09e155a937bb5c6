#!/bin/sh
# run-tests.sh IMAGE REPORT.xml [MODEL.gguf]
#
# Runs all tests of the gateway in a container of IMAGE (the Dockerfile's stage `test`), as locked up as the
# real one, and writes a JUnit report. The engine is the one `docker` finds (DOCKER_HOST). MODEL.gguf is
# SmolLM2-135M-Instruct; without it the tests of the real runtimes are skipped and say so.
# Further pytest arguments: LM_TEST_ARGUMENTS.
set -eu
image=${1:?usage: run-tests.sh IMAGE REPORT.xml [MODEL.gguf]}
report=${2:?usage: run-tests.sh IMAGE REPORT.xml [MODEL.gguf]}
model=${3:-}
container=lm-gateway-tests-$$

trap 'docker rm --force --volumes "$container" >/dev/null 2>&1' EXIT INT TERM
# shellcheck disable=SC2086 # LM_TEST_ARGUMENTS is a list of words
docker create --name "$container" --init --cap-drop ALL --security-opt no-new-privileges \
  --pids-limit 512 --env PYTHONPATH=/opt/lm-sandbox/src --workdir /opt/lm-test \
  --entrypoint /opt/lm-test/venv/bin/python "$image" \
  -m pytest -p no:cacheprovider --junit-xml=/tmp/report.xml ${LM_TEST_ARGUMENTS:-} >/dev/null
if [ -n "$model" ]; then docker cp "$model" "$container:/opt/lm-test/model.gguf" >/dev/null; fi
status=0
docker start --attach "$container" || status=$?
docker cp "$container:/tmp/report.xml" "$report" >/dev/null
exit "$status"
