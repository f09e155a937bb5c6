#!/bin/sh
# record-packages.sh NAME FILE...
# Notes which Debian packages of this stage the copied files belong to: the final image's own list of packages
# does not know them. write-sbom.py reads it. A file of no package (built in the stage) is left out.
set -eu
list=/export/usr/share/lm-sandbox/packages/$1.tsv
shift
mkdir -p "$(dirname "$list")"
for file in "$@"; do
  dpkg-query --search "$(realpath "$file")" 2>/dev/null || true
done | sed 's/: .*//' | sort -u | while read -r package; do
  # shellcheck disable=SC2016 # these are dpkg's variables
  dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\n' "$package"
done > "$list"
