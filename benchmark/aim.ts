/** The pages of lineaprint and of Aim on this machine, each a program of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../scripts/free-port.mjs'
import { runProgram } from './measure.ts'

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const AIM = fileURLToPath(new URL('../.peers/aim/bin', import.meta.url))
const FILL = fileURLToPath(new URL('aim-fill.py', import.meta.url))

/** Return what Aim needs and is not installed; `undefined` if everything is. */
export function missingAim(): string | undefined {
  return existsSync(`${AIM}/aim`) ? undefined : 'no .peers/aim'
}

/** A page that answers over HTTP. */
export interface ServedApi {
  /** Ask, and read the answer to its end. */
  readonly ask: (path: string) => Promise<Buffer>
  readonly stop: () => Promise<void>
}

/** Start `lineaprint ui` for the store in a folder, and sign in. */
export async function startUi(folder: string): Promise<ServedApi> {
  const child = spawn(process.execPath, [PROGRAM, 'ui', '--no-open', '--output-dir', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const [link] = (await once(lines, 'line')) as [string]
  const { origin, hash } = new URL(link)
  const signedIn = await fetch(`${origin}/api/v1/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token: new URLSearchParams(hash.slice(1)).get('token') }),
  })
  const { key } = (await signedIn.json()) as { readonly key: string }
  return {
    ask: async (path) => read(`${origin}/api/v1${path}`, { Authorization: `Bearer ${key}` }),
    stop: async () => {
      const ended = once(child, 'close')
      child.kill('SIGINT')
      await ended
    },
  }
}

/** Runs for Aim. */
export interface AimRuns {
  readonly runs: number
  readonly parameters: number
  readonly metrics: number
  /** Values of each metric. */
  readonly values: number
}

/** Record runs with Aim, and start its page. @param folder It is made. */
export async function startAim(
  folder: string,
  { runs, parameters, metrics, values }: AimRuns,
): Promise<ServedApi> {
  mkdirSync(folder, { recursive: true })
  await runProgram(`${AIM}/aim`, ['init', '--repo', folder, '-y'])
  await runProgram(`${AIM}/python`, [FILL, folder, ...[runs, parameters, metrics, values].map(String)])
  const port = await freePort()
  const child = spawn(`${AIM}/aim`, ['up', '--repo', folder, '--host', '127.0.0.1', '--port', String(port)], {
    cwd: folder,
    env: { ...process.env, PATH: `${AIM}:${process.env['PATH'] ?? ''}`, HOME: folder },
    stdio: 'ignore',
    detached: true,
  })
  const ended = once(child, 'close')
  const url = `http://127.0.0.1:${port}/api`
  while (!(await isUp(`${url}/projects/`))) {
    if (child.exitCode !== null) throw new Error('the page of Aim ended')
    await sleep(200)
  }
  return {
    ask: async (path) => read(`${url}${path}`),
    stop: async () => {
      // Its workers are of its process group.
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      await ended
    },
  }
}

async function read(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Buffer> {
  const response = await fetch(url, { headers })
  const bytes = Buffer.from(await response.arrayBuffer())
  if (!response.ok) throw new Error(`${url}: ${response.status} ${bytes.toString().slice(0, 500)}`)
  return bytes
}

async function isUp(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5000) })).ok
  } catch {
    return false
  }
}
