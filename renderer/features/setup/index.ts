export { useEmbeddedActions, useEmbeddedActionState } from './embedded-actions';
export { SandboxActionsProvider, useSandboxActions, useSandboxActionState } from './sandbox-actions';
export { embeddedNeedsSetup, needsSetup } from './setup-progress';
export { SetupView, type SetupViewProps } from './setup-view';
