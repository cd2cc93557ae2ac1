/**
 * Field numbers of the protobuf messages in a run file of W&B.
 *
 * They are those of `wandb/proto/wandb_internal.proto` in the Python package wandb 0.31.0, where the file stands
 * compiled in `wandb/proto/wandb_internal_pb2.py`. Messages and fields have the names of that file. A test compares
 * each number with the descriptors of the installed package.
 */
export const WANDB_PROTO = {
  file: 'wandb/proto/wandb_internal.proto',
  version: '0.31.0',
  messages: {
    Record: {
      num: 1,
      history: 2,
      summary: 3,
      files: 6,
      run: 17,
      exit: 18,
      final: 20,
      header: 21,
      footer: 22,
      environment: 26,
    },
    HeaderRecord: { version_info: 1 },
    VersionInfo: { producer: 1 },
    RunRecord: {
      run_id: 1,
      entity: 2,
      project: 3,
      config: 4,
      display_name: 8,
      notes: 9,
      tags: 10,
      host: 13,
      start_time: 17,
      git: 21,
    },
    ConfigRecord: { update: 1 },
    ConfigItem: { key: 1, value_json: 16 },
    EnvironmentRecord: {
      os: 1,
      python: 2,
      started_at: 3,
      args: 5,
      program: 6,
      git: 9,
      root: 11,
      host: 12,
      writer_id: 199,
    },
    GitRepoRecord: { remote_url: 1, commit: 2 },
    HistoryRecord: { item: 1, step: 2 },
    HistoryItem: { key: 1, value_json: 16 },
    HistoryStep: { num: 1 },
    SummaryRecord: { update: 1 },
    SummaryItem: { key: 1, value_json: 16 },
    FilesRecord: { files: 1 },
    FilesItem: { path: 1, policy: 2 },
    RunExitRecord: { exit_code: 1, runtime: 2 },
  },
  /** Values of the enum `FilesItem.PolicyType`. */
  policies: { END: 1 },
} as const
