#!/bin/sh
# seal-interpreter.sh VENV
# Makes the interpreter of the environment executable but not readable, under each of its names.
set -eu
cd "$1/bin"
for name in python python3 python3.*; do
  [ -e "$name" ] || continue
  if [ ! -L "$name" ]; then chmod 0711 "$name"; fi
done
