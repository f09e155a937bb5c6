import { describe, expect, it } from 'vitest';
import type { Persisted } from '../lib/persisted';
import { createLayoutStore, defaultLayout, type Layout } from './layout-store';

function memory(initial: Layout | null = null): Persisted<Layout> & { value: Layout | null } {
  return {
    value: initial,
    read() {
      return this.value;
    },
    write(value) {
      this.value = value;
    },
  };
}

describe('the layout of the panes', () => {
  it('begins with terminal, chat and dashboard', () => {
    expect(createLayoutStore(memory()).store.getState()).toEqual(defaultLayout);
  });

  it('is found again after a restart', () => {
    const storage = memory();
    const first = createLayoutStore(storage);
    first.actions.hide('chat');
    first.actions.saveSizes('columns:terminal', { left: 61, right: 39 });
    first.actions.toggleMaximised('dashboard');
    expect(createLayoutStore(storage).store.getState()).toEqual({
      ...defaultLayout,
      shown: ['terminal', 'dashboard'],
      active: 'dashboard',
      maximised: 'dashboard',
      sizes: { 'columns:terminal': { left: 61, right: 39 } },
    });
  });

  it('never hides the last pane', () => {
    const { store, actions } = createLayoutStore(memory());
    actions.hide('chat');
    actions.hide('dashboard');
    actions.hide('terminal');
    expect(store.getState().shown).toEqual(['terminal']);
  });

  it('uncovers a pane that is called while another one is maximised', () => {
    const { store, actions } = createLayoutStore(memory());
    actions.toggleMaximised('terminal');
    actions.toggle('chat');
    expect(store.getState()).toMatchObject({ maximised: null, active: 'chat', shown: defaultLayout.shown });
  });

  it('gives the activity to a remaining pane when the active one is hidden', () => {
    const { store, actions } = createLayoutStore(memory());
    actions.toggle('terminal');
    expect(store.getState()).toMatchObject({ shown: ['chat', 'dashboard'], active: 'chat' });
  });
});
