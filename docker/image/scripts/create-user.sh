#!/bin/sh
# Creates the user "sandbox" (uid and gid 1000) with a home, and the folders that volumes are mounted
# on. A new named volume takes over the owner of the folder under it, so the owner is set here.
set -eu
taken=$(getent passwd 1000 | cut -d: -f1 || true)
if [ -n "$taken" ]; then userdel --remove "$taken" 2>/dev/null; fi   # Ubuntu's images carry "ubuntu"
taken=$(getent group 1000 | cut -d: -f1 || true)
if [ -n "$taken" ]; then groupdel "$taken"; fi
groupadd --gid 1000 sandbox
useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash sandbox
install -d -o 1000 -g 1000 -m 0755 /workspace /models /models/gguf /models/ollama
install -d -o 1000 -g 1000 -m 0700 /run/lm-sandbox
