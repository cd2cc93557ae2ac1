// Start a PostgreSQL of its own for tests and the benchmark, on loopback, in a temporary folder that is removed at the
// end. It needs the programs of PostgreSQL (Debian and Ubuntu: package postgresql), and nothing of its service.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from './free-port.mjs'

const USER = 'lineaprint'

/** Milliseconds that a start may take. */
const PATIENCE = 60_000

/** Return the folder of the programs of PostgreSQL; `undefined` if it is not installed. */
export function postgresPrograms() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : []
  const newest = versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
  return [...newest, ...(process.env.PATH ?? '').split(delimiter)].find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  )
}

/**
 * Make the data of a server.
 *
 * @param folder An empty folder, whose parent others can enter.
 * @param settings Settings of the server, beside its address.
 * @returns The user, the port, and the command that starts it.
 */
export async function makeDatabase(folder, settings) {
  const programs = postgresPrograms()
  if (programs === undefined) throw new Error('postgres: not installed; see CONTRIBUTING.md')
  // PostgreSQL refuses to run as root.
  const isRoot = process.getuid?.() === 0
  const as = isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : []
  if (isRoot) {
    chmodSync(folder, 0o755)
    spawnSync('chown', ['postgres:postgres', folder])
  }
  const data = join(folder, 'data')
  const form = ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']
  const [initdb, ...initdbArguments] = [...as, join(programs, 'initdb'), ...form]
  const made = spawnSync(initdb, initdbArguments, { encoding: 'utf8', cwd: folder })
  if (made.status !== 0) throw new Error(`postgres: initdb failed: ${made.stderr || made.error}`)
  const port = await freePort()
  const all = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', ...settings }
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return { user: USER, port, command: [...as, join(programs, 'postgres'), '-D', data, ...options] }
}

/**
 * Start a server.
 *
 * @returns Options of `pg`, functions that make all of its processes hang and go on, and one that stops the server.
 */
export async function startPostgres() {
  const folder = mkdtempSync(join(tmpdir(), 'lineaprint-postgres-'))
  const made = makeDatabase(folder, { fsync: 'off', full_page_writes: 'off' })
  const { user, port, command } = await made.catch((error) => {
    rmSync(folder, { recursive: true, force: true })
    throw error
  })
  const [server, ...serverArguments] = command
  const child = spawn(server, serverArguments, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', (chunk) => (log = (log + chunk).slice(-10_000)))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const stop = async () => {
    // A fast shutdown: sessions are ended.
    child.kill('SIGINT')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const options = { host: '127.0.0.1', port, user, database: 'postgres' }
  for (const start = Date.now(); !log.includes('ready to accept connections'); await setTimeout(20)) {
    if (child.exitCode === null && Date.now() - start < PATIENCE) continue
    await stop()
    throw new Error(`postgres: the server did not start: ${log}`)
  }
  const signal = (name) => {
    for (const pid of [child.pid, ...childrenOf(child.pid)]) process.kill(pid, name)
  }
  return { options, stop, hang: () => signal('SIGSTOP'), wake: () => signal('SIGCONT') }
}

/** Return the processes that a process of Linux has started. */
function childrenOf(pid) {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}
