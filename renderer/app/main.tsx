import '../styles/tokens.css';
import '../styles/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { connectHost } from '../client/connect';
import { App } from './app';
import { paneContents, preloadPanes } from './pane-contents';
import { startTheme } from './theme';

startTheme();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element #root.');
createRoot(root).render(
  <StrictMode>
    <App host={connectHost()} contents={paneContents} />
  </StrictMode>,
);

requestIdleCallback(preloadPanes, { timeout: 500 });
