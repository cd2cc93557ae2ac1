/** The peers: the paths of their programs, and their versions. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A program that is installed. */
export interface Peer {
  readonly path: string
  readonly version: string
}

const PEERS = fileURLToPath(new URL('../.peers', import.meta.url))

/** Folders that scripts/bench-peers.sh installs into. */
const OWN = [join(PEERS, 'cargo/bin'), join(PEERS, 'model-signing/bin')]

/** The folder from which Node resolves `folder-hash`. */
export const NPM_PEERS: string = join(PEERS, 'npm')

/** The Python with PyTorch that scripts/setup-frameworks.sh installs, and the folder with weightscope, which runs on it. */
export const FRAMEWORKS_PYTHON: string = join(PEERS, 'frameworks/bin/python')
export const WEIGHTSCOPE: string = join(PEERS, 'weightscope')

const PROGRAMS = {
  b3sum: ['--version'],
  paq: ['--version'],
  openssl: ['version'],
  sha256sum: ['--version'],
  find: ['--version'],
  xargs: ['--version'],
  sh: ['-c', 'readlink -f "$(command -v sh)"'],
  model_signing: ['--version'],
  python3: ['--version'],
} as const

/** Names of the programs that cases use. */
export type PeerName = keyof typeof PROGRAMS

/** Find the installed peers. Those built by scripts/bench-peers.sh come before those of the system. */
export function findPeers(): ReadonlyMap<PeerName, Peer> {
  const peers = new Map<PeerName, Peer>()
  const folders = [...OWN, ...(process.env['PATH'] ?? '').split(delimiter)]
  for (const [name, args] of Object.entries(PROGRAMS) as [PeerName, readonly string[]][]) {
    const path = folders.map((folder) => join(folder, name)).find((candidate) => existsSync(candidate))
    if (path === undefined) continue
    const { stdout } = spawnSync(path, args, { encoding: 'utf8' })
    peers.set(name, { path, version: stdout?.split('\n')[0]?.trim() || 'version unknown' })
  }
  return peers
}
