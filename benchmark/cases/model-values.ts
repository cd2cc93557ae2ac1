/** Cases of the numbers in models: two checkpoints compared, and the health of one. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { diffModels } from '../../src/model/diff/diff.ts'
import { compareValues } from '../../src/model/diff/values.ts'
import { readModel } from '../../src/model/read.ts'
import { FRAMEWORKS_PYTHON, WEIGHTSCOPE } from '../peers.ts'
import { entry } from './entry.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'
import type { Peers } from './entry.ts'

/** Return the cases of numbers. */
export function modelValueCases(inputs: Inputs, peers: Peers): Case[] {
  return [
    {
      name: 'model-diff-values',
      title: 'values of two models of eight shards each, BF16, half of the elements changed',
      prepare: async () => valuesEntry(inputs, peers),
    },
    {
      name: 'model-health',
      title: 'weights and health of eight shards, BF16, BLAKE3',
      prepare: async () => healthEntry(inputs, peers),
    },
  ]
}

/** Reads every file once, several at the same time, and does nothing with the bytes. */
const READ = 'cores=$1; shift; printf "%s\\0" "$@" | xargs -0 -n 1 -P "$cores" cat > /dev/null'

/** Load both models with torch, and compute what `--values` does. */
const TORCH = `
import pathlib, sys, torch
from safetensors import safe_open
largest = 0.0
for before in sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors")):
    after = pathlib.Path(sys.argv[2]) / before.name
    with safe_open(before, "pt") as first, safe_open(after, "pt") as second:
        for name in first.keys():
            a, b = first.get_tensor(name).float(), second.get_tensor(name).float()
            difference = b - a
            torch.count_nonzero(difference), difference.norm(), a.norm(), b.norm(), torch.isnan(b).sum()
            torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)
            (difference.abs() / torch.maximum(a.abs(), b.abs())).max()
            largest = max(largest, difference.abs().max().item())
print(largest)
`

/**
 * weightscope compares what `--values` compares in part: the elements that differ by more than 1e-6, the largest and the mean
 * difference. It has no L2, cosine or relative difference. NaN is no change for it, and a dtype none either.
 */
const SCOPE = 'PYTHONPATH=$1 exec "$2" -m weightscope.cli diff -o /dev/null "$3" "$4"'

function valuesEntry(inputs: Inputs, peers: Peers): Entry {
  const [base, tuned] = [inputs.checkpoint(false), inputs.checkpoint(true)]
  const whole: Contestant = {
    name: 'lineaprint diffModels, values',
    role: 'ours',
    child: false,
    run: async () => JSON.stringify((await diffModels(base.path, tuned.path, { values: true })).layers),
  }
  const numbers: Contestant = {
    name: 'lineaprint compareValues, without the digests',
    role: 'part',
    child: false,
    run: async () => {
      const names = await readNames(base.path)
      const compared = await compareValues({ files: base.files, names }, { files: tuned.files, names }, {})
      return String(compared.length)
    },
  }
  const read = {
    name: 'xargs cat (reading both alone)',
    needs: ['sh', 'xargs'],
    args: ['-c', READ, 'sh', String(availableParallelism()), ...base.files, ...tuned.files],
  } as const
  const candidates = [FRAMEWORKS_PYTHON, peers.get('python3')?.path ?? '']
  const python = candidates.find((path) => imports(path, 'torch, safetensors'))
  const torch = {
    name: 'torch and safetensors',
    needs: ['sh'],
    args: ['-c', 'exec "$0" "$@"', python ?? '', '-c', TORCH, base.path, tuned.path],
  } as const
  const scope = {
    name: 'weightscope diff (fewer numbers)',
    needs: ['sh'],
    args: ['-c', SCOPE, 'sh', WEIGHTSCOPE, python ?? '', base.path, tuned.path],
  } as const
  const hasScope = python !== undefined && imports(python, 'weightscope.cli', WEIGHTSCOPE)
  const programs = [read, ...(python === undefined ? [] : [torch]), ...(hasScope ? [scope] : [])]
  const complete = entry(base.bytes + tuned.bytes, [whole], programs, peers, [numbers])
  const missing = [
    ...(python === undefined ? [`${torch.name} (not importable)`] : []),
    ...(hasScope ? [] : [`${scope.name} (not importable)`]),
  ]
  return { ...complete, missing: [...complete.missing, ...missing] }
}

/** Check whether a Python imports modules, also from a folder. */
function imports(python: string, modules: string, folder = ''): boolean {
  if (!existsSync(python)) return false
  const env = { ...process.env, ...(folder !== '' && { PYTHONPATH: folder }) }
  return spawnSync(python, ['-c', `import ${modules}`], { env }).status === 0
}

let known: readonly string[] | undefined

/** Return the names of the tensors, which are read once: they are no part of what is measured. */
async function readNames(path: string): Promise<readonly string[]> {
  known ??= (await readModel(path)).tensors.map(({ name }) => name)
  return known
}

function healthEntry(inputs: Inputs, peers: Peers): Entry {
  const base = inputs.checkpoint(false)
  const contestant = (name: string, role: Contestant['role'], health: boolean): Contestant => ({
    name,
    role,
    child: false,
    run: async () => (await readModel(base.path, { health })).weights.hex,
  })
  return entry(base.bytes, [contestant('lineaprint readModel, health', 'ours', true)], [], peers, [
    contestant('lineaprint readModel, digests alone', 'part', false),
  ])
}
