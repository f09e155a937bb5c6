#!/bin/sh
# Last steps of the image: the gateway's own code on the path of its environment, compiled once, and
# the libraries of the runtimes known to the loader.
set -eu
venv=/opt/lm-sandbox/venv
site=$("$venv/bin/python" -I -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
echo /opt/lm-sandbox/src > "$site/lm-sandbox.pth"
"$venv/bin/python" -I -m compileall -q /opt/lm-sandbox/src "$site"
chmod 0711 /opt/lm-sandbox/bin/lm-guard
# COPY makes root the owner of what it copies and of the folders on the way.
chown 1000:1000 /home/sandbox /home/sandbox/.bashrc /home/sandbox/.profile
ldconfig
llama-server --version >/dev/null 2>&1 || { echo "llama-server does not start in this base:" >&2; llama-server --version; exit 1; }
ollama --version >/dev/null 2>&1 || { echo "ollama does not start in this base:" >&2; ollama --version; exit 1; }
# Last: what is in the image, for everybody who asks later.
"$venv/bin/python" -I "$(dirname "$0")/write-sbom.py" "$site" /usr/share/lm-sandbox/sbom.json
