/** Cases of one large file. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { digestBytes } from '../../src/hash/bytes.ts'
import { hashFile } from '../../src/hash/file.ts'
import { readWhole } from '../inputs.ts'
import { entry, firstWord } from './entry.ts'
import type { Algorithm } from '../../src/core/digest.ts'
import type { FileSet, Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'
import type { Peers } from './entry.ts'

const STEPS = [
  { step: 1 << 20, name: '1m', words: 'written 1 MiB at a time' },
  { step: 4096, name: '4k', words: 'written 4 KiB at a time' },
] as const

/** Return the cases of the large file. */
export function largeCases(inputs: Inputs, peers: Peers): Case[] {
  const blake3 = STEPS.map(({ step, name, words }) => ({
    name: `large-${name}-blake3`,
    title: `one file, ${words}, BLAKE3`,
    prepare: async () => blake3Entry(inputs.largeFile(step), peers),
  }))
  const sha256: Case = {
    name: 'large-1m-sha256',
    title: `one file, ${STEPS[0].words}, SHA-256`,
    prepare: async () => sha256Entry(inputs.largeFile(STEPS[0].step), peers),
  }
  return [...blake3, sha256]
}

function hashFileContestant(path: string, algorithm: Algorithm): Contestant {
  const run = async (): Promise<string> => (await hashFile(path, { algorithm })).digest.hex
  return {
    name: 'lineaprint hashFile',
    role: 'ours',
    child: false,
    run,
    check: { label: 'the file', read: run },
  }
}

function blake3Entry(file: FileSet, peers: Peers): Entry {
  // Held for this case only: the bytes are freed with the contestants.
  const bytes = readWhole(file)
  const run = async (): Promise<string> => (await digestBytes(bytes)).blake3?.hex ?? ''
  const memory: Contestant = {
    name: 'digestBytes, in memory, not from a file',
    role: 'part',
    child: false,
    run,
    check: { label: 'the file', read: run },
  }
  const b3sum = {
    name: 'b3sum',
    needs: ['b3sum'],
    args: ['--no-names', file.path],
    check: { label: 'the file', parse: firstWord },
  } as const
  return entry(file.bytes, [hashFileContestant(file.path, 'blake3')], [b3sum], peers, [memory])
}

function sha256Entry(file: FileSet, peers: Peers): Entry {
  const check = { label: 'the file', parse: firstWord }
  const programs = [
    { name: 'openssl dgst -sha256', needs: ['openssl'], args: ['dgst', '-sha256', '-r', file.path], check },
    { name: 'sha256sum', needs: ['sha256sum'], args: [file.path], check },
  ] as const
  const run = (): Promise<string> => nodeCrypto(file.path)
  const node: Contestant = {
    name: 'node:crypto over a read stream',
    role: 'peer',
    child: false,
    run,
    check: { label: 'the file', read: run },
  }
  return entry(file.bytes, [hashFileContestant(file.path, 'sha256')], programs, peers, [node])
}

async function nodeCrypto(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
