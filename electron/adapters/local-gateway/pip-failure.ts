import { LmError } from '../../contract';

/** Why pip did not install, from what it said. */
export function pipFailure(said: string): LmError {
  const lastWords = said.trim().split('\n').slice(-8).join('\n').slice(-1_500);
  const details = { said: lastWords };
  if (/No space left on device|Disk quota exceeded|\[Errno 28\]/.test(said)) {
    return new LmError('disk_full', 'There is no room for the Python packages of the API.', {
      details,
      repair: { text: 'Free some space, then try again.' },
      retryable: true,
    });
  }
  if (/DO NOT MATCH THE HASHES/.test(said)) {
    return new LmError(
      'registry_unreachable',
      'The package index gave other files than those that the API was tested with, so nothing was installed.',
      { details, repair: { text: 'Check which index pip uses: pip config list.' }, retryable: true },
    );
  }
  if (/certificate verify failed|CERTIFICATE_VERIFY_FAILED|SSLError/i.test(said)) {
    return new LmError('registry_unreachable', 'The certificate of the package index is not trusted.', {
      details,
      repair: {
        text: 'Tell pip the certificate of your network, then try again.',
        command: 'pip config set global.cert /etc/ssl/certs/ca-certificates.crt',
      },
      retryable: true,
    });
  }
  if (
    /NewConnectionError|ConnectTimeout|ReadTimeout|name resolution|Name or service not known|ProxyError|ConnectionResetError|Connection refused|Could not find a version|No matching distribution/i.test(
      said,
    )
  ) {
    return new LmError(
      'registry_unreachable',
      'The Python packages of the API could not be fetched from the package index.',
      {
        details,
        repair: { text: 'Check the network and the settings of pip (pip config list), then try again.' },
        retryable: true,
      },
    );
  }
  return new LmError('unsupported', 'The Python packages of the API could not be installed.', {
    details,
    repair: { text: 'See what pip said, then try again.' },
    retryable: true,
  });
}
