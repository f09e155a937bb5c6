import { useStore } from 'zustand';
import { useSandbox } from '../../client/host-state';
import { ErrorBanner } from '../../ui';
import { Chart } from './chart';
import { blockChart, cpuChart, memoryChart, networkChart, pidsChart } from './chart-spec';
import type { ContainerFeed } from './feed';
import { isOfEngine, NothingYet } from './nothing-yet';
import { Section } from './section';
import styles from './charts.module.css';

/** What the container uses, over the last five minutes. */
export function ContainerSection({ feed }: { readonly feed: ContainerFeed }) {
  const { ready, error, onlineCpus } = useStore(feed.state);
  const { value: sandbox } = useSandbox();
  const empty = feed.series.latest === null;
  const cores = sandbox?.container?.cpuLimit ?? onlineCpus;
  return (
    <Section title="Container, last 5 minutes">
      {error &&
      (error.code === 'container_not_running' || error.code === 'container_missing' || isOfEngine(error)) ? (
        <NothingYet>
          {error.message} {empty ? '' : 'The charts show its last minutes.'}
        </NothingYet>
      ) : (
        error && <ErrorBanner error={error} tone="warning" />
      )}
      {(!error || !empty) && (
        <div className={styles.grid} aria-busy={!ready}>
          <Chart
            spec={cpuChart}
            source={feed}
            note={cores === null ? undefined : `100 % is one core of ${cores}`}
          />
          <Chart spec={memoryChart} source={feed} />
          <Chart spec={networkChart} source={feed} />
          <Chart spec={blockChart} source={feed} />
          <Chart spec={pidsChart} source={feed} />
        </div>
      )}
    </Section>
  );
}
