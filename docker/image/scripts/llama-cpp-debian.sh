#!/bin/sh
# From Debian's packages (testing or newer), CPU only. The back-ends are opened at run time from a folder
# whose name is compiled in, so all paths are kept.
set -eu
here=$(dirname "$0")
sh "$here/install-packages.sh" llama.cpp-tools
libraries=/usr/lib/$(uname -m)-linux-gnu
# A list of paths without spaces.
files="/usr/bin/llama-server /usr/bin/llama-quantize
  $(find "$libraries" -path '*llama*' -name '*.so*' ! -type d)
  $(find "$libraries/ggml" -name '*.so*' ! -type d)"
# shellcheck disable=SC2086
files="$files $(sh "$here/needed-libraries.sh" $files)"
for file in $files; do
  mkdir -p "/export$(dirname "$file")"
  cp --dereference "$file" "/export$file"
done
# shellcheck disable=SC2086
sh "$here/record-packages.sh" llama-cpp $files
