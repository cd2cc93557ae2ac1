/**
 * The first session of a new user: what is typed, and how it ends. `scripts/record-session.mjs` runs it and writes what
 * was printed into `docs/first-session.md`; a test runs it with the same commands.
 */

/** One command of the session. */
export interface SessionStep {
  /** Heading of the part that begins with this command. */
  readonly title?: string
  /** Sentences before it. */
  readonly text: string
  /** The line that is typed. */
  readonly command: string
  /** Its exit code; 0 where none is given. */
  readonly code?: number
}

/** The commands, in an empty git repository with the two programs. */
export const STEPS: readonly SessionStep[] = [
  {
    title: 'Record runs',
    text: 'Put `lineaprint run --` before the command that trains. `--output` names a file that the command writes, and `--metrics` a file with metrics.',
    command:
      'lineaprint run --name digits --run-name forest --metrics metrics.json --output model=forest.joblib -- python forest.py',
  },
  {
    text: 'The second program writes its loss for TensorBoard. The run records it without an option.',
    command:
      'lineaprint run --name digits --run-name network --output model=network.safetensors -- python network.py',
  },
  {
    text: 'Train the network again with another learning rate.',
    command:
      'lineaprint run --name digits --run-name faster --output model=network.safetensors -- python network.py --rate 0.03',
  },
  {
    title: 'Look at runs',
    text: 'List all runs.',
    command: 'lineaprint list',
  },
  {
    text: 'Show everything that is known of the last run. `@latest` is the newest run, and `@previous` the one before it. The flags at the end name files that nobody declared.',
    command: 'lineaprint show @latest',
  },
  {
    title: 'Why do two runs differ?',
    text: 'Compare the last two. The first group is the most likely cause: the learning rate. The exit code is 1, because the runs differ.',
    command: 'lineaprint diff @previous @latest',
    code: 1,
  },
  {
    title: 'Is everything still as it was?',
    text: 'Compare a run with the present. Only a log file is new since it started, and that does not count by default.',
    command: 'lineaprint verify @latest',
  },
  {
    title: 'Can I get it again?',
    text: 'Restore the code in a new folder, run the command again, and compare what it makes.',
    command: 'lineaprint reproduce @latest',
  },
  {
    text: 'The forest can be had again as well.',
    command: 'lineaprint reproduce forest',
  },
]
