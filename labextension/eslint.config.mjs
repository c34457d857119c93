import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['webpack.config.js', 'style/', 'lib/', 'build/', 'node_modules/', 'eslint.config.mjs'] },
  eslint.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json', './tsconfig.test.json'], tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      // Content of images becomes text, never markup.
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'href', 'src'].map(property => ({ property, message: 'Use textContent.' }))
      ],
      'no-restricted-globals': ['error', 'eval', 'fetch'],
      // Control characters are what the escaping is about.
      'no-control-regex': 'off',
      // Numbers in templates read fine.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Signals of the host take a method and its object.
      '@typescript-eslint/unbound-method': 'off',
      // Promises of the host's API are handled where they can fail.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }]
    }
  },
  // node:test returns promises that it awaits itself
  { files: ['test/**'], rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/no-non-null-assertion': 'off' } }
);
