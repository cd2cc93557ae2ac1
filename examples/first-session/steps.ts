/**
 * The first session of a new user: what is typed, and how it ends. `scripts/record-session.mjs` runs it and writes what
 * was printed into `docs/first-session.md`; a test runs it with the same commands.
 */

/** One command of the session. */
export interface SessionStep {
  /** Sentence before it. */
  readonly text: string
  /** The line that is typed. */
  readonly command: string
  /** Its exit code; 0 where none is given. */
  readonly code?: number
}

/** The commands, in an empty git repository with the two programs. */
export const STEPS: readonly SessionStep[] = [
  {
    text: 'Put `lineaprint run` before the command that trains. The program is not changed.',
    command:
      'lineaprint run --name digits --run-name forest --metrics metrics.json --output model=forest.joblib -- python forest.py',
  },
  {
    text: 'A program of torch writes its loss for TensorBoard. The run records it as well.',
    command:
      'lineaprint run --name digits --run-name network --output model=network.safetensors -- python network.py',
  },
  {
    text: 'Train it again with another rate.',
    command:
      'lineaprint run --name digits --run-name faster --output model=network.safetensors -- python network.py --rate 0.03',
  },
  { text: 'All runs:', command: 'lineaprint list' },
  { text: 'Why do the last two differ?', command: 'lineaprint diff @previous @latest', code: 1 },
  { text: 'Everything that is known of the last run:', command: 'lineaprint show @latest' },
  { text: 'Is everything still as it was in that run?', command: 'lineaprint verify @latest' },
  {
    text: 'Can it be had again? `reproduce` restores the code, runs the command again and compares what it makes.',
    command: 'lineaprint reproduce @latest',
  },
  { text: 'The forest as well:', command: 'lineaprint reproduce forest' },
]
