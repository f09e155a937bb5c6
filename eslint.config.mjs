import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'out/**',
      'dist/**',
      'node_modules/**',
      'test/layers/violations/**',
      '**/.venv/**',
      'test-results/**',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx,mts}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Numbers read well in templates; everything else has to be turned into text on purpose.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Routes and ports are declared async where another implementation has to wait.
      '@typescript-eslint/require-await': 'off',
      // Classes are held together by `deps`, not by parameter decorators.
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Narrowing does not see that a call in between changed a field.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // A table of routes may be empty.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      // Electron's Menu.buildFromTemplate gives a Menu.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.property.name='toString'][callee.object.name=/^(chunk|bytes|data)$/]",
          message: 'A chunk may end inside a character: decode with a TextDecoder in stream mode.',
        },
      ],
    },
  },
  {
    files: ['renderer/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks },
    rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' },
  },
  {
    files: ['renderer/**/*.{ts,tsx}', 'electron/**/*.ts'],
    rules: { 'no-console': ['error'] },
  },
  {
    files: ['**/*.test.{ts,tsx}', 'test/**/*.ts'],
    rules: {
      // Assertions reach into what they have just made.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.{mjs,cjs,js}'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          ...[
            'process',
            'console',
            'Buffer',
            'URL',
            'URLSearchParams',
            'AbortController',
            'AbortSignal',
            'fetch',
          ],
          ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'TextEncoder'],
          ...[
            'TextDecoder',
            'structuredClone',
            'module',
            'require',
            '__dirname',
            'queueMicrotask',
            'performance',
          ],
          ...['window', 'document', 'requestAnimationFrame', 'Response', 'Request', 'WebSocket', 'crypto'],
          ...['InputEvent', 'MutationObserver', 'MessagePort', 'localStorage'],
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
