export { DashboardPane } from './dashboard-pane';
