import { render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import { describe, expect, it, vi } from 'vitest';
import type { ErrorData } from '../../electron/contract';
import {
  Button,
  ConfirmDialog,
  Dialog,
  ErrorBanner,
  NoticeProvider,
  ProgressBar,
  TabStrip,
  TextField,
  useNotify,
} from '.';

const error: ErrorData = {
  code: 'engine_permission_denied',
  message: 'Docker runs, but your user may not talk to it.',
  details: { socket: '/var/run/docker.sock', missing: null },
  repair: { text: 'Add your user to the group docker.', command: 'sudo usermod -aG docker $USER' },
  retryable: true,
};

describe('the banner of an error', () => {
  it('says what happened, how to repair it, and copies the command', async () => {
    // userEvent.setup puts a clipboard into the page that can be read back.
    const user = userEvent.setup();
    const retry = vi.fn();
    render(<ErrorBanner error={error} onRetry={retry} />);
    const alert = within(screen.getByRole('alert'));
    expect(alert.getByText(error.message)).toBeTruthy();
    expect(alert.getByText('Add your user to the group docker.')).toBeTruthy();
    await user.click(alert.getByRole('button', { name: 'Copy command' }));
    expect(await navigator.clipboard.readText()).toBe('sudo usermod -aG docker $USER');
    expect(alert.getByRole('button', { name: 'Copied' })).toBeTruthy();
    await user.click(alert.getByRole('button', { name: 'Try again' }));
    expect(retry).toHaveBeenCalledTimes(1);
  });

  it('keeps the details, without empty ones, at hand', () => {
    render(<ErrorBanner error={error} />);
    expect(screen.getByText('/var/run/docker.sock')).toBeTruthy();
    expect(screen.queryByText('missing')).toBeNull();
    expect(screen.getByText('engine_permission_denied')).toBeTruthy();
  });

  it('says so when the clipboard refuses', async () => {
    const user = userEvent.setup();
    vi.spyOn(navigator.clipboard, 'writeText').mockRejectedValueOnce(new Error('denied'));
    render(<ErrorBanner error={error} />);
    await user.click(screen.getByRole('button', { name: 'Copy command' }));
    expect(screen.getByRole('button', { name: 'The clipboard refused the text' })).toBeTruthy();
  });
});

describe('a busy button', () => {
  it('ignores clicks and keeps the focus', async () => {
    const click = vi.fn();
    render(
      <Button busy onClick={click}>
        Start
      </Button>,
    );
    const button = screen.getByRole('button', { name: 'Start' });
    await userEvent.click(button);
    expect(click).not.toHaveBeenCalled();
    expect(document.activeElement).toBe(button);
    expect(button.getAttribute('aria-busy')).toBe('true');
  });
});

describe('a question before something is lost', () => {
  it('begins on the safe button and answers with Escape as with Cancel', async () => {
    const confirm = vi.fn();
    const change = vi.fn();
    render(
      <ConfirmDialog
        open
        onOpenChange={change}
        title="Remove?"
        description="All is lost."
        confirmLabel="Remove"
        onConfirm={confirm}
      />,
    );
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Cancel' }));
    await userEvent.keyboard('{Escape}');
    expect(change).toHaveBeenCalledWith(false);
    expect(confirm).not.toHaveBeenCalled();
  });
});

describe('a dialog', () => {
  it('gives the focus back to what had it, though no trigger is its own', async () => {
    function Opener() {
      const [open, setOpen] = useState(false);
      return (
        <>
          <Button onClick={() => setOpen(true)}>Open</Button>
          {open && (
            <Dialog open onOpenChange={setOpen} title="Settings">
              <Button>Inside</Button>
            </Dialog>
          )}
        </>
      );
    }
    render(<Opener />);
    await userEvent.click(screen.getByRole('button', { name: 'Open' }));
    expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Inside' }));
    await userEvent.keyboard('{Escape}');
    await waitFor(() => expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Open' })));
  });
});

describe('a text field', () => {
  it('ties label, description and error to the control', () => {
    render(
      <TextField
        label="Port"
        value="0"
        onValueChange={() => undefined}
        description="Of 127.0.0.1"
        error="Too low"
      />,
    );
    const field = screen.getByLabelText('Port');
    const described = (field.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map((id) => document.getElementById(id)?.textContent);
    expect(described).toEqual(['Of 127.0.0.1', 'Too low']);
    expect(field.getAttribute('aria-invalid')).toBe('true');
  });
});

describe('a strip of tabs', () => {
  function Strip({ onClose }: { readonly onClose: (id: string) => void }) {
    const [active, setActive] = useState('a');
    const tabs = ['a', 'b', 'c'].map((id) => ({ id, title: `Terminal ${id}` }));
    return (
      <TabStrip label="Terminals" tabs={tabs} activeId={active} onSelect={setActive} onClose={onClose} />
    );
  }
  const selected = () => screen.getByRole('tab', { selected: true }).textContent;

  it('is one stop for Tab, moves by arrows around the ends, and closes with Delete', async () => {
    const close = vi.fn();
    render(<Strip onClose={close} />);
    await userEvent.tab();
    expect(document.activeElement?.textContent).toBe('Terminal a');
    await userEvent.keyboard('{ArrowLeft}');
    expect(selected()).toBe('Terminal c');
    await userEvent.keyboard('{ArrowRight}{ArrowRight}');
    expect(selected()).toBe('Terminal b');
    await userEvent.keyboard('{End}{Delete}');
    expect(close).toHaveBeenCalledWith('c');
  });

  it('closes by its cross without being selected', async () => {
    const close = vi.fn();
    render(<Strip onClose={close} />);
    await userEvent.click(screen.getByTitle('Close Terminal b'));
    expect(close).toHaveBeenCalledWith('b');
    expect(selected()).toBe('Terminal a');
  });
});

describe('a progress bar', () => {
  it('has no value while nobody knows how much there is', () => {
    render(<ProgressBar label="Pull" value={null} valueText="pulling manifest" />);
    const bar = screen.getByRole('progressbar', { name: 'Pull' });
    expect(bar.getAttribute('aria-valuenow')).toBeNull();
    expect(bar.getAttribute('aria-valuetext')).toBe('pulling manifest');
  });

  it('never leaves its range', () => {
    render(<ProgressBar label="Pull" value={1.7} />);
    expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('100');
  });
});

describe('notices', () => {
  function Notifier({ run }: { readonly run: () => void }) {
    const notify = useNotify();
    return (
      <Button
        onClick={() => notify({ tone: 'danger', title: 'It failed.', action: { label: 'Try again', run } })}
      >
        Fail
      </Button>
    );
  }

  it('stay until dismissed when they are errors, and run their action', async () => {
    const run = vi.fn();
    render(
      <NoticeProvider>
        <Notifier run={run} />
      </NoticeProvider>,
    );
    await userEvent.click(screen.getByRole('button', { name: 'Fail' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Try again' }));
    expect(run).toHaveBeenCalledTimes(1);
    expect(screen.queryByText('It failed.')).toBeNull();
  });
});
