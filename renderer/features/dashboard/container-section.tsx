import { useStore } from 'zustand';
import { usePlace, useSandbox } from '../../client/host-state';
import { ErrorBanner } from '../../ui';
import { Chart } from './chart';
import { blockChart, cpuChart, insideChart, memoryChart, networkChart, pidsChart } from './chart-spec';
import type { ContainerFeed } from './feed';
import { isAtRest, NothingYet } from './nothing-yet';
import { Section } from './section';
import styles from './charts.module.css';

/** What the container uses, or this computer where the sandbox is embedded, over the last five minutes. */
export function ContainerSection({ feed }: { readonly feed: ContainerFeed }) {
  const { ready, error, onlineCpus } = useStore(feed.state);
  const { value: sandbox } = useSandbox();
  const empty = feed.series.latest === null;
  const embedded = usePlace() === 'embedded';
  const cores = (embedded ? null : sandbox?.container?.cpuLimit) ?? onlineCpus;
  return (
    <Section title={`${embedded ? 'This computer' : 'Container'}, last 5 minutes`}>
      {error && isAtRest(error) ? (
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
          <Chart key={embedded ? 'inside' : 'all'} spec={embedded ? insideChart : pidsChart} source={feed} />
        </div>
      )}
    </Section>
  );
}
