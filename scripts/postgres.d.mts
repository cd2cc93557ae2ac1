import type { PoolConfig } from 'pg'

export declare function postgresPrograms(): string | undefined
export declare function makeDatabase(
  folder: string,
  settings: Readonly<Record<string, string>>,
): Promise<{ user: string; port: number; command: string[] }>
export declare function startPostgres(): Promise<{
  options: PoolConfig
  stop: () => Promise<void>
  hang: () => void
  wake: () => void
}>
