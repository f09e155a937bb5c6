export { createLocalGateway, type LocalGatewayOptions } from './local-gateway';
