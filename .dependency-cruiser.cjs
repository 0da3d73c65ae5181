// The floors of the house (docs/architecture.md): a folder imports from the floors below it only.
const floors = [
  { name: 'protocol', floor: 1 },
  { name: 'rpc', floor: 2 },
  { name: 'event-log', floor: 2 },
  { name: 'transport', floor: 3 },
  { name: 'permissions', floor: 3 },
  { name: 'registry', floor: 3 },
  { name: 'process', floor: 4 },
  { name: 'files', floor: 4 },
  { name: 'http', floor: 4 },
  { name: 'tcp', floor: 4 },
  { name: 'client', floor: 5 },
  { name: 'server', floor: 5 },
  { name: 'environment', floor: 6 },
  { name: 'app', floor: 7 },
  { name: 'unified-exec', floor: 7 },
  { name: 'mcp', floor: 7 },
  { name: 'cloud', floor: 8 },
  { name: 'rendezvous', floor: 8 },
  { name: 'embed', floor: 8 },
  { name: 'cli', floor: 9 },
];

const dir = (names) => `^src/(${names.join('|')})/`;
const named = (predicate) => floors.filter(predicate).map(({ name }) => name);

/** What a floor may not import: itself apart from its own folder, and everything above. */
const upward = floors.map(({ name, floor }) => ({
  name: `${name}-imports-below-floor-${floor}`,
  severity: 'error',
  from: { path: dir([name]) },
  to: { path: dir(named((other) => other.name !== name && other.floor >= floor)) },
}));

module.exports = {
  forbidden: [
    ...upward.filter((rule) => rule.to.path !== '^src/()/'),
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'capabilities-by-type-only',
      comment: 'The server and the client know the capability interfaces, never what implements them.',
      severity: 'error',
      from: { path: dir(['client', 'server']), pathNot: '\\.test\\.ts$' },
      to: { path: `${dir(['process', 'files', 'http', 'tcp'])}local/` },
    },
    {
      name: 'environment-knows-no-server',
      severity: 'error',
      from: { path: dir(['environment']) },
      to: { path: dir(['server']) },
    },
    {
      name: 'protocol-is-the-wire-and-nothing-else',
      severity: 'error',
      from: { path: dir(['protocol']), pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional'], pathNot: 'node_modules/(zod|@types)/' },
    },
    {
      name: 'declared',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'unknown', 'undetermined'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
