import type { EngineFacts, EngineState, ImageFacts } from '../../../electron/contract';
import { useEngine, useSandbox } from '../../client/host-state';
import { formatBytes, formatCount, formatDateTime, formatRelativeTime } from '../../lib/format';
import { useNow } from '../../lib/use-now';
import { Banner, ErrorBanner, Facts } from '../../ui';
import { Section } from './section';

/** What runs the sandbox, and the image it is made from. */
export function EngineSection() {
  const { value: engine } = useEngine();
  const { value: sandbox } = useSandbox();
  const nowMs = useNow(60_000);
  return (
    <>
      <Section title="Engine">{engine && <Engine state={engine} />}</Section>
      {sandbox && sandbox.image.state !== 'unknown' && (
        <Section title="Image">
          <Facts facts={imageFacts(sandbox.image, nowMs)} />
        </Section>
      )}
    </>
  );
}

function Engine({ state }: { readonly state: EngineState }) {
  switch (state.state) {
    case 'searching':
      return <p>Looking for a container engine…</p>;
    case 'unavailable':
      return <ErrorBanner error={state.error} />;
    case 'connected':
      return (
        <>
          {state.facts.warnings.length > 0 && (
            <Banner tone="warning" title="The engine has warnings">
              <ul>
                {state.facts.warnings.map((warning) => (
                  <li key={warning}>{warning}</li>
                ))}
              </ul>
            </Banner>
          )}
          <Facts facts={engineFacts(state.facts, state.endpoint.url)} />
        </>
      );
  }
}

const products: Record<EngineFacts['product'], string> = {
  docker: 'Docker Engine',
  podman: 'Podman',
  unknown: 'Unknown engine',
};

const mechanisms: Record<EngineFacts['gpu']['mechanism'], string> = {
  cdi: 'through CDI',
  'gpus-flag': 'through --gpus',
  none: 'none',
};

function engineFacts(facts: EngineFacts, url: string) {
  const machine = [
    facts.operatingSystem,
    `Linux ${facts.kernelVersion}`,
    facts.architecture,
    facts.cpus === null ? null : `${formatCount(facts.cpus)} CPUs`,
    facts.memoryBytes === null ? null : `${formatBytes(facts.memoryBytes)} memory`,
  ].filter((part) => part !== null);
  const gpu =
    facts.gpu.error !== null
      ? facts.gpu.error.message
      : `${mechanisms[facts.gpu.mechanism]}${facts.gpu.devices.length > 0 ? `: ${facts.gpu.devices.join(', ')}` : ''}`;
  return [
    {
      name: 'Engine',
      value: `${products[facts.product]} ${facts.version}${facts.rootless ? ' (rootless)' : ''}`,
    },
    { name: 'API', value: `version ${facts.apiVersion}` },
    { name: 'Address', value: url, mono: true },
    { name: 'Machine', value: machine.join(', ') },
    { name: 'cgroup', value: facts.cgroupVersion === null ? null : `version ${facts.cgroupVersion}` },
    { name: 'Storage', value: facts.storageDriver },
    { name: 'Data', value: facts.rootDirectory, mono: true },
    { name: 'runc', value: facts.runcVersion },
    { name: 'containerd', value: facts.containerdVersion },
    { name: 'Security', value: facts.securityOptions.join(', ') || 'none reported' },
    { name: 'GPU', value: gpu },
  ];
}

function imageFacts(image: Exclude<ImageFacts, { state: 'unknown' }>, nowMs: number) {
  if (image.state === 'missing') return [{ name: 'Image', value: `${image.reference} is not built yet` }];
  return [
    { name: 'Image', value: image.reference, mono: true },
    { name: 'Id', value: image.id.replace(/^sha256:/, '').slice(0, 12), mono: true },
    { name: 'Size', value: formatBytes(image.sizeBytes) },
    {
      name: 'Built',
      value: (
        <span title={formatDateTime(image.createdAtMs)}>{formatRelativeTime(image.createdAtMs, nowMs)}</span>
      ),
    },
    {
      name: 'Up to date',
      value: image.current ? 'yes, built from this version' : 'no, built from another version of this app',
    },
  ];
}
