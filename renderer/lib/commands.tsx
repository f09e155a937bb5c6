import { createContext, useContext, useEffect, useRef, type ReactNode } from 'react';
import { createStore, useStore, type StoreApi } from 'zustand';
import { reachableShortcut } from './reserved-shortcuts';

/** Something a person can do by palette, shortcut or menu. */
export interface Command {
  /** `domain.verb`, such as `terminal.new`. */
  readonly id: string;
  /** As the palette shows it: `New terminal`. */
  readonly title: string;
  /** Heading in the palette and the list of shortcuts. */
  readonly group: string;
  /** `Ctrl+Shift+T`; see matchesShortcut. */
  readonly shortcut?: string;
  /** Further keys for the same, not shown. */
  readonly otherShortcuts?: readonly string[];
  /** A second shortcut that works only while no terminal has the focus. */
  readonly outsideTerminalShortcut?: string;
  /**
   * True: the shortcut works while a terminal has the focus too, so programs in it never see those keys. Leave
   * out for keys that shells use, such as Ctrl+K.
   */
  readonly evenInTerminal?: boolean;
  /** False hides the command and disables its shortcut. Asked when it matters, not once. */
  readonly when?: () => boolean;
  run(): void;
}

export interface CommandRegistry {
  /** All commands there are now, in order of registration. */
  readonly commands: StoreApi<readonly Command[]>;
  register(commands: readonly Command[]): () => void;
  /** Runs a command if it is there and its `when` allows it; says whether it did. */
  readonly run: (id: string) => boolean;
}

export function createCommandRegistry(): CommandRegistry {
  const commands = createStore<readonly Command[]>(() => []);
  return {
    commands,
    register: (added) => {
      const taken = commands.getState().find((command) => added.some((other) => other.id === command.id));
      if (taken) throw new Error(`The command ${taken.id} is registered twice.`);
      commands.setState((current) => [...current, ...added], true);
      return () =>
        commands.setState((current) => current.filter((command) => !added.includes(command)), true);
    },
    run: (id) => {
      const command = commands.getState().find((candidate) => candidate.id === id);
      if (!command || command.when?.() === false) return false;
      command.run();
      return true;
    },
  };
}

const RegistryContext = createContext<CommandRegistry | null>(null);

export function CommandProvider({
  registry,
  children,
}: {
  readonly registry: CommandRegistry;
  readonly children: ReactNode;
}) {
  return <RegistryContext.Provider value={registry}>{children}</RegistryContext.Provider>;
}

export function useCommandRegistry(): CommandRegistry {
  const registry = useContext(RegistryContext);
  if (!registry) throw new Error('useCommandRegistry needs a CommandProvider above it.');
  return registry;
}

/** Runs a command of another part of the app by its id; null for a component shown without the app around it. */
export function useRunCommand(): CommandRegistry['run'] | null {
  return useContext(RegistryContext)?.run ?? null;
}

/** All commands there are now. */
export function useAllCommands(): readonly Command[] {
  return useStore(useCommandRegistry().commands);
}

/**
 * Offers a feature's commands while the calling component is mounted. `run` and `when` always see the newest
 * render; ids, titles and shortcuts are taken anew when one of them changes. A component shown alone, without the
 * app around it, has no palette to offer them to.
 */
export function useCommands(commands: readonly Command[]): void {
  const registry = useContext(RegistryContext);
  const latest = useRef(commands);
  useEffect(() => {
    latest.current = commands;
  });
  const shape = JSON.stringify(
    commands.map((command) => [
      command.id,
      command.title,
      command.group,
      command.shortcut,
      command.otherShortcuts,
      command.outsideTerminalShortcut,
      command.evenInTerminal,
    ]),
  );
  useEffect(() => {
    if (!registry) return;
    const current = (id: string) => latest.current.find((command) => command.id === id);
    return registry.register(
      latest.current.map((command) => ({
        ...command,
        shortcut: command.shortcut === undefined ? undefined : reachableShortcut(command.shortcut),
        when: () => current(command.id)?.when?.() ?? true,
        run: () => current(command.id)?.run(),
      })),
    );
  }, [registry, shape]);
}
