export { ImageService, type ImageServiceDeps } from './image-service';
