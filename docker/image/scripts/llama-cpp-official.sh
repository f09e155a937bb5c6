#!/bin/sh
# From an image of the llama.cpp project: /app holds llama-server and, beside it, the back-ends it
# opens at run time. Only the server goes along, with the CUDA libraries it needs.
set -eu
here=$(dirname "$0")
test -x /app/llama-server || { echo "LLAMA_CPP_IMAGE has no /app/llama-server; it must be one of the server-* images" >&2; exit 1; }
sh "$here/export-with-libraries.sh" /app/llama-server $(find /app -name '*.so*')
mkdir -p /export/opt /export/usr/bin
mv /export/app /export/opt/llama.cpp
# Where its libraries are is said in a launcher, so that nothing else in the container sees them.
# The back-ends are searched beside the program.
cat > /export/usr/bin/llama-server <<'SCRIPT'
#!/bin/sh
export LD_LIBRARY_PATH="/opt/llama.cpp:/opt/llama.cpp/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec /opt/llama.cpp/llama-server "$@"
SCRIPT
chmod 0755 /export/usr/bin/llama-server
# Libraries from outside /app (CUDA run time, cuBLAS) move into one folder of our own, lest they
# shadow those of the final base.
mkdir -p /export/opt/llama.cpp/lib
find /export -path /export/opt -prune -o -name '*.so*' -type f -print | while read -r library; do
  mv "$library" /export/opt/llama.cpp/lib/
done
find /export -type d -empty -delete
