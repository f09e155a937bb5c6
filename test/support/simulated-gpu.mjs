/**
 * A GPU without a GPU: a CDI description of `nvidia.com/gpu` that gives a container a device node made from
 * /dev/null, a variable and a stand-in `nvidia-smi`. Everything on the way to it is real (discovery, request,
 * injection, reading); wherever its values are shown it calls itself "Simulated GPU".
 * @module
 */
import { copyFile, chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STAND_IN = fileURLToPath(new URL('simulated-gpu/nvidia-smi', import.meta.url));
const SPEC_NAME = 'nvidia.json';

/**
 * How it behaves, as containers that have it see at once: `lost` fell off the bus, `mismatch` is a driver
 * upgraded under its running kernel module, `none` a driver without a device.
 * @typedef {'normal' | 'lost' | 'mismatch' | 'none'} GpuMode
 */

/**
 * @typedef {object} SimulatedGpu
 * @property {string} specFolder For dockerd's `--cdi-spec-dir`; the engine reads it at every request.
 * @property {(present: boolean) => Promise<void>} setPresent Adds or takes away the CDI description.
 * @property {(mode: GpuMode) => Promise<void>} setMode
 */

/**
 * @param {string} folder Stays as long as containers may use the device.
 * @returns {Promise<SimulatedGpu>}
 */
export async function createSimulatedGpu(folder) {
  const specFolder = join(folder, 'cdi');
  const control = join(folder, 'gpu-control');
  const program = join(folder, 'nvidia-smi');
  await mkdir(specFolder, { recursive: true });
  await mkdir(control, { recursive: true });
  await copyFile(STAND_IN, program);
  await chmod(program, 0o755);
  const setMode = (/** @type {GpuMode} */ mode) => replaceFile(join(control, 'mode'), `${mode}\n`);
  await setMode('normal');
  return {
    specFolder,
    setPresent: async (present) => {
      const file = join(specFolder, SPEC_NAME);
      if (!present) await rm(file, { force: true });
      else await replaceFile(file, JSON.stringify(describeDevice(program, control), undefined, 2));
    },
    setMode,
  };
}

/**
 * @param {string} file
 * @param {string} text
 */
async function replaceFile(file, text) {
  // Renamed into place: a reader (dockerd watches the folder) never sees half a file.
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/**
 * @param {string} program Path of the stand-in on the host.
 * @param {string} control Folder of the file that steers it.
 */
function describeDevice(program, control) {
  const containerEdits = {
    deviceNodes: [
      { path: '/dev/nvidia0', hostPath: '/dev/null', type: 'c', major: 1, minor: 3, permissions: 'rw' },
      { path: '/dev/nvidiactl', hostPath: '/dev/null', type: 'c', major: 1, minor: 3, permissions: 'rw' },
    ],
  };
  return {
    cdiVersion: '0.6.0',
    kind: 'nvidia.com/gpu',
    devices: [
      { name: '0', containerEdits },
      { name: 'all', containerEdits },
    ],
    containerEdits: {
      env: ['LM_SANDBOX_SIMULATED_GPU=1', 'NVIDIA_VISIBLE_DEVICES=void'],
      mounts: [
        {
          hostPath: program,
          containerPath: '/usr/bin/nvidia-smi',
          options: ['ro', 'nosuid', 'nodev', 'bind'],
        },
        {
          hostPath: control,
          containerPath: '/run/simulated-gpu',
          options: ['ro', 'nosuid', 'nodev', 'bind'],
        },
      ],
    },
  };
}
