import type { ImageService } from '../../services/container';
import type { MethodRoutes, StreamRoutes } from './route';

/** Contract to service, word for word. */
export function createImageRoutes({ images }: { readonly images: ImageService }): {
  readonly methods: Pick<MethodRoutes, 'image.build' | 'image.cancelBuild' | 'image.buildStatus'>;
  readonly streams: Pick<StreamRoutes, 'image.watchBuildLog'>;
} {
  return {
    methods: {
      'image.build': (input) => images.build(input),
      'image.cancelBuild': async () => {
        await images.cancelBuild();
        return null;
      },
      'image.buildStatus': () => images.buildState(),
    },
    streams: {
      'image.watchBuildLog': (_input, sink) => images.attachLog(sink),
    },
  };
}
