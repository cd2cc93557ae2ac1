/** The options of outputs to other tools. */

/** Which MLflow server a run is sent to, and as what. */
export interface MlflowOptions {
  /** Address of the tracking server. @default the variable MLFLOW_TRACKING_URI */
  readonly trackingUri?: string | undefined
  /** Name of the experiment. @default the name of lineaprint's experiment */
  readonly experiment?: string | undefined
  /** Milliseconds that the end of a run may wait for the server, from 1 to 3,600,000. @default 30000 */
  readonly timeoutMs?: number | undefined
}

/** Where the run shall stand. */
export interface WandbTarget {
  /** @default the name of the experiment */
  readonly project?: string | undefined
  /** User or team. @default that of the one who syncs */
  readonly entity?: string | undefined
}

/** Where and as what the run is written for `wandb sync`. */
export interface WandbOptions extends WandbTarget {
  /** Folder of all such runs. @default `wandb` in the store */
  readonly directory?: string | undefined
}

/** Outputs that a configuration may ask for. */
export interface OutputOptions {
  /**
   * Write the run as W&B keeps one that it could not send, for `wandb sync`. Nothing is sent. @default false
   */
  readonly saveToWandb?: boolean | WandbOptions | undefined
  /**
   * Send the run to an MLflow server while it goes on; `true` takes the server from MLFLOW_TRACKING_URI. What cannot be
   * sent is a warning of the run and never its failure. @default false
   */
  readonly saveToMlflow?: boolean | MlflowOptions | undefined
}
