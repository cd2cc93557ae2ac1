/**
 * The files and fields of outputs that differ each time although the result is the same: times, durations, host
 * names and random ids. They are recorded and digested like everything else; only comparisons of outputs leave them
 * out, and say so.
 */

/** Files that are left out, as patterns in the syntax of gitignore. */
export const VOLATILE_FILES: readonly string[] = [
  // TensorBoard: the name holds time, host and process, and every event its wall time.
  'events.out.tfevents.*',
  // The default folder of TensorBoard's SummaryWriter: `runs/Nov29_08-15-00_host`.
  '**/runs/[A-Z][a-z][a-z][0-3][0-9]_[0-9][0-9]-[0-9][0-9]-[0-9][0-9]_*/',
  // Hugging Face Trainer: a pickle of the arguments, in which the logging folder holds time and host.
  'training_args.bin',
]

/** A kind of JSON files, and the fields of it that are left out. */
export interface VolatileFields {
  /** Patterns of the files, in the syntax of gitignore. */
  readonly files: readonly string[]
  /** Paths of fields: names joined by `.`, in which `*` stands for any characters of one name or index. */
  readonly fields: readonly string[]
}

/** JSON files that are compared without some of their fields. */
export const VOLATILE_FIELDS: readonly VolatileFields[] = [
  {
    // Hugging Face Trainer.
    files: ['trainer_state.json'],
    fields: [
      'log_history.*.*_runtime',
      'log_history.*.*_samples_per_second',
      'log_history.*.*_steps_per_second',
      'log_history.*.*_tokens_per_second',
    ],
  },
  {
    // Scripts with the Hugging Face Trainer.
    files: ['*_results.json'],
    fields: ['*_runtime', '*_samples_per_second', '*_steps_per_second', '*_tokens_per_second'],
  },
  {
    // Jupyter, papermill, Colab and the extension ExecuteTime.
    files: ['*.ipynb'],
    fields: [
      'cells.*.id',
      'cells.*.metadata.execution',
      'cells.*.metadata.executionInfo',
      'cells.*.metadata.ExecuteTime',
      'cells.*.metadata.papermill',
      'metadata.papermill',
    ],
  },
]
