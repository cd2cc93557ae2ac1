import type { PoolConfig } from 'pg'

export declare function postgresPrograms(): string | undefined
export declare function startPostgres(): Promise<{ options: PoolConfig; stop: () => Promise<void> }>
