import Docker from 'dockerode';
export const docker = new Docker();
