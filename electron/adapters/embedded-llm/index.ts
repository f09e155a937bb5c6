import { createEmbeddedLlm, type EmbeddedLlm, type SamplingOf } from './embedded-backend';
import { findNodeProgram } from './node-program';

export { createFolderImporter } from './folder-importer';
export { createEmbeddedLlm, type EmbeddedLlm, type EmbeddedLlmOptions } from './embedded-backend';
export {
  createModelServer,
  modelSocketPath,
  type ModelServer,
  type ModelServerDeps,
} from './server/model-server';

/** The embedded llama.cpp of a host. Nothing is started before a model is asked for. */
export function embeddedLlmOf(modelsFolder: string, childFile: string, samplingOf: SamplingOf): EmbeddedLlm {
  return createEmbeddedLlm({
    modelsFolder,
    samplingOf,
    // Another program cannot read inside the archive of a packaged app; this file lies beside it, too.
    childFile: childFile.replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked'),
    findNode: () =>
      findNodeProgram({
        execPath: process.execPath,
        nodeVersion: process.versions.node,
        insideElectron: 'electron' in process.versions,
        env: process.env,
      }),
  });
}
