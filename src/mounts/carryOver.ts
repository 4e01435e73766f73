/**
 * How each field of a container's inspect answer is used when its replacement is created. The fields are those of the
 * Docker Engine API, version 1.25 to 1.51 (ContainerInspect and ContainerCreate); a field of a newer engine that is not
 * here is carried over unchanged.
 */

/**
 * `same`: unchanged. `adapted`: unchanged except for what the change or the new id requires. `given`: the engine sets
 * it again.
 */
export type Fate = 'same' | 'adapted' | 'given';

const same = <K extends string>(...names: K[]) =>
  Object.fromEntries(names.map((name) => [name, 'same'])) as Record<K, 'same'>;
const given = <K extends string>(...names: K[]) =>
  Object.fromEntries(names.map((name) => [name, 'given'])) as Record<K, 'given'>;

/** What the container runs, and how. */
export const CONFIG: Readonly<Record<string, Fate>> = {
  ...same(
    'Domainname',
    'User',
    'AttachStdin',
    'AttachStdout',
    'AttachStderr',
    'Tty',
    'OpenStdin',
    'StdinOnce',
    'Env',
    'Cmd',
  ),
  ...same(
    'Healthcheck',
    'ArgsEscaped',
    'Volumes',
    'WorkingDir',
    'NetworkDisabled',
    'MacAddress',
    'OnBuild',
    'Labels',
    'StopSignal',
    'StopTimeout',
    'Shell',
  ),
  // One derived from the old id is derived from the new one; one that comes with another container's network comes with
  // it again.
  Hostname: 'adapted',
  // None are requested in another container's network, which has its own.
  ExposedPorts: 'adapted',
  // By its id where the tag now names another image; that of a commit where the layer is kept.
  Image: 'adapted',
  // Where the image's entrypoint was cleared, it must be cleared again.
  Entrypoint: 'adapted',
};

/** Mounts, limits, rights and devices. */
export const HOST_CONFIG: Readonly<Record<string, Fate>> = {
  // The mounts, with the change; anonymous volumes by their names.
  Binds: 'adapted',
  Mounts: 'adapted',
  Tmpfs: 'adapted',
  // Without containers that no longer exist: their volumes are mounted by name.
  VolumesFrom: 'adapted',
  ...same(
    'VolumeDriver',
    'ContainerIDFile',
    'LogConfig',
    'NetworkMode',
    'PortBindings',
    'RestartPolicy',
    'AutoRemove',
    'ConsoleSize',
    'Annotations',
  ),
  ...same(
    'CapAdd',
    'CapDrop',
    'Capabilities',
    'CgroupnsMode',
    'Dns',
    'DnsOptions',
    'DnsSearch',
    'ExtraHosts',
    'GroupAdd',
    'IpcMode',
    'Cgroup',
    'Links',
  ),
  ...same(
    'OomScoreAdj',
    'PidMode',
    'Privileged',
    'PublishAllPorts',
    'ReadonlyRootfs',
    'SecurityOpt',
    'StorageOpt',
    'UTSMode',
    'UsernsMode',
    'ShmSize',
  ),
  ...same(
    'Sysctls',
    'Runtime',
    'Isolation',
    'MaskedPaths',
    'ReadonlyPaths',
    'Init',
    'CgroupParent',
    'CpuShares',
    'CpuPeriod',
    'CpuQuota',
    'CpuCount',
  ),
  ...same(
    'CpuPercent',
    'CpuRealtimePeriod',
    'CpuRealtimeRuntime',
    'CpusetCpus',
    'CpusetMems',
    'NanoCpus',
    'Memory',
    'MemoryReservation',
    'MemorySwap',
  ),
  ...same(
    'MemorySwappiness',
    'KernelMemory',
    'KernelMemoryTCP',
    'OomKillDisable',
    'PidsLimit',
    'Ulimits',
    'BlkioWeight',
    'BlkioWeightDevice',
  ),
  ...same(
    'BlkioDeviceReadBps',
    'BlkioDeviceWriteBps',
    'BlkioDeviceReadIOps',
    'BlkioDeviceWriteIOps',
    'IOMaximumIOps',
    'IOMaximumBandwidth',
  ),
  ...same('Devices', 'DeviceCgroupRules', 'DeviceRequests'),
};

/** One network of NetworkSettings.Networks. */
export const ENDPOINT: Readonly<Record<string, Fate>> = {
  ...same('IPAMConfig', 'Links', 'DriverOpts', 'GwPriority'),
  // Without the one that is derived from the old id.
  Aliases: 'adapted',
  ...given(
    'NetworkID',
    'EndpointID',
    'Gateway',
    'IPAddress',
    'IPPrefixLen',
    'IPv6Gateway',
    'GlobalIPv6Address',
    'GlobalIPv6PrefixLen',
    'DNSNames',
    'MacAddress',
  ),
};

/** The part of an inspect answer to request again: everything except what the engine sets itself and what is empty. */
export function carried<T extends object>(part: T, fates: Readonly<Record<string, Fate>>): Partial<T> {
  return Object.fromEntries(
    Object.entries(part).filter(([name, value]) => fates[name] !== 'given' && value !== null),
  ) as Partial<T>;
}
