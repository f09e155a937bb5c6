/**
 * Network of a test engine: a bridge and an address range of its own, so that several engines run side by
 * side and beside a Docker that the machine already has.
 *
 * The engines run with `--iptables=false`: a starting dockerd flushes the chains named DOCKER that any other
 * dockerd in the same network namespace is using. The two rules that containers need to reach the network
 * are set here instead, marked with a comment by which they are found again. Published ports go through
 * docker-proxy, which needs no rule.
 * @module
 */
import { run } from './process.mjs';

/** Ranges 10.FIRST.0.0/16 to 10.LAST.0.0/16 are tried. */
const FIRST_RANGE = 200;
const LAST_RANGE = 249;

/**
 * @typedef {object} EngineNetwork
 * @property {string} bridge Interface name, at most 15 characters.
 * @property {string} address Of this machine on the bridge.
 * @property {string} pool Range for the networks that this engine makes, for example `10.203.0.0/16`.
 */

/**
 * @param {readonly string[]} routes Destinations in use, as `ip -json route` names them.
 * @param {number} start Where to begin looking, any whole number.
 * @returns {number} The second byte of a free 10.x.0.0/16.
 */
export function chooseRange(routes, start) {
  const count = LAST_RANGE - FIRST_RANGE + 1;
  for (let step = 0; step < count; step += 1) {
    const candidate = FIRST_RANGE + ((start + step) % count);
    if (!routes.some((route) => route.startsWith(`10.${candidate}.`))) return candidate;
  }
  throw new Error('No free address range 10.200.0.0/16 to 10.249.0.0/16 for a test engine.');
}

/**
 * @param {string} id Hexadecimal; decides names and the range that is tried first.
 * @returns {Promise<EngineNetwork>}
 */
export async function createEngineNetwork(id) {
  const bridge = `lmt${id.slice(0, 8)}`;
  await removeEngineNetwork({ bridge });
  const routes = JSON.parse((await run('ip', ['-json', '-4', 'route'])).stdout);
  const range = chooseRange(
    routes.map((/** @type {{ dst: string }} */ route) => route.dst),
    Number.parseInt(id.slice(0, 4), 16),
  );
  const pool = `10.${range}.0.0/16`;
  const address = `10.${range}.0.1`;
  await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  await run('ip', ['address', 'add', `${address}/24`, 'dev', bridge]);
  await run('ip', ['link', 'set', bridge, 'up']);
  const mark = ['-m', 'comment', '--comment', bridge];
  await iptables([
    '-t',
    'nat',
    '-A',
    'POSTROUTING',
    '-s',
    pool,
    '!',
    '-d',
    pool,
    ...mark,
    '-j',
    'MASQUERADE',
  ]);
  await iptables(['-I', 'FORWARD', '-s', pool, ...mark, '-j', 'ACCEPT']);
  await iptables(['-I', 'FORWARD', '-d', pool, ...mark, '-j', 'ACCEPT']);
  return { bridge, address, pool };
}

/**
 * Removes the bridge, the rules and the bridges of networks that containers' owners made and forgot.
 * @param {{ bridge: string }} network
 * @returns {Promise<void>}
 */
export async function removeEngineNetwork({ bridge }) {
  const links = JSON.parse((await run('ip', ['-json', '-4', 'address'])).stdout);
  /** @type {string | undefined} */
  let ownRange;
  for (const link of links) {
    if (link.ifname === bridge) ownRange = rangeOf(link.addr_info?.[0]?.local);
  }
  for (const link of links) {
    const isOwn = link.ifname === bridge;
    const isMade =
      ownRange !== undefined &&
      String(link.ifname).startsWith('br-') &&
      rangeOf(link.addr_info?.[0]?.local) === ownRange;
    if (isOwn || isMade) await run('ip', ['link', 'delete', link.ifname], { allowFailure: true });
  }
  for (const table of ['nat', 'filter']) {
    const rules = await iptables(['-t', table, '-S']);
    for (const rule of rules.split('\n')) {
      if (!rule.startsWith('-A ') || !rule.includes(`--comment ${bridge} `)) continue;
      await iptables(['-t', table, '-D', ...rule.split(' ').slice(1)]);
    }
  }
}

/** @param {string | undefined} address */
function rangeOf(address) {
  return address?.split('.').slice(0, 2).join('.');
}

/** @param {readonly string[]} args */
async function iptables(args) {
  // -w: another engine may be changing rules at this moment.
  return (await run('iptables', ['-w', '30', ...args])).stdout;
}
