import { z } from 'zod';

/**
 * What is read of the Engine API's answers, by engines from 1.41 to newest and by Podman. Everything that one
 * of them leaves out, or gives as null, is optional here.
 */
const text = z.string().nullish();
const textRecord = z.record(z.string(), z.string()).nullish();
const count = z.number().nullish();

export const versionSchema = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: text,
  Components: z.array(z.object({ Name: z.string(), Version: text })).nullish(),
});
export type VersionAnswer = z.infer<typeof versionSchema>;

export const infoSchema = z.object({
  OperatingSystem: text,
  KernelVersion: text,
  Architecture: text,
  NCPU: count,
  MemTotal: count,
  CgroupVersion: text,
  Driver: text,
  DockerRootDir: text,
  SecurityOptions: z.array(z.string()).nullish(),
  Warnings: z.array(z.string()).nullish(),
  DiscoveredDevices: z.array(z.object({ Source: text, ID: z.string() })).nullish(),
});

const deviceRequestSchema = z.object({
  Driver: text,
  Count: count,
  DeviceIDs: z.array(z.string()).nullish(),
  Capabilities: z.array(z.array(z.string())).nullish(),
});

export const containerSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: text,
  Image: z.string(),
  State: z.object({
    Status: z.string(),
    ExitCode: count,
    OOMKilled: z.boolean().nullish(),
    Error: text,
    StartedAt: text,
    FinishedAt: text,
    Health: z.object({ Status: text }).nullish(),
  }),
  Config: z.object({ Image: text, Env: z.array(z.string()).nullish(), Labels: textRecord }),
  HostConfig: z.object({
    PortBindings: z
      .record(z.string(), z.array(z.object({ HostIp: text, HostPort: text })).nullish())
      .nullish(),
    Memory: count,
    NanoCpus: count,
    PidsLimit: count,
    DeviceRequests: z.array(deviceRequestSchema).nullish(),
    Privileged: z.boolean().nullish(),
    NetworkMode: text,
    PidMode: text,
    IpcMode: text,
    UTSMode: text,
    UsernsMode: text,
    CapAdd: z.array(z.string()).nullish(),
    SecurityOpt: z.array(z.string()).nullish(),
  }),
  Mounts: z.array(z.object({ Type: text, Name: text, Source: text, Destination: z.string() })).nullish(),
});
export type ContainerAnswer = z.infer<typeof containerSchema>;

export const imageSchema = z.object({
  Id: z.string(),
  Size: z.number().nonnegative(),
  Created: text,
  RepoTags: z.array(z.string()).nullish(),
  Config: z.object({ User: text, Labels: textRecord }).nullish(),
});

export const createdSchema = z.object({ Id: z.string() });

export const containerListSchema = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()).nullish(),
    Ports: z.array(z.object({ PublicPort: count, Type: text })).nullish(),
  }),
);

export const eventSchema = z.object({
  Type: text,
  Action: text,
  Actor: z.object({ ID: text, Attributes: textRecord }).nullish(),
});

export const buildMessageSchema = z.object({
  stream: text,
  status: text,
  id: text,
  error: text,
  errorDetail: z.object({ message: text }).nullish(),
  progressDetail: z.object({ current: count, total: count }).nullish(),
  aux: z.object({ ID: text }).nullish(),
});
export type BuildMessage = z.infer<typeof buildMessageSchema>;
