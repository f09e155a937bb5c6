export { createGatewayCommands } from './command-socket';
export { createGatewayClient, type GatewayClient } from './gateway-client';
export { createGgufStore } from './gguf-store';
export { createLlamaCppBackend } from './llama-cpp-backend';
export { createOllamaBackend } from './ollama-backend';
