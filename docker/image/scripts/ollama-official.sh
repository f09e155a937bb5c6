#!/bin/sh
# From an image of the Ollama project: the program, its own llama-server, and of the GPU folders only
# those named in OLLAMA_BACKENDS. What is not wanted never enters a layer of the final image.
set -eu
program=$(command -v ollama) || { echo "OLLAMA_IMAGE has no ollama program" >&2; exit 1; }
mkdir -p /export/usr/bin /export/usr/lib/ollama
cp --dereference "$program" /export/usr/bin/ollama
for entry in /usr/lib/ollama/*; do
  name=${entry##*/}
  case $name in
    cuda_* | rocm* | mlx_* | vulkan* | jetpack*)
      case " ${OLLAMA_BACKENDS} " in
        *" $name "*) ;;
        *) continue ;;
      esac
      ;;
  esac
  cp -a "$entry" /export/usr/lib/ollama/
done
