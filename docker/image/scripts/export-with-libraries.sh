#!/bin/sh
# export-with-libraries.sh FILE...
# Copies programs and libraries to /export under their own paths, with every shared library they need.
# Left out: the C library and its kin, which belong to the final base, and the GPU driver's libraries,
# which the engine puts into the container.
set -eu
copy() {
  mkdir -p "/export$(dirname "$1")"
  cp --dereference "$1" "/export$1"
}
for file in "$@"; do
  copy "$file"
  ldd "$file" 2>/dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | while read -r library; do
    case "${library##*/}" in
      libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libresolv.so.* | ld-linux*) ;;
      libcuda.so.* | libnvidia-*) ;;
      *) [ -e "/export$library" ] || copy "$library" ;;
    esac
  done
done
