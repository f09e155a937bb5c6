// The baseline of the start-up and memory benches: the smallest window of the same Electron.
const { BrowserWindow, app } = require('electron');
const path = require('node:path');

app
  .whenReady()
  .then(() => new BrowserWindow({ width: 1280, height: 800 }).loadFile(path.join(__dirname, 'index.html')));
app.on('window-all-closed', () => app.quit());
