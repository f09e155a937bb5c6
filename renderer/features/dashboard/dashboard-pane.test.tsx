import { act, render, screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import type { GpuSample, SandboxStatus, StreamChunk } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { HostProvider } from '../../client/host-context';
import {
  connectedEngine,
  healthySandbox,
  noGpuToolkit,
  readyEmbedded,
  settingsState,
} from '../../client/host-fixtures';
import { HostStateProvider } from '../../client/host-state';
import { PaneVisibilityProvider } from '../../lib/pane-visibility';
import { NoticeProvider } from '../../ui';
import { DashboardPane } from './dashboard-pane';

const gpuSample: GpuSample = {
  timeMs: 1_000,
  index: 0,
  utilisationPercent: 40,
  memoryUtilisationPercent: 10,
  memoryTotalBytes: 16 * 1024 ** 3,
  memoryUsedBytes: 4 * 1024 ** 3,
  memoryReservedBytes: 431 * 1024 ** 2,
  temperatureCelsius: 51,
  powerWatts: 120,
  powerLimitWatts: 320,
  fanPercent: null,
  smClockMegahertz: 2_100,
  memoryClockMegahertz: 10_501,
  performanceState: 'P2',
  throttleReasons: [],
  missing: { fanPercent: '[N/A]' },
};

function hostWith(sandbox: SandboxStatus = healthySandbox()): FakeHostClient {
  return new FakeHostClient()
    .respond('engine.status', connectedEngine())
    .respond('sandbox.status', sandbox)
    .respond('settings.get', settingsState());
}

function renderDashboard(host: FakeHostClient, visible = true) {
  const pane = (shown: boolean) => (
    <HostProvider value={host}>
      <HostStateProvider>
        <NoticeProvider>
          <PaneVisibilityProvider value={shown}>
            <DashboardPane />
          </PaneVisibilityProvider>
        </NoticeProvider>
      </HostStateProvider>
    </HostProvider>
  );
  const view = render(pane(visible));
  return { ...view, setVisible: (shown: boolean) => view.rerender(pane(shown)) };
}

const simulated: StreamChunk<'gpu.watch'> = {
  kind: 'state',
  state: {
    status: 'available',
    gpus: [
      {
        index: 0,
        uuid: 'GPU-0',
        name: 'Simulated GPU',
        driverVersion: '595.71',
        computeCapability: '8.9',
        migMode: null,
        persistenceMode: 'Enabled',
        simulated: true,
      },
    ],
  },
  history: [gpuSample],
};

describe('DashboardPane', () => {
  it('says in plain words how the sandbox is and which of its services failed', async () => {
    renderDashboard(
      hostWith(
        healthySandbox({
          phase: 'unhealthy',
          parts: [{ name: 'ollama', state: 'crashed', restarts: 3, lastError: 'exited with status 1' }],
        }),
      ),
    );
    await screen.findByText(/does not answer its health check\. Up for/);
    const row = screen.getByRole('row', { name: /Ollama/ });
    expect(
      within(row)
        .getAllByRole('cell')
        .map((cell) => cell.textContent),
    ).toEqual(['Crashed', '3', 'exited with status 1']);
  });

  it('has a chart for each quantity, named for screen readers and reached by keyboard', async () => {
    renderDashboard(hostWith());
    const charts = await screen.findAllByRole('img', { name: /of the last five minutes/ });
    expect(charts.map((chart) => chart.getAttribute('aria-label')?.split(' ')[0])).toEqual([
      ...['CPU', 'Memory', 'Network', 'Disk', 'Processes'],
    ]);
    expect(charts.map((chart) => chart.tabIndex)).toEqual([0, 0, 0, 0, 0]);
  });

  it('tells the newest values in words also while no chart is drawn', async () => {
    const host = hostWith();
    renderDashboard(host);
    await screen.findByText('CPU');
    const sample = {
      timeMs: 1_000,
      cpuPercent: 42,
      memoryUsedBytes: 1024 ** 3,
      memoryLimitBytes: 8 * 1024 ** 3,
      networkReceivedBytesPerSecond: null,
      networkSentBytesPerSecond: 2_048,
      blockReadBytesPerSecond: 0,
      blockWrittenBytesPerSecond: 0,
      pids: 7,
    };
    act(() =>
      host
        .streams('telemetry.watch')[0]
        ?.push({ kind: 'state', error: null, onlineCpus: 4, history: [sample] }),
    );
    const words = screen
      .getAllByRole('figure')
      .map((chart) => chart.querySelector('figcaption')?.textContent);
    expect(words).toEqual([
      'CPU42 %peak 42 %100 % is one core of 4',
      'Memory1 GiBof 8 GiBpeak 1 GiB',
      'NetworkIn–Out2 KiB/speak 2 KiB/s',
      'DiskRead0 B/sWrite0 B/speak 0 B/s',
      'Processes7peak 7',
    ]);
  });

  it('shows each GPU value, a missing one with its reason, and that the device is simulated', async () => {
    const host = hostWith().onStreamOpened('gpu.watch', (stream) => stream.push(simulated));
    renderDashboard(host);
    const card = await screen.findByRole('article', { name: 'GPU 0, Simulated GPU' });
    expect(within(card).getAllByText('Simulated GPU')).toHaveLength(2);
    expect(within(card).getByText('51 °C')).toBeTruthy();
    expect(within(card).getByLabelText('Not reported: nvidia-smi says [N/A]').textContent).toBe('–');
    act(() =>
      host
        .streams('gpu.watch')[0]
        ?.push({ kind: 'samples', samples: [{ ...gpuSample, timeMs: 2_000, temperatureCelsius: 52 }] }),
    );
    expect(within(card).getByText('52 °C')).toBeTruthy();
  });

  it('says why there is no GPU and what to do, without any number', async () => {
    const error = {
      ...noGpuToolkit,
      code: 'gpu_not_requested' as const,
      message: 'This sandbox was created for CPU.',
    };
    const host = hostWith().onStreamOpened('gpu.watch', (stream) =>
      stream.push({ kind: 'state', state: { status: 'unavailable', error }, history: [] }),
    );
    renderDashboard(host);
    await screen.findByText('No GPU: this sandbox was created for CPU.');
    expect(screen.getByText(noGpuToolkit.repair?.command ?? '')).toBeTruthy();
    expect(screen.queryByRole('article')).toBeNull();
  });

  it('keeps its streams open only while it can be seen, and lets go of them at the end', async () => {
    const host = hostWith();
    const { setVisible, unmount } = renderDashboard(host);
    await screen.findByText('Sandbox');
    expect([host.streams('telemetry.watch').length, host.streams('gpu.watch').length]).toEqual([1, 1]);
    setVisible(false);
    expect([host.streams('telemetry.watch').length, host.streams('gpu.watch').length]).toEqual([0, 0]);
    setVisible(true);
    expect([host.streams('telemetry.watch').length, host.streams('gpu.watch').length]).toEqual([1, 1]);
    unmount();
    expect(host.heldCount).toBe(0);
  });

  it('opens the log, and closes the streams of the overview', async () => {
    const host = hostWith().onStreamOpened('logs.watch', (stream) => {
      stream.push({ kind: 'state', error: null });
      stream.push({ kind: 'lines', replace: true, lines: [] });
    });
    renderDashboard(host);
    await userEvent.click(await screen.findByRole('radio', { name: 'Log' }));
    await screen.findByText('Nothing was logged yet.');
    expect(host.streams('telemetry.watch')).toEqual([]);
    expect(screen.getByRole('searchbox', { name: 'Search the log' })).toBeTruthy();
  });
});

describe('the dashboard of the embedded sandbox', () => {
  it('shows this computer and the sandbox, and no engine, image or log', async () => {
    const host = hostWith()
      .respond('settings.get', settingsState({ sandboxPlace: 'embedded' }))
      .respond('embedded.status', readyEmbedded());
    renderDashboard(host);
    expect(await screen.findByRole('region', { name: 'This computer, last 5 minutes' })).toBeTruthy();
    const sandbox = within(screen.getByRole('region', { name: 'Sandbox' }));
    expect(sandbox.getByText('bubblewrap 0.9.0')).toBeTruthy();
    expect(sandbox.getByText('4,096 processes in each terminal')).toBeTruthy();
    expect(screen.queryByRole('region', { name: 'Engine' })).toBeNull();
    expect(screen.queryByRole('region', { name: 'Image' })).toBeNull();
    await userEvent.click(screen.getByRole('radio', { name: 'Log' }));
    expect(await screen.findByText('The embedded sandbox has no log')).toBeTruthy();
    expect(host.streams('logs.watch')).toEqual([]);
  });
});
