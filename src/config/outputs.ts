/** Options of outputs for other tools. */

/** The MLflow server and the experiment that a run is sent to. */
export interface MlflowOptions {
  /** Address of the tracking server. @default the variable MLFLOW_TRACKING_URI */
  readonly trackingUri?: string | undefined
  /** Name of the experiment. @default the name of lineaprint's experiment */
  readonly experiment?: string | undefined
  /** Time limit for the server at the end of a run in milliseconds, from 1 to 3,600,000. @default 30000 */
  readonly timeoutMs?: number | undefined
}

/** The W&B project that the run belongs to. */
export interface WandbTarget {
  /** @default the name of the experiment */
  readonly project?: string | undefined
  /** User or team. @default the one of the account that runs `wandb sync` */
  readonly entity?: string | undefined
}

/** Folder and project of the run that is written for `wandb sync`. */
export interface WandbOptions extends WandbTarget {
  /** Folder of all such runs. @default `wandb` in the store */
  readonly directory?: string | undefined
}

/** Outputs that a configuration may ask for. */
export interface OutputOptions {
  /** Write the run in the offline format of W&B, for `wandb sync`. Nothing is sent. @default false */
  readonly saveToWandb?: boolean | WandbOptions | undefined
  /**
   * Send the run to an MLflow server while it is running; `true` takes the server from MLFLOW_TRACKING_URI.
   * If sending fails, the run gets a warning and does not fail. @default false
   */
  readonly saveToMlflow?: boolean | MlflowOptions | undefined
  /**
   * Address of a server of a team. The journal and the logs are sent there while the run is running, and the sealed run at
   * its end. The token comes from LINEAPRINT_TOKEN, or from the file that LINEAPRINT_TOKEN_FILE names. If sending fails,
   * the run goes on, and its summary has a warning with the command that completes it. @default none
   */
  readonly server?: string | undefined
  /** Project on the server. @default the first project of the token */
  readonly serverProject?: string | undefined
  /**
   * Milliseconds that the end of a run may wait for the server, from 1 to 3,600,000. @default 30000
   */
  readonly serverTimeoutMs?: number | undefined
}
