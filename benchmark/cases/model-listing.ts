/** Cases of what a model lists: a large sharded one whose tensors are not read, and a file of very many tensors. */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import { TensorColumns } from '../../src/model/columns.ts'
import { locateModel } from '../../src/model/locate.ts'
import { runJob } from '../../src/native/job.ts'
import { native } from '../../src/native/load.ts'
import { planModel, withZeros } from '../formats/output.ts'
import { writeGguf, writeSafetensors } from '../formats/in-pieces.ts'
import { writePyTorchZip } from '../formats/pytorch.ts'
import { runProgram } from '../measure.ts'
import { PythonWorker } from '../python-worker.ts'
import type { TensorPlan } from '../formats/output.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'

/** Bytes of the sharded model. Its elements are holes, so that it takes no place. */
const SHARDED = 2_800_000_000
const SHARDS = 8

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const READERS = fileURLToPath(new URL('../../.peers/model-readers/bin/python', import.meta.url))

/** Prints the most memory of a program of Node on stdout, in KiB, before it ends. */
const PEAK = `data:text/javascript,process.on('exit',()=>console.log(process.resourceUsage().maxRSS))`

/** Return the cases. */
export function modelListingCases(inputs: Inputs): Case[] {
  const sharded = (['safetensors', 'pytorch', 'gguf'] as const).map((format) => ({
    name: `model-listing-${format}`,
    title: `listing ${SHARDS} shards of 2.8 GB, ${format}; wanted below 50 ms`,
    prepare: async () => Promise.resolve(listingEntry(...writeSharded(inputs, format))),
  }))
  return [
    ...sharded,
    {
      name: 'model-many',
      title: `${inputs.sizes.manyTensors.toLocaleString('en')} tensors in a safetensors file; wanted below 3 s and 600 MB`,
      prepare: async () => manyEntry(inputs),
    },
  ]
}

function writeSharded(
  inputs: Inputs,
  format: 'safetensors' | 'pytorch' | 'gguf',
): [path: string, folder: string] {
  const folder = join(inputs.directory, `sharded-${format}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  const plans = withZeros(planModel(SHARDED))
  const each = Math.ceil(plans.length / SHARDS)
  const map: Record<string, string> = {}
  const stem = format === 'pytorch' ? 'pytorch_model' : 'model'
  const extension = format === 'pytorch' ? 'bin' : format
  const nameOf = (number: number): string =>
    `${stem}-${String(number + 1).padStart(5, '0')}-of-${String(SHARDS).padStart(5, '0')}.${extension}`
  for (let number = 0; number < SHARDS; number++) {
    const part = plans.slice(number * each, (number + 1) * each)
    const path = join(folder, nameOf(number))
    if (format === 'safetensors') writeSafetensors(path, part)
    else if (format === 'pytorch') writePyTorchZip(path, part)
    else writeGguf(path, part, { number, count: SHARDS, tensors: plans.length })
    for (const plan of part) map[plan.name] = nameOf(number)
  }
  if (format === 'gguf') return [join(folder, nameOf(0)), folder]
  writeFileSync(
    join(folder, `${stem}.${extension}.index.json`),
    JSON.stringify({ metadata: {}, weight_map: map }),
  )
  return [folder, folder]
}

function listingEntry(path: string, folder: string): Entry {
  const list = async (): Promise<string> => {
    const { weights, index } = await locateModel(path, {})
    const wanted = {
      algorithm: 'blake3',
      lenient: false,
      reading: { kind: 'full', parts: 'headers' },
      ...(index && { index }),
    } as const
    const model = await runJob({}, (job, threads) => native.readModel(job, [...weights], wanted, threads))
    const { parameters, bytes } = new TensorColumns(model).totals()
    return `${parameters},${bytes}`
  }
  const label = 'elements and bytes of the tensors'
  const own: Contestant = {
    name: 'lineaprint, names, shapes and places',
    role: 'ours',
    child: false,
    run: list,
    check: { label, read: list },
  }
  if (!existsSync(READERS))
    return { bytes: 0, contestants: [own], missing: ['ztensor (no .peers/model-readers)'] }
  const worker = new PythonWorker(READERS, 'ztensor', 'list', folder)
  const python: Contestant = {
    name: 'ztensor, names, shapes and places',
    role: 'peer',
    child: true,
    cpuMs: () => worker.cpuMs,
    run: async () => worker.ask(),
    check: { label, read: async () => worker.ask() },
  }
  return {
    bytes: 0,
    contestants: [own, python],
    missing: [],
    after: () => {
      worker.stop()
    },
  }
}

/** Return the entry of a file that is mostly its header: 100 bytes of it for each tensor of 8 bytes. */
async function manyEntry(inputs: Inputs): Promise<Entry> {
  const path = join(inputs.directory, 'many.safetensors')
  const plans = Array.from({ length: inputs.sizes.manyTensors }, (_, index): TensorPlan => {
    const content = (): Buffer => {
      const bytes = Buffer.alloc(8)
      bytes.writeUInt32LE(index)
      return bytes
    }
    return { name: `model.layers.${index}.self_attn.q_proj.bias`, shape: [2], bytes: 8, content }
  })
  writeSafetensors(path, plans)
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run npm run build`)
  let peak = 0
  const program = async (): Promise<string> => {
    const output = await runProgram(execPath, ['--import', PEAK, PROGRAM, 'model', path], true)
    const lines = output.trimEnd().split('\n')
    peak = Math.max(peak, Number(lines.pop()) / 1000)
    return lines.join('\n')
  }
  const own: Contestant = {
    name: 'lineaprint model, from start to end',
    role: 'ours',
    child: true,
    run: program,
  }
  const missing = existsSync(READERS) ? [] : ['safetensors (no .peers/model-readers)']
  const worker = new PythonWorker(READERS, 'safetensors', 'hash', path)
  const python: Contestant = {
    name: 'safetensors, load and SHA-256',
    role: 'peer',
    child: true,
    cpuMs: () => worker.cpuMs,
    run: async () => worker.ask(),
  }
  return {
    bytes: statSync(path).size,
    contestants: missing.length > 0 ? [own] : [own, python],
    missing,
    notes: () => [
      `memory: lineaprint ${peak.toFixed(0)} MB`,
      ...(missing.length > 0 ? [] : [`memory: safetensors ${(worker.peakMiB * 1.048576).toFixed(0)} MB`]),
    ],
    after: () => {
      worker.stop()
    },
  }
}
