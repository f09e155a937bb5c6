import { ScrollText } from 'lucide-react';
import { lazy, Suspense } from 'react';
import { Button, Spinner } from '../../ui';
import type { LineRing } from './line-ring';

const BuildLog = lazy(() => import('./build-log').then((module) => ({ default: module.BuildLog })));

export interface BuildLogButtonProps {
  /** What it shows: `log` beside its build, `build log` where it stands alone. */
  readonly name: 'log' | 'build log';
  readonly shown: boolean;
  readonly onShownChange: (shown: boolean) => void;
}

export function BuildLogButton({ name, shown, onShownChange }: BuildLogButtonProps) {
  return (
    <Button
      variant="ghost"
      size="small"
      icon={<ScrollText size={13} />}
      aria-expanded={shown}
      onClick={() => onShownChange(!shown)}
    >
      {shown ? `Hide ${name}` : `Show ${name}`}
    </Button>
  );
}

/** The log, whose code is fetched when it is first wanted. */
export function LoadedBuildLog({ log }: { readonly log: LineRing }) {
  return (
    <Suspense fallback={<Spinner label="Loading the log" />}>
      <BuildLog log={log} />
    </Suspense>
  );
}
