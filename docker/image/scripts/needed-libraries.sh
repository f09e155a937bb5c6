#!/bin/sh
# needed-libraries.sh FILE...
# Prints the paths of all shared libraries that programs and libraries need, one a line, without the C
# library and its kin, which belong to the final base, and without the GPU driver's libraries, which the
# engine puts into the container.
set -eu
for file in "$@"; do
  LD_LIBRARY_PATH=$(dirname "$file") ldd "$file" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }'
done | sort -u | grep -v -E '/(libc|libm|libdl|librt|libpthread|libresolv|libcuda)\.so\.|/ld-linux|/libnvidia-'
