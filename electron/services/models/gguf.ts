import { LmError } from '../../contract';

const newestKnownVersion = 3;

/**
 * Checks the first bytes of a GGUF file: the magic `GGUF` and a version that runtimes of today read
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Throws `model_invalid`.
 */
export function requireGgufHeader(fileName: string, start: Uint8Array): void {
  const magic = String.fromCharCode(...start.subarray(0, 4));
  if (start.byteLength < 24 || magic !== 'GGUF') {
    throw new LmError('model_invalid', `${fileName} is not a GGUF model file.`, {
      repair: { text: 'Choose a file in the GGUF format; other formats have to be converted first.' },
    });
  }
  const version = new DataView(start.buffer, start.byteOffset, start.byteLength).getUint32(4, true);
  if (version < 2 || version > newestKnownVersion) {
    throw new LmError(
      'model_invalid',
      `${fileName} has version ${version} of the GGUF format, which is not supported.`,
      {
        details: { version },
        repair: { text: 'Fetch a newer build of the model, or convert it again with a current llama.cpp.' },
      },
    );
  }
}

/** GGUF files carry their quantisation in the name by custom: `…Q4_K_M`, `…-f16`. */
export function quantisationIn(name: string): string | null {
  return /(?:^|[-._])((?:I?Q\d+(?:_[A-Z0-9]+)*)|B?F16|F32)(?=$|[-.])/i.exec(name)?.[1]?.toUpperCase() ?? null;
}
