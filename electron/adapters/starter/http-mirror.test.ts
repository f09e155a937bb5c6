import { describe, expect, it } from 'vitest';
import { unreachable } from './http-mirror';

const failure = (message: string, code?: string) => Object.assign(new Error(message), code ? { code } : {});

describe('why a mirror did not answer', () => {
  it.each([
    [
      failure('getaddrinfo ENOTFOUND hub.example', 'ENOTFOUND'),
      'Its name is not known to the network of this computer (ENOTFOUND).',
    ],
    // Several addresses, none of which answered: there is no message.
    [failure('', 'ECONNREFUSED'), 'The connection was refused (ECONNREFUSED).'],
    [
      failure('certificate has expired', 'CERT_HAS_EXPIRED'),
      'Its certificate has expired (CERT_HAS_EXPIRED).',
    ],
    [failure('write EPROTO', 'EPROTO'), 'write EPROTO.'],
    [failure('odd', 'EODD'), 'odd (EODD).'],
    [failure('It answered 404.'), 'It answered 404.'],
  ])('is said in words where a person knows the code: %s', (error, reason) => {
    expect(unreachable(error)).toMatchObject({ code: 'registry_unreachable', message: reason, cause: error });
  });
});
