import { render, screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { LmError } from '../../../electron/contract';
import { FakeHostClient } from '../../client/fake-host-client';
import { HostProvider } from '../../client/host-context';
import { connectedEngine, healthySandbox, settingsState } from '../../client/host-fixtures';
import { HostStateProvider } from '../../client/host-state';
import { SettingsDialog } from './settings-dialog';

async function openSettings() {
  const host = new FakeHostClient()
    .respond('settings.get', settingsState())
    .respond('engine.status', connectedEngine())
    .respond('sandbox.status', healthySandbox());
  const onOpenChange = vi.fn();
  render(
    <HostProvider value={host}>
      <HostStateProvider>
        <SettingsDialog open onOpenChange={onOpenChange} />
      </HostStateProvider>
    </HostProvider>,
  );
  await screen.findByRole('tab', { name: 'Sandbox' });
  return { host, onOpenChange };
}

const saveButton = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Save' });

async function retype(name: string, text: string) {
  const field = screen.getByRole('textbox', { name });
  await userEvent.clear(field);
  await userEvent.type(field, text);
}

describe('the settings', () => {
  it('sends only what was changed, and closes', async () => {
    const { host, onOpenChange } = await openSettings();
    host.respond('settings.update', settingsState());
    expect(saveButton().disabled).toBe(true);
    await userEvent.click(screen.getByRole('radio', { name: 'Dark' }));
    await userEvent.click(screen.getByRole('tab', { name: 'Sandbox' }));
    await retype('Memory limit', '8');
    await userEvent.click(saveButton());
    expect(host.inputsOf('settings.update')).toEqual([{ theme: 'dark', memoryLimitBytes: 8 * 1024 ** 3 }]);
    await waitFor(() => expect(onOpenChange).toHaveBeenCalledWith(false));
  });

  it('does not save a wrong value, and leads back to it from another group', async () => {
    await openSettings();
    await userEvent.click(screen.getByRole('tab', { name: 'Sandbox' }));
    await retype('Port on 127.0.0.1', '70000');
    expect(screen.getByRole('alert').textContent).toBe('A port from 1 to 65535');
    expect(saveButton().disabled).toBe(true);
    await userEvent.click(screen.getByRole('tab', { name: 'Engine and build' }));
    await userEvent.click(screen.getByRole('button', { name: 'Show it' }));
    expect(screen.getByRole('textbox', { name: 'Port on 127.0.0.1' }).getAttribute('aria-invalid')).toBe(
      'true',
    );
  });

  it('stays open with what was typed when saving fails', async () => {
    const { host, onOpenChange } = await openSettings();
    host.respond('settings.update', new LmError('disk_full', 'The disk is full.'));
    await userEvent.click(screen.getByRole('radio', { name: 'Dark' }));
    await userEvent.click(saveButton());
    await screen.findByText('The disk is full.');
    expect(onOpenChange).not.toHaveBeenCalled();
    expect(screen.getByRole('radio', { name: 'Dark' }).getAttribute('aria-checked')).toBe('true');
  });
});
