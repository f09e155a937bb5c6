/**
 * What `npm start -- --serve` and `lm-sandbox serve` take, as `util.parseArgs` reads it. In a file of its own, so that
 * the program lm-sandbox completes these without loading what parses them.
 */
export const serveOptionTable = {
  serve: { type: 'boolean' },
  link: { type: 'boolean' },
  background: { type: 'boolean' },
  json: { type: 'boolean' },
  'data-folder': { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'allow-remote': { type: 'boolean' },
  'allow-origin': { type: 'string', multiple: true },
  'image-build-argument': { type: 'string', multiple: true },
} as const;
