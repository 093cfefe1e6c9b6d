'use strict';

/**
 * Imports run one way only:
 *
 *   core <- engine <- { stores, connectors, observability, http, cli } <- service <- main.ts
 *
 * Siblings never import each other; each folder of `stores/` and `connectors/` is a sibling of its
 * own. What the list below does not allow is an error: a new kind of folder needs a line here.
 */

/** Tests, benches and scripts may import anything, including development dependencies. */
const TOOLING = String.raw`\.test\.ts$|^(test|bench|scripts|bin)/`;

/** What production code may use from outside: Node itself and `dependencies` of package.json. */
const OUTSIDE = ['core', 'npm'];

/** @param {string} path the files the rule is about, tests left out */
const production = (path) => ({ path, pathNot: TOOLING });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  allowedSeverity: 'error',
  allowed: [
    { from: { path: TOOLING }, to: {} },

    { from: production('^src/core/'), to: production('^src/core/') },

    { from: production('^src/engine/'), to: production('^src/(core|engine)/') },
    { from: production('^src/engine/'), to: { dependencyTypes: OUTSIDE } },

    {
      from: production('^src/(stores|connectors)/([^/]+)/'),
      to: production('^src/(core|engine|$1/$2)/'),
    },
    {
      from: production('^src/(observability|http|cli)/'),
      to: production('^src/(core|engine|$1)/'),
    },
    {
      from: production('^src/((stores|connectors)/[^/]+|observability|http|cli)/'),
      to: { dependencyTypes: OUTSIDE },
    },

    {
      from: production('^src/config([.]ts$|/)'),
      to: production('^src/(core|engine|config)/'),
    },
    { from: production('^src/config([.]ts$|/)'), to: { path: '(^|/)node_modules/typebox/' } },

    {
      from: production('^src/service/'),
      to: production('^(src/(?!main[.]ts$)|package[.]json$)'),
    },
    { from: production('^src/main[.]ts$'), to: production('^src/(service|cli)/') },
    { from: production('^src/(main[.]ts$|service/)'), to: { dependencyTypes: OUTSIDE } },

    // A simulator stands for somebody else's service: it and Holdfast share no code.
    { from: production('^simulators/([^/]+)/'), to: production('^simulators/$1/') },
    { from: production('^simulators/'), to: { dependencyTypes: OUTSIDE } },
  ],
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Two files that import each other are one file, or want a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'simulators-share-nothing',
      comment: 'What a simulator had from us, it could not find wrong in us.',
      severity: 'error',
      from: { path: '^simulators/' },
      to: { path: '^src/' },
    },
    {
      name: 'not-to-unresolvable',
      comment: 'The import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
