/**
 * Who may import whom: an allow-list, so that a new folder is forbidden until it is placed here. Type-only imports
 * count. test/layers holds one violation per row and asserts that each is caught.
 */
const folder = (name) => `^${name}/`;
const zod = '^(node_modules/)?zod';
const builtin = { dependencyTypes: ['core'] };

/** Each row: files below `from` may import files below one of `to`. */
const rows = [
  { from: folder('electron/contract'), to: [folder('electron/contract'), zod] },
  { from: folder('electron/rpc'), to: [folder('electron/rpc'), folder('electron/contract'), zod] },
  {
    from: folder('electron/preload'),
    to: ['^electron/contract/desktop-channel\\.ts$', 'node_modules/electron/'],
  },
  {
    from: folder('electron/main'),
    to: [
      folder('electron/main'),
      folder('electron/host'),
      folder('electron/rpc'),
      folder('electron/contract'),
      'node_modules/electron/',
    ],
  },
  {
    from: folder('electron/host'),
    to: [
      folder('electron/host'),
      folder('electron/rpc'),
      folder('electron/contract'),
      folder('electron/services'),
      folder('electron/adapters'),
    ],
  },
  // The desktop's host process opens the browser door, too, and finds a host that runs already.
  {
    from: '^electron/host/desktop\\.ts$',
    to: ['^electron/headless/(door|local)/index\\.ts$'],
  },
  {
    from: folder('electron/headless'),
    to: [
      folder('electron/headless'),
      '^electron/host/(create-host|stderr-logger)\\.ts$',
      folder('electron/rpc'),
      folder('electron/contract'),
      '^(node_modules/)?(ws|@types/ws)/',
      zod,
    ],
  },
];

/** Packages that only adapters may see. */
const rendererPackages =
  '^(node_modules/)?(react|react-dom|@types/react|@types/react-dom|@types/[^/]+|zustand|@xterm|radix-ui|@radix-ui|cmdk|lucide-react|uplot|react-markdown|remark-gfm|marked|react-resizable-panels|@tanstack|zod|unified|mdast|@types|vfile|hast)';

module.exports = {
  allowedSeverity: 'error',
  allowed: [
    ...rows.flatMap(({ from, to }) => to.map((path) => ({ from: { path: from }, to: { path } }))),
    { from: { path: folder('electron/(host|main|headless|services|adapters)') }, to: builtin },

    // A service: contract, foundation, itself, and another service's index.ts (or the container's read side).
    { from: { path: '^electron/services/([^/]+)/' }, to: { path: '^electron/services/$1/' } },
    {
      from: { path: folder('electron/services') },
      to: {
        path: [
          folder('electron/contract'),
          '^electron/services/[^/]+/index\\.ts$',
          '^electron/services/container/running-container\\.ts$',
          // What was stored is parsed like what came over a wire.
          zod,
        ],
      },
    },

    // An adapter: contract, ports and foundation of services, its own folder, third-party packages.
    { from: { path: '^electron/adapters/([^/]+)/' }, to: { path: '^electron/adapters/$1/' } },
    {
      from: { path: folder('electron/adapters') },
      to: {
        path: [
          folder('electron/contract'),
          '^electron/services/.+/ports\\.ts$',
          '^electron/services/[^/]+/index\\.ts$',
          '^electron/services/container/running-container\\.ts$',
          'node_modules/(?!electron/|electron-builder/)',
        ],
      },
    },

    // The page: contract, rpc, its own packages; features do not know each other.
    {
      from: { path: folder('renderer/ui') },
      to: {
        path: [folder('renderer/ui'), folder('renderer/lib'), folder('electron/contract'), rendererPackages],
      },
    },
    {
      from: { path: folder('renderer/lib') },
      to: { path: [folder('renderer/lib'), folder('electron/contract'), rendererPackages] },
    },
    { from: { path: folder('renderer/styles') }, to: { path: [folder('renderer/styles')] } },
    {
      from: { path: folder('renderer/client') },
      to: {
        path: [
          folder('renderer/client'),
          folder('renderer/lib'),
          folder('electron/contract'),
          folder('electron/rpc'),
          rendererPackages,
        ],
      },
    },
    // Before anybody is signed in: as little as can be.
    {
      from: { path: folder('renderer/sign-in') },
      to: { path: [folder('renderer/(sign-in|styles)'), '^electron/contract/door-paths\\.ts$'] },
    },
    { from: { path: '^renderer/features/([^/]+)/' }, to: { path: '^renderer/features/$1/' } },
    {
      from: { path: folder('renderer/features') },
      to: {
        path: [
          folder('renderer/(client|lib|ui|styles)'),
          folder('electron/(contract|rpc)'),
          rendererPackages,
        ],
      },
    },
    {
      from: { path: folder('renderer/app') },
      to: {
        path: [
          folder('renderer/(app|client|lib|ui|styles)'),
          '^renderer/features/[^/]+/index\\.ts$',
          folder('electron/(contract|rpc)'),
          rendererPackages,
        ],
      },
    },

    // Tests stand beside their source and may use the test tools, fakes and what they test.
    { from: { path: '\\.(test|fakes)\\.tsx?$' }, to: {} },
    { from: { path: '/fake-[^/]+\\.tsx?$' }, to: {} },
  ],
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules that import each other cannot be understood one at a time.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'host-without-electron',
      comment: 'The host also runs under plain Node: what needs Electron belongs to electron/main.',
      severity: 'error',
      from: { path: '^electron/(contract|rpc|services|adapters|host|headless)/' },
      to: { path: 'node_modules/electron/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.module\\.css$|\\.css$' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js', '.mjs', '.d.ts'] },
  },
};
