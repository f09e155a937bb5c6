import type { ModelsService } from '../../services/models';
import type { MethodRoutes } from './route';

type ModelMethodRoutes = Pick<
  MethodRoutes,
  | 'models.list'
  | 'models.load'
  | 'models.unload'
  | 'models.remove'
  | 'models.jobs'
  | 'models.pull'
  | 'models.cancelJob'
  | 'models.clearJobs'
  | 'models.importBegin'
  | 'models.importChunk'
  | 'models.importFinish'
>;

export function createModelsRoutes(deps: { readonly models: ModelsService }): {
  readonly methods: ModelMethodRoutes;
  readonly streams: Record<never, never>;
} {
  const { models } = deps;
  return {
    methods: {
      'models.list': () => models.list(),
      'models.load': async ({ model }) => {
        await models.load(model);
        return null;
      },
      'models.unload': async ({ model }) => {
        await models.unload(model);
        return null;
      },
      'models.remove': async ({ model }) => {
        await models.remove(model);
        return null;
      },
      'models.jobs': () => models.listJobs(),
      'models.pull': ({ name, insecure }) => models.pull(name, insecure),
      'models.cancelJob': async ({ jobId }) => {
        await models.cancelJob(jobId);
        return null;
      },
      'models.clearJobs': () => {
        models.clearJobs();
        return null;
      },
      'models.importBegin': ({ fileName, sizeBytes }) => models.importBegin(fileName, sizeBytes),
      'models.importChunk': async ({ jobId, offset, bytes }) => {
        await models.importChunk(jobId, offset, bytes);
        return null;
      },
      'models.importFinish': ({ jobId }) => models.importFinish(jobId),
    },
    streams: {},
  };
}
