import { Bell, Box, Plus, RotateCw, Search, SquareTerminal, Trash2 } from 'lucide-react';
import { useEffect, useState } from 'react';
import {
  Badge,
  Banner,
  Button,
  Checkbox,
  ConfirmDialog,
  CopyableCommand,
  EmptyState,
  ErrorBanner,
  Facts,
  IconButton,
  KeyHint,
  Menu,
  MenuCheckboxItem,
  MenuItem,
  MenuLabel,
  MenuRadioGroup,
  MenuSeparator,
  PanelHeader,
  ProgressBar,
  RadioCards,
  SegmentedControl,
  Select,
  Spinner,
  StatusDot,
  Switch,
  TabStrip,
  TextAreaField,
  TextField,
  useNotify,
} from '../../renderer/ui';
import type { GalleryCase } from './case';
import { permissionDenied } from './fixtures';
import { Sheet, Specimen } from './support';

const nothing = () => undefined;
const tones = ['neutral', 'ok', 'warning', 'danger', 'info', 'accent'] as const;

function Controls() {
  const [theme, setTheme] = useState<'light' | 'dark'>('light');
  const [runtime, setRuntime] = useState<'all' | 'none' | null>('none');
  const [on, setOn] = useState(true);
  const [text, setText] = useState('lm_container');
  const [tab, setTab] = useState('2');
  return (
    <Sheet>
      <Specimen name="Button">
        <Button variant="primary">Start</Button>
        <Button icon={<RotateCw size={14} />}>Restart</Button>
        <Button variant="ghost">Skip</Button>
        <Button variant="danger" icon={<Trash2 size={14} />}>
          Remove
        </Button>
      </Specimen>
      <Specimen name="Button: busy, disabled, small, large">
        <Button variant="primary" busy>
          Starting
        </Button>
        <Button disabled>Disabled</Button>
        <Button size="small">Small</Button>
        <Button size="large" variant="primary">
          Large
        </Button>
      </Specimen>
      <Specimen name="IconButton">
        <IconButton label="Search" icon={<Search />} shortcut="Ctrl+F" />
        <IconButton label="Pressed" icon={<Bell />} pressed />
        <IconButton label="Remove" icon={<Trash2 />} tone="danger" />
        <IconButton label="Busy" icon={<Plus />} busy />
        <IconButton label="Disabled" icon={<Plus />} disabled />
        <IconButton label="Small" icon={<Plus />} size="small" />
      </Specimen>
      <Specimen name="Badge, StatusDot, KeyHint, Spinner">
        {tones.map((tone) => (
          <Badge key={tone} tone={tone}>
            {tone}
          </Badge>
        ))}
        {tones.map((tone) => (
          <StatusDot key={tone} tone={tone} label={tone} />
        ))}
        <KeyHint keys="Ctrl+Shift+P" />
        <Spinner label="Loading" />
      </Specimen>
      <Specimen name="TextField" column>
        <TextField
          label="Container name"
          mono
          value={text}
          onValueChange={setText}
          description="Up to 64 letters."
        />
        <TextField label="Port" value="80000" onValueChange={nothing} error="A port from 1 to 65535" />
        <TextField label="Memory limit" value="" placeholder="none" suffix="GiB" onValueChange={nothing} />
        <TextField label="Disabled" value="fixed" disabled onValueChange={nothing} />
      </Specimen>
      <Specimen name="TextArea, Select" column>
        <TextAreaField label="System prompt" value="You are terse." onValueChange={nothing} />
        <Select
          label="Model"
          value={null}
          onValueChange={nothing}
          options={[
            { value: 'a', label: 'SmolLM2 135M' },
            { value: 'b', label: 'Qwen3 8B' },
          ]}
        />
      </Specimen>
      <Specimen name="Switch, Checkbox" column>
        <Switch
          label="Ask before pasting several lines"
          description="Each line break would run a command at once."
          checked={on}
          onCheckedChange={setOn}
        />
        <Switch label="Off" checked={false} onCheckedChange={nothing} />
        <Checkbox
          label="Also delete the workspace"
          description="This cannot be undone."
          checked={on}
          onCheckedChange={setOn}
        />
        <Checkbox label="Not chosen" checked={false} onCheckedChange={nothing} />
      </Specimen>
      <Specimen name="SegmentedControl, RadioCards" column>
        <div>
          <SegmentedControl
            label="Theme"
            value={theme}
            onValueChange={setTheme}
            options={[
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
            ]}
          />
        </div>
        <RadioCards
          label="Models run on"
          value={runtime}
          onValueChange={setRuntime}
          cards={[
            { value: 'all', title: 'NVIDIA GPU', description: 'Offered by none.', disabled: true },
            { value: 'none', title: 'CPU only', description: 'Works everywhere.' },
          ]}
        />
      </Specimen>
      <Specimen name="TabStrip" column>
        <PanelHeader
          icon={<SquareTerminal />}
          actions={<IconButton size="small" label="New" icon={<Plus />} />}
        >
          <TabStrip
            label="Terminals"
            activeId={tab}
            onSelect={setTab}
            onClose={nothing}
            tabs={[
              { id: '1', title: 'bash' },
              { id: '2', title: 'vim notes.md', mark: <StatusDot tone="ok" /> },
              {
                id: '3',
                title: 'python train.py --a-long-option',
                badge: <Badge tone="danger">exit 3</Badge>,
              },
            ]}
          />
        </PanelHeader>
      </Specimen>
      <Specimen name="ProgressBar" column>
        <ProgressBar label="smollm2:135m" value={0.42} valueText="112 MiB of 270 MiB" showTexts />
        <ProgressBar label="Waiting" value={null} valueText="pulling manifest" showTexts />
        <ProgressBar label="Done" value={1} tone="ok" />
        <ProgressBar label="Memory" value={0.93} tone="danger" />
      </Specimen>
      <Specimen name="Facts" column>
        <Facts
          facts={[
            { name: 'Version', value: '28.5.1' },
            { name: 'Temperature', value: null },
            { name: 'Root folder', value: '/var/lib/docker', mono: true },
          ]}
        />
        <CopyableCommand command="sudo usermod -aG docker $USER" />
      </Specimen>
    </Sheet>
  );
}

function Messages() {
  return (
    <Sheet>
      <Specimen name="Banner" column>
        <Banner
          tone="info"
          title="Recreating would change this sandbox."
          actions={<Button size="small">Recreate…</Button>}
        >
          <p>The memory limit changed.</p>
        </Banner>
        <Banner tone="ok" title="The sandbox is running." onDismiss={nothing} />
        <Banner tone="warning" title="The image was built from another version of this app." />
      </Specimen>
      <Specimen name="ErrorBanner" column>
        <ErrorBanner error={permissionDenied} onRetry={nothing} onDismiss={nothing} />
        <ErrorBanner
          error={{
            code: 'internal',
            message: 'Unknown failure',
            details: {},
            repair: null,
            retryable: false,
          }}
        />
      </Specimen>
      <Specimen name="EmptyState" column>
        <EmptyState
          icon={<Box />}
          title="No sandbox is running"
          description="Terminals open in the sandbox. Start it to get a shell."
          actions={<Button variant="primary">Start the sandbox</Button>}
        />
      </Specimen>
    </Sheet>
  );
}

function OpenMenu() {
  return (
    <Sheet>
      <Specimen name="Menu">
        {/* Radix opens on pointer down; the screenshot script presses it. */}
        <Menu trigger={<Button data-open-for-screenshot>Menu</Button>}>
          <MenuLabel>Conversation</MenuLabel>
          <MenuItem icon={<Plus />} shortcut="Ctrl+N" onSelect={nothing}>
            New
          </MenuItem>
          <MenuItem description="Keeps the question" onSelect={nothing}>
            Answer again
          </MenuItem>
          <MenuItem disabled onSelect={nothing}>
            Not possible
          </MenuItem>
          <MenuSeparator />
          <MenuCheckboxItem checked onCheckedChange={nothing}>
            Wrap lines
          </MenuCheckboxItem>
          <MenuRadioGroup
            value="b"
            onValueChange={nothing}
            options={[
              { value: 'a', label: 'SmolLM2', description: 'llama.cpp · 138 MiB' },
              { value: 'b', label: 'Qwen3 8B', description: 'Ollama · 5.2 GiB' },
            ]}
          />
          <MenuSeparator />
          <MenuItem icon={<Trash2 />} tone="danger" onSelect={nothing}>
            Delete
          </MenuItem>
        </Menu>
      </Specimen>
    </Sheet>
  );
}

function Notices() {
  const notify = useNotify();
  useEffect(() => {
    notify({ tone: 'ok', title: 'The image is built.' });
    notify({
      tone: 'danger',
      title: 'The theme could not be saved.',
      description: 'No space left on device',
      action: { label: 'Try again', run: nothing },
    });
  }, [notify]);
  return null;
}

export const uiCases: readonly GalleryCase[] = [
  { name: 'Primitives/controls', render: () => <Controls /> },
  { name: 'Primitives/messages', render: () => <Messages /> },
  { name: 'Primitives/menu', render: () => <OpenMenu /> },
  {
    name: 'Primitives/notices',
    render: () => (
      <Sheet>
        <Notices />
      </Sheet>
    ),
  },
  {
    name: 'Primitives/confirm',
    render: () => (
      <ConfirmDialog
        open
        onOpenChange={nothing}
        title="Remove lm_container?"
        description="Running programs and open terminals end, and files outside /workspace and /models are lost."
        confirmLabel="Remove"
        onConfirm={nothing}
      >
        <Checkbox
          label="Also delete the workspace and all models"
          description="Deletes the volumes lm_workspace and lm_models. This cannot be undone."
          checked={false}
          onCheckedChange={nothing}
        />
      </ConfirmDialog>
    ),
  },
];
