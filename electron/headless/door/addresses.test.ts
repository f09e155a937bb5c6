import { describe, expect, it } from 'vitest';
import { tunnelCommand } from './addresses';

const env = { SSH_CONNECTION: '10.0.0.7 51234 10.0.0.2 22' };

describe('the way through ssh', () => {
  it('names this user at the address by which the connection came', () => {
    expect(tunnelCommand(7410, env, () => ({ username: 'ada' }))).toBe(
      'ssh -N -L 7410:127.0.0.1:7410 ada@10.0.0.2',
    );
  });

  it('names no user where this one is only a number', () => {
    const noAccount = () => {
      throw new Error('A system error occurred: uv_os_get_passwd returned ENOENT');
    };
    expect(tunnelCommand(7410, env, noAccount)).toBe('ssh -N -L 7410:127.0.0.1:7410 10.0.0.2');
  });
});
