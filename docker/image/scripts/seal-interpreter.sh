#!/bin/sh
# seal-interpreter.sh VENV
# Makes the interpreter of the environment executable but not readable, and its other names links to it.
set -eu
cd "$1/bin"
chmod 0711 python
for name in python3 python3.*; do
  if [ -e "$name" ]; then ln -sf python "$name"; fi
done
# Python 3.14 adds one more copy of itself, 𝜋thon, of 8 MB.
find . -type f -name "*thon" ! -name python -delete
