#!/bin/sh
# From an image of the llama.cpp project: /app holds llama-server and, beside it, the back-ends it opens
# at run time. They go to /opt/llama.cpp as they are; the libraries they need from elsewhere (CUDA run
# time, cuBLAS) go to /opt/llama.cpp/lib, so that they shadow none of the final base's.
set -eu
here=$(dirname "$0")
test -x /app/llama-server || {
  echo "LLAMA_CPP_IMAGE has no /app/llama-server; it must be one of the server-* images" >&2
  exit 1
}
target=/export/opt/llama.cpp
mkdir -p "$target/lib" /export/usr/bin
cp -a /app/llama-server /app/*.so* "$target/"
libraries=$(sh "$here/needed-libraries.sh" /app/llama-server /app/*.so* | grep -v '^/app/')
for library in $libraries; do
  cp --dereference "$library" "$target/lib/"
done
# shellcheck disable=SC2086 # a list of paths without spaces
sh "$here/record-packages.sh" llama-cpp $libraries
# Where the libraries are is said in a launcher, so that nothing else in the container sees them.
cat > /export/usr/bin/llama-server <<'SCRIPT'
#!/bin/sh
export LD_LIBRARY_PATH="/opt/llama.cpp:/opt/llama.cpp/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec /opt/llama.cpp/llama-server "$@"
SCRIPT
chmod 0755 /export/usr/bin/llama-server
