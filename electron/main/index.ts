import path from 'node:path';
import { BrowserWindow, Menu, app, dialog, ipcMain, nativeTheme, shell } from 'electron';
import { portChannel } from '../contract/desktop-channel';
import { appOrigin, registerAppScheme, serveAppScheme } from './app-protocol';
import { HostProcess } from './host-process';
import { buildMenu } from './menu';
import { guardSession, guardWebContents, isAppUrl } from './security';
import { readImageBuildArguments } from './start-options';
import { readStartTheme, windowBackground } from './start-theme';
import { readWindowState, writeWindowState } from './window-state';

registerAppScheme();
guardWebContents((what, url) => process.stderr.write(`Refused ${what}: ${url}\n`));

if (!app.requestSingleInstanceLock()) app.quit();
else {
  const dataFolder = app.getPath('userData');
  const host = new HostProcess(
    {
      appVersion: app.getVersion(),
      dataFolder,
      dockerFolder: path.join(app.isPackaged ? process.resourcesPath : app.getAppPath(), 'docker'),
      imageBuildArguments: readImageBuildArguments(process.argv),
    },
    (message) => {
      switch (message.type) {
        case 'openExternal':
          // Only https comes here (contract); the page has asked the person.
          void shell.openExternal(message.url);
          break;
        case 'theme':
          nativeTheme.themeSource = message.theme;
          break;
        case 'keepRunning':
          servesBrowsers = message.keep;
          break;
        case 'unusable':
          dialog.showErrorBox('lm-sandbox', message.reason);
          app.quit();
          break;
      }
    },
    (reason) => dialog.showErrorBox('lm-sandbox', `${reason}\nClose the app and start it again.`),
  );
  let servesBrowsers = false;
  let mainWindow: BrowserWindow | null = null;
  let stopped = false;

  const background = () => (nativeTheme.shouldUseDarkColors ? windowBackground.dark : windowBackground.light);

  const openWindow = () => {
    const { bounds, maximised } = readWindowState(dataFolder);
    const window = new BrowserWindow({
      ...bounds,
      minWidth: 640,
      minHeight: 480,
      show: false,
      title: 'lm-sandbox',
      backgroundColor: background(),
      webPreferences: {
        preload: path.join(__dirname, '../preload/index.cjs'),
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webviewTag: false,
        spellcheck: false,
      },
    });
    mainWindow = window;
    if (maximised) window.maximize();
    // As soon as there is a page, whose first words need no script; 'ready-to-show' waits for all scripts to run.
    // Sooner, the window would stand in the desktop's own colour until then.
    window.webContents.once('did-navigate', () => window.show());
    window.on('close', () => writeWindowState(dataFolder, window));
    window.on('closed', () => {
      mainWindow = null;
    });
    window.on('page-title-updated', (event) => event.preventDefault());
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      if (reason === 'clean-exit' || window.isDestroyed()) return;
      process.stderr.write(`The page ended (${reason}); it is loaded again. Shells and answers go on.\n`);
      window.webContents.reload();
    });
    void window.loadURL(`${appOrigin}/`);
  };

  /** Browsers may be at work: whoever quits says whether they may go on. */
  const quit = async () => {
    if (servesBrowsers) {
      const { response } = await dialog.showMessageBox({
        type: 'question',
        message: 'Browsers are let in. What is to end?',
        detail:
          'With the window alone closed, shells, answers and browsers go on. Start the app again for a window.',
        buttons: ['Close the window', 'End everything', 'Cancel'],
        defaultId: 0,
        cancelId: 2,
        noLink: true,
      });
      if (response === 0) mainWindow?.close();
      if (response !== 1) return;
    }
    app.quit();
  };

  ipcMain.on(portChannel, (event) => {
    const frame = event.senderFrame;
    // Only the main frame of our own page gets a port.
    if (frame && frame === event.sender.mainFrame && isAppUrl(frame.url)) host.connect(event.sender);
  });

  app.on('second-instance', () => {
    if (!mainWindow) openWindow();
    if (mainWindow?.isMinimized()) mainWindow.restore();
    mainWindow?.focus();
  });
  nativeTheme.on('updated', () => mainWindow?.setBackgroundColor(background()));
  app.on('window-all-closed', () => {
    // With browser access on the host goes on; starting the app again opens a window to it.
    if (!servesBrowsers) app.quit();
  });
  app.on('before-quit', (event) => {
    if (stopped) return;
    event.preventDefault();
    void host.stop().then(() => {
      stopped = true;
      app.quit();
    });
  });

  void app.whenReady().then(() => {
    serveAppScheme(path.join(__dirname, '../renderer'));
    guardSession();
    nativeTheme.themeSource = readStartTheme(dataFolder);
    // The host takes longest, so it is first.
    host.start();
    openWindow();
    Menu.setApplicationMenu(
      buildMenu({
        invoke: (command) => {
          if (mainWindow) host.invokeCommand(mainWindow.webContents, command);
        },
        quit: () => void quit(),
      }),
    );
  });
}
