export { createHostProcessRunner } from './host-process-runner';
export { createHostStatsSource, type HostStatsOptions } from './host-stats-source';
