// The baseline of the terminal benches: a window with nothing but xterm.js, fed chunk by chunk from a TTY exec of
// dockerode, without flow control, batches or a mirror. Deliberately naive; it is no part of the app.
const { BrowserWindow, app, ipcMain } = require('electron');
const path = require('node:path');
const Docker = require('dockerode');

const columns = 120;
const rows = 36;

app.whenReady().then(async () => {
  const window = new BrowserWindow({
    width: 1280,
    height: 800,
    webPreferences: { nodeIntegration: true, contextIsolation: false, sandbox: false },
  });
  await window.loadFile(path.join(__dirname, 'index.html'));
  const docker = new Docker({ socketPath: process.env.BENCH_SOCKET });
  const exec = await docker.getContainer(process.env.BENCH_CONTAINER).exec({
    Cmd: ['/bin/bash', '-l'],
    Tty: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Env: ['TERM=xterm-256color', 'COLORTERM=truecolor'],
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: true });
  await exec.resize({ w: columns, h: rows });
  stream.on('data', (chunk) => window.webContents.send('data', chunk));
  ipcMain.on('input', (_event, data) => stream.write(data));
  stream.write('\n');
});
app.on('window-all-closed', () => app.quit());
