/** Labels by which containers and images made by this app are known again. */
export const managedLabel = 'dev.lm-sandbox.managed';
/** Hash of the options a container was made with. */
export const optionsLabel = 'dev.lm-sandbox.options';
export const gpuChoiceLabel = 'dev.lm-sandbox.gpu';
export const gpuMechanismLabel = 'dev.lm-sandbox.gpu-mechanism';
/** Set by the Dockerfile from its build argument IMAGE_REVISION. */
export const imageRevisionLabel = 'dev.lm-sandbox.image-revision';

export const tokenVariable = 'LM_API_TOKEN';
/** Where the gateway listens in the container. */
export const gatewayPort = '8000/tcp';
export const workspacePath = '/workspace';
export const modelsPath = '/models';
