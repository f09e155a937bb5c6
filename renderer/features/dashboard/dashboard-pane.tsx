import { Activity } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useHost } from '../../client/host-context';
import { usePlace } from '../../client/host-state';
import { useCommands } from '../../lib/commands';
import { usePaneVisible } from '../../lib/pane-visibility';
import { PanelHeader, SegmentedControl } from '../../ui';
import { ContainerSection } from './container-section';
import { EmbeddedSection, NoLog } from './embedded-section';
import { EngineSection } from './engine-section';
import { ContainerFeed, GpuFeed } from './feed';
import { GpuSection } from './gpu-section';
import { LogFeed } from './log-feed';
import { LogView } from './log-view';
import { SandboxSection } from './sandbox-section';
import styles from './dashboard-pane.module.css';

const views = [
  { value: 'overview', label: 'Overview' },
  { value: 'log', label: 'Log' },
] as const;
type View = (typeof views)[number]['value'];

/** What the sandbox is, what it uses, and what it says. */
export function DashboardPane() {
  const host = useHost();
  const visible = usePaneVisible();
  const embedded = usePlace() === 'embedded';
  const [view, setView] = useState<View>('overview');
  const [feeds] = useState(() => ({
    container: new ContainerFeed(),
    gpu: new GpuFeed(),
    log: new LogFeed(),
  }));

  // Streams cost something on both sides: each is open only while its view can be seen, and begins with history.
  const overviewVisible = visible && view === 'overview';
  useEffect(() => {
    if (!overviewVisible) return;
    const closeContainer = feeds.container.open(host);
    const closeGpu = feeds.gpu.open(host);
    return () => {
      closeContainer();
      closeGpu();
    };
  }, [host, feeds, overviewVisible]);

  const logVisible = visible && view === 'log' && !embedded;
  useEffect(() => (logVisible ? feeds.log.open(host) : undefined), [host, feeds, logVisible]);

  useCommands([
    { id: 'dashboard.overview', title: 'Show overview', group: 'Dashboard', run: () => setView('overview') },
    { id: 'dashboard.log', title: 'Show container log', group: 'Dashboard', run: () => setView('log') },
  ]);

  return (
    <div className={styles.pane}>
      <PanelHeader
        pane
        title="Dashboard"
        icon={<Activity />}
        actions={<SegmentedControl label="View" value={view} onValueChange={setView} options={views} />}
      />
      {view === 'overview' ? (
        <div className={styles.overview} tabIndex={-1}>
          {/* What moves comes first; the facts below change seldom and stand in the sandbox pane too. */}
          <GpuSection feed={feeds.gpu} />
          <ContainerSection feed={feeds.container} />
          {embedded ? (
            <EmbeddedSection />
          ) : (
            <>
              <SandboxSection />
              <EngineSection />
            </>
          )}
        </div>
      ) : embedded ? (
        <NoLog />
      ) : (
        <LogView feed={feeds.log} />
      )}
    </div>
  );
}
