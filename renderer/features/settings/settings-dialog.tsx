import { RefreshCw } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { defaultSettings, toLmError, type ErrorData, type Settings } from '../../../electron/contract';
import { useHost } from '../../client/host-context';
import { useSettings } from '../../client/host-state';
import {
  Button,
  Dialog,
  ErrorBanner,
  SegmentedControl,
  Select,
  Spinner,
  Switch,
  Tabs,
  TextField,
} from '../../ui';
import { BrowserAccess } from './browser-access';
import {
  changedSettings,
  draftOf,
  settingsOf,
  type SettingsDraft,
  type SettingsProblems,
} from './settings-draft';
import styles from './settings-dialog.module.css';

export interface SettingsDialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
}

/** All settings of the app. Nothing is changed before Save, and then only what was changed here. */
export function SettingsDialog({ open, onOpenChange }: SettingsDialogProps) {
  const { value, error } = useSettings();
  if (!open) return null;
  if (!value) {
    return (
      <Dialog open onOpenChange={onOpenChange} title="Settings" width="large">
        {error ? <ErrorBanner error={error} /> : <Spinner label="Loading the settings" />}
      </Dialog>
    );
  }
  return <SettingsForm saved={value.settings} fileError={value.error} onOpenChange={onOpenChange} />;
}

type Group = 'appearance' | 'sandbox' | 'engine' | 'browser';

/** Switched where one sees what they do: at the browser door and in the sandbox view. */
type SwitchedElsewhere = 'browserAccess' | 'sandboxPlace' | 'embeddedNetwork' | 'localApi';

const groupOf: Record<Exclude<keyof Settings, SwitchedElsewhere>, Group> = {
  theme: 'appearance',
  terminalFontSize: 'appearance',
  terminalTheme: 'appearance',
  confirmMultiLinePaste: 'appearance',
  containerName: 'sandbox',
  imageName: 'sandbox',
  hostPort: 'sandbox',
  localApiPort: 'sandbox',
  workspaceVolume: 'sandbox',
  modelsVolume: 'sandbox',
  gpu: 'sandbox',
  memoryLimitBytes: 'sandbox',
  cpuLimit: 'sandbox',
  pidsLimit: 'sandbox',
  embeddedWithoutIsolation: 'sandbox',
  engineUrl: 'engine',
  extraCertificatesFolder: 'engine',
};

function SettingsForm({
  saved,
  fileError,
  onOpenChange,
}: {
  readonly saved: Settings;
  readonly fileError: ErrorData | null;
  readonly onOpenChange: (open: boolean) => void;
}) {
  const host = useHost();
  // What the form was opened with: a change from elsewhere does not take the person's typing away.
  const [initial] = useState(saved);
  const [draft, setDraft] = useState(() => draftOf(saved));
  const [group, setGroup] = useState<Group>('appearance');
  const [saving, setSaving] = useState(false);
  const [failure, setFailure] = useState<ErrorData | null>(null);
  const { settings, problems } = settingsOf(draft);
  const change = (part: Partial<SettingsDraft>) => setDraft((current) => ({ ...current, ...part }));
  const firstProblem = problems && Object.keys(groupOf).find((name) => Reflect.has(problems, name));
  const dirty = settings === null || Object.keys(changedSettings(initial, settings)).length > 0;

  const save = async () => {
    if (!settings) return;
    setSaving(true);
    setFailure(null);
    try {
      await host.call('settings.update', changedSettings(initial, settings));
      onOpenChange(false);
    } catch (error) {
      setFailure(toLmError(error).data);
      setSaving(false);
    }
  };

  const section = { draft, problems: problems ?? {}, change };
  return (
    <Dialog
      open
      onOpenChange={onOpenChange}
      title="Settings"
      width="large"
      footer={
        <>
          <Button
            variant="ghost"
            className={styles.defaults}
            onClick={() =>
              setDraft((current) => ({
                ...draftOf(defaultSettings),
                browserAccess: current.browserAccess,
                sandboxPlace: current.sandboxPlace,
                embeddedNetwork: current.embeddedNetwork,
              }))
            }
          >
            Restore defaults
          </Button>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button variant="primary" busy={saving} disabled={!settings || !dirty} onClick={() => void save()}>
            Save
          </Button>
        </>
      }
    >
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        {fileError && <ErrorBanner error={fileError} tone="warning" />}
        {failure && <ErrorBanner error={failure} />}
        {firstProblem && <ProblemPointer field={firstProblem} group={group} onShow={setGroup} />}
        <Tabs
          className={styles.tabs}
          label="Groups of settings"
          orientation="vertical"
          value={group}
          onValueChange={setGroup}
          tabs={[
            {
              value: 'appearance',
              label: 'Appearance and terminal',
              content: <AppearanceSection {...section} />,
            },
            { value: 'sandbox', label: 'Sandbox', content: <SandboxSection {...section} /> },
            { value: 'engine', label: 'Engine and build', content: <EngineSection {...section} /> },
            { value: 'browser', label: 'Browser access', content: <BrowserAccess /> },
          ]}
        />
        {/* Enter in a field saves, as in any form; the visible button stands in the dialog's footer. */}
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

/** Save is off because of a field in another group: says so and leads there. */
function ProblemPointer({
  field,
  group,
  onShow,
}: {
  readonly field: string;
  readonly group: Group;
  readonly onShow: (group: Group) => void;
}) {
  const target = Object.entries(groupOf).find(([name]) => name === field)?.[1];
  if (!target || target === group) return null;
  return (
    <p className={styles.pointer}>
      A value in another group cannot be saved.
      <Button size="small" onClick={() => onShow(target)}>
        Show it
      </Button>
    </p>
  );
}

interface SectionProps {
  readonly draft: SettingsDraft;
  readonly problems: SettingsProblems;
  readonly change: (part: Partial<SettingsDraft>) => void;
}

function Section({ children }: { readonly children: ReactNode }) {
  return <div className={styles.section}>{children}</div>;
}

const recreateHint = 'Takes effect when the sandbox is recreated';

/** Beside the label of each setting that a container keeps for its life. */
const needsRecreate = (
  <span className={styles.mark} role="img" aria-label={recreateHint} title={recreateHint}>
    <RefreshCw size={12} />
  </span>
);

function AppearanceSection({ draft, problems, change }: SectionProps) {
  return (
    <Section>
      <div className={styles.choice}>
        <span className={styles.choiceLabel}>Theme</span>
        <SegmentedControl
          label="Theme"
          value={draft.theme}
          onValueChange={(theme) => change({ theme })}
          options={[
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
            { value: 'system', label: 'As the system' },
          ]}
        />
      </div>
      <TextField
        label="Terminal font size"
        inputMode="numeric"
        suffix="px"
        className={styles.short}
        value={draft.terminalFontSize}
        onValueChange={(terminalFontSize) => change({ terminalFontSize })}
        error={problems.terminalFontSize}
      />
      <Select
        label="Terminal colours"
        className={styles.short}
        value={draft.terminalTheme}
        onValueChange={(terminalTheme) => change({ terminalTheme })}
        options={[
          { value: 'app', label: 'As the app' },
          { value: 'light', label: 'Light' },
          { value: 'dark', label: 'Dark' },
          { value: 'solarized-dark', label: 'Solarized dark' },
          { value: 'high-contrast', label: 'High contrast' },
        ]}
      />
      <Switch
        label="Ask before pasting several lines"
        description="Where the program does not mark pasted text, each line break would run a command at once."
        checked={draft.confirmMultiLinePaste}
        onCheckedChange={(confirmMultiLinePaste) => change({ confirmMultiLinePaste })}
      />
    </Section>
  );
}

function SandboxSection({ draft, problems, change }: SectionProps) {
  return (
    <Section>
      <p className={styles.legend}>
        {needsRecreate} {recreateHint}.
      </p>
      <div className={styles.choice}>
        <span className={styles.choiceLabel}>Models run on {needsRecreate}</span>
        <SegmentedControl
          label="Models run on"
          value={draft.gpu}
          onValueChange={(gpu) => change({ gpu })}
          options={[
            { value: 'all', label: 'NVIDIA GPU' },
            { value: 'none', label: 'CPU only' },
          ]}
        />
      </div>
      <div className={styles.grid}>
        <TextField
          label="Memory limit"
          mark={needsRecreate}
          inputMode="decimal"
          suffix="GiB"
          placeholder="none"
          value={draft.memoryLimitBytes}
          onValueChange={(memoryLimitBytes) => change({ memoryLimitBytes })}
          error={problems.memoryLimitBytes}
        />
        <TextField
          label="CPU limit"
          mark={needsRecreate}
          inputMode="decimal"
          suffix="cores"
          placeholder="none"
          value={draft.cpuLimit}
          onValueChange={(cpuLimit) => change({ cpuLimit })}
          error={problems.cpuLimit}
        />
        <TextField
          label="Process limit"
          mark={needsRecreate}
          inputMode="numeric"
          value={draft.pidsLimit}
          onValueChange={(pidsLimit) => change({ pidsLimit })}
          error={problems.pidsLimit}
        />
        <TextField
          label="Port on 127.0.0.1"
          mark={needsRecreate}
          inputMode="numeric"
          value={draft.hostPort}
          onValueChange={(hostPort) => change({ hostPort })}
          error={problems.hostPort}
        />
        <TextField
          label="Port of the embedded sandbox's API"
          inputMode="numeric"
          value={draft.localApiPort}
          onValueChange={(localApiPort) => change({ localApiPort })}
          error={problems.localApiPort}
        />
        <TextField
          label="Container name"
          mono
          description="Another name means another sandbox."
          value={draft.containerName}
          onValueChange={(containerName) => change({ containerName })}
          error={problems.containerName}
        />
        <TextField
          label="Image name"
          mark={needsRecreate}
          mono
          value={draft.imageName}
          onValueChange={(imageName) => change({ imageName })}
          error={problems.imageName}
        />
        <TextField
          label="Workspace volume"
          mark={needsRecreate}
          mono
          value={draft.workspaceVolume}
          onValueChange={(workspaceVolume) => change({ workspaceVolume })}
          error={problems.workspaceVolume}
        />
        <TextField
          label="Models volume"
          mark={needsRecreate}
          mono
          value={draft.modelsVolume}
          onValueChange={(modelsVolume) => change({ modelsVolume })}
          error={problems.modelsVolume}
        />
      </div>
      <Switch
        label="Open shells without isolation and without asking"
        description="Only for the embedded sandbox, where this computer lets nothing isolate it. Off: it asks at each start."
        checked={draft.embeddedWithoutIsolation}
        onCheckedChange={(embeddedWithoutIsolation) => change({ embeddedWithoutIsolation })}
      />
    </Section>
  );
}

function EngineSection({ draft, problems, change }: SectionProps) {
  return (
    <Section>
      <TextField
        label="Engine address"
        mono
        placeholder="found by itself"
        description="Empty: DOCKER_HOST, the docker contexts, and the usual sockets of Docker and Podman are tried."
        value={draft.engineUrl}
        onValueChange={(engineUrl) => change({ engineUrl })}
        error={problems.engineUrl}
      />
      <TextField
        label="Folder with extra CA certificates"
        mono
        placeholder="the system's own"
        description="The image build trusts the *.crt files in it: for a network whose proxy inspects TLS."
        value={draft.extraCertificatesFolder}
        onValueChange={(extraCertificatesFolder) => change({ extraCertificatesFolder })}
        error={problems.extraCertificatesFolder}
      />
    </Section>
  );
}
