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
  // Hugging Face Trainer: a pickle of the arguments with absolute paths, the rank and, up to transformers 4, a logging
  // folder with time and host. A pickle is a program, so that its fields cannot be compared without running it.
  'training_args.bin',
]

/**
 * Times in the names of folders. A file below such a folder is compared with the one file of the other output whose
 * path is the same without the time.
 */
export const VOLATILE_NAMES: readonly RegExp[] = [
  // Hydra: `outputs/2026-11-29/08-15-00` and `multirun/2026-11-29/08-15-00`.
  /(?<=^|\/)\d{4}-\d\d-\d\d\/\d\d-\d\d-\d\d(?=\/)/,
  // Templates of Hydra and Lightning: `runs/2026-11-29_08-15-00`.
  /(?<=^|\/)\d{4}-\d\d-\d\d[_T]\d\d-\d\d-\d\d(?=\/)/,
]

/** Files of `torch.save`, which are compared without the path of the output folder and times in paths. */
export const VOLATILE_PATHS: readonly string[] = ['*.ckpt', '*.pt', '*.pth']

/** Text files, of which the time at the start of a line is left out. */
export const VOLATILE_LINES: { readonly files: readonly string[]; readonly start: RegExp } = {
  // Python's logging, Hydra, loguru: `2026-11-29 08:15:00,123`, also in brackets.
  files: ['*.log'],
  start: /^\[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?/gm,
}

/** A kind of JSON or YAML files, and the fields of it that are left out. */
export interface VolatileFields {
  /** Patterns of the files, in the syntax of gitignore. */
  readonly files: readonly string[]
  /** Paths of fields: names joined by `.`, in which `*` stands for any characters of one name or index. */
  readonly fields: readonly string[]
}

/** JSON and YAML files that are compared without some of their fields. */
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
    // Hydra: its folders, of which the output folder holds the time.
    files: ['**/.hydra/hydra.yaml', 'multirun.yaml'],
    fields: ['hydra.runtime.cwd', 'hydra.runtime.output_dir', 'hydra.runtime.config_sources.*.path'],
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
