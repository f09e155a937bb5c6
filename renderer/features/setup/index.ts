export { SandboxActionsProvider, useSandboxActions, useSandboxActionState } from './sandbox-actions';
export { needsSetup } from './setup-progress';
export { SetupView, type SetupViewProps } from './setup-view';
