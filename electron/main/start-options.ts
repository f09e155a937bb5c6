const buildArgumentFlag = '--image-build-argument=';

/**
 * Build arguments for the image given on the command line as `--image-build-argument=NAME=VALUE`, for sites with
 * their own base images. They come from whoever starts the app, never from a page.
 */
export function readImageBuildArguments(commandLine: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const argument of commandLine) {
    if (!argument.startsWith(buildArgumentFlag)) continue;
    const [name = '', ...value] = argument.slice(buildArgumentFlag.length).split('=');
    if (/^[A-Z][A-Z0-9_]*$/.test(name)) found[name] = value.join('=');
    else process.stderr.write(`Ignored: ${argument} (a build argument has the form NAME=VALUE)\n`);
  }
  return found;
}
