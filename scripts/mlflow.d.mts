/** The Python with MLflow, as scripts/setup-peers.sh installs it. */
export declare const MLFLOW: string

/** A server. */
export interface MlflowServer {
  readonly url: string
  /** Its process, the first of a group. */
  readonly pid: number
  /** End it. */
  readonly stop: () => Promise<void>
}

export declare function startMlflow(
  folder: string,
  options?: {
    /** Address of the database. @default SQLite in the folder */
    readonly backend?: string
    /** Processes that answer. @default 1 */
    readonly workers?: number
    readonly environment?: Readonly<Record<string, string>>
  },
): Promise<MlflowServer>
