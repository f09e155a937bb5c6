import type { SettingsService } from '../../services/settings';
import type { MethodRoutes } from './route';

/** Contract to service, word for word. */
export function createSettingsRoutes({ settings }: { readonly settings: SettingsService }): {
  readonly methods: Pick<MethodRoutes, 'settings.get' | 'settings.update'>;
  readonly streams: Record<never, never>;
} {
  return {
    methods: {
      'settings.get': () => settings.state(),
      'settings.update': (changes) => settings.update(changes),
    },
    streams: {},
  };
}
