// The rooms of the repository: the purpose of each, and its allowed dependencies. scripts/arrows.mjs checks
// them, and CONTRIBUTING.md shows them.

/**
 * Rooms of src/ from the bottom up, with the purpose of each. A room may import from rooms earlier in this
 * list. Rooms of one level do not import from each other.
 */
export const LEVELS = [
  { core: 'errors, digests, sample plans, run ids: types and values that need nothing else' },
  { util: 'files, folders, concurrency, the identity of a process' },
  { secrets: 'what looks like a secret, and its redaction in text, arguments and patches' },
  { native: "loads the addon and runs its jobs: the only importer of the addon's loader" },
  { json: 'parsing within limits, the canonical form, special floats' },
  { subprocess: 'programs that are started: limits, output, the end of a tree of processes' },
  { hash: 'files, trees, bytes, streams, arrays, parts; samples of them' },
  {
    model: 'reading models, their configuration and tokenizer; what differs between two of them',
    dataset: 'a file, a folder, an array or a table as a dataset; what differs between two tables',
  },
  { manifest: 'writing manifests; checking them, and the files of b3sum and sha256sum' },
  { config: 'options: names, defaults, sources, and their form in the record' },
  { record: 'the record of a run, its events, its state and its seal' },
  { capture: 'what a run finds around it, and how two captures compare' },
  { store: 'run folders, the journal, reading a run, naming one' },
  { database: 'runs by what they are: expressions, the index of a store, SQLite and PostgreSQL' },
  { export: 'a run in other forms, afterwards and live' },
  { compare: 'tensors, tables, arrays and numbers: what verify, diff and reproduce share' },
  { transfer: 'runs between stores: a client of the server of a team, and the check of what arrives' },
  {
    verify: 'a run against the present',
    diff: 'a run against another run',
  },
  { lineage: 'what led to a dataset, model or run, and what came of it, within runs and across them' },
  { tracking: 'the tracker: inputs, outputs, metrics, captures, changes of the work tree' },
  { command: '`lineaprint run`: the process, its output, signals, and what Python programs report' },
  {
    reproduce: 'a run restored, run again, and compared with its record',
    server: 'the page of `lineaprint ui`, and the server of a team: their API, their door, and their files',
  },
  {
    mcp: 'the questions about a store that programs and agents ask: tools, their arguments, answers cut to a size',
  },
  { index: 'the public surface, and nothing else' },
  { cli: 'one file or folder for each command; no logic that the library lacks' },
]

/** Imports that the order of {@link LEVELS} would allow, but that are forbidden: from a room, to rooms. */
export const NEVER = {
  // Each of the three has a purpose of its own. Shared code is in compare.
  reproduce: ['verify', 'diff'],
  // The page reads what runs recorded, and records none.
  server: ['tracking', 'command'],
  // It answers from what runs recorded, and records none.
  mcp: ['tracking', 'command', 'reproduce'],
  // The command uses the rooms; the public surface is for users.
  cli: ['index'],
}

/** The crates, with their purposes and their allowed dependencies within the workspace. */
export const CRATES = {
  digest: {
    purpose:
      'digest values and their grammar, BLAKE3 subtrees, SHA-256 in lanes, canonical CBOR; no input or output',
    dependencies: [],
  },
  formats: {
    purpose:
      'readers of models and tables: bytes in, validated spans and blocks out; no input or output, no unsafe code',
    dependencies: [],
  },
  engine: {
    purpose:
      'what touches the disk: walking, reading, scheduling, cancelling, progress; knows nothing of Node',
    dependencies: ['digest', 'formats'],
  },
  binding: {
    purpose: 'the addon: the only crate that names napi; lowers options, maps errors',
    dependencies: ['digest', 'engine', 'formats'],
  },
  launcher: {
    purpose: 'the program that starts the command of a run, and passes its output on',
    dependencies: [],
  },
}

/** The other folders of the repository. */
export const FOLDERS = {
  web: 'the page that src/server hands out: Preact, built by Vite into dist/web',
  python: 'the Python package, which `lineaprint run` puts into programs: the standard library only',
  vectors: 'digests that both languages and an independent Python reference agree on',
  schema: 'the JSON schema of the record',
  __test__: 'mirrors src/ path for path; e2e/ runs whole commands',
  benchmark: 'inputs declared, other tools measured in the same run',
  soak: 'rounds that run for hours',
  fuzz: 'a target of cargo-fuzz for each parser; a workspace of its own',
  docs: 'for users; format.md is normative',
  examples: 'run by `npm start` and by the tests',
  scripts: 'what the commands of npm call',
  npm: 'a package for each platform',
}
