export * from '../../renderer/client/host-fixtures';
