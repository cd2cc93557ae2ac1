/** Cases of models that follow from the sharded one: renamed, fused and cast tensors, and quantised ones. */
import { deriveModel } from '../../src/model/derivation/derive.ts'
import { readModel } from '../../src/model/read.ts'
import { entry } from './entry.ts'
import type { FileSet, Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'
import type { Peers } from './entry.ts'

/**
 * `ggufpacker attest` quantises a model again and compares the files. It starts `llama-quantize`, which is built from the
 * sources of llama.cpp, and it has no answer about any other derivation.
 */
const GGUFPACKER = 'ggufpacker (needs llama-quantize; only quantised GGUF files)'

/** Return the cases of derivations. */
export function derivationCases(inputs: Inputs, peers: Peers): Case[] {
  return [
    {
      name: 'derive-identical',
      title: 'a model of eight shards and its copy in one file, derived',
      prepare: async () => derivationEntry(inputs.model(), inputs.derivedModel('identical'), peers),
    },
    {
      name: 'derive-mixed',
      title: 'a third each of the layers renamed, fused and cast, derived',
      prepare: async () => derivationEntry(inputs.model(), inputs.derivedModel('mixed'), peers),
    },
    {
      name: 'derive-cast',
      title: 'all layers cast from BF16 to F32, derived',
      prepare: async () => derivationEntry(inputs.model(), inputs.derivedModel('cast'), peers),
    },
  ]
}

/** Return the entry of two models. `read` reads the files of both from memory and does nothing with them. */
function derivationEntry(before: FileSet, after: FileSet, peers: Peers): Entry {
  const derive: Contestant = {
    name: 'lineaprint deriveModel',
    role: 'ours',
    child: false,
    run: async () => {
      const { explained, counts } = await deriveModel(before.path, after.path)
      if (!explained) throw new Error(`not explained: ${JSON.stringify(counts)}`)
      return JSON.stringify(counts)
    },
  }
  const digests: Contestant = {
    name: 'lineaprint readModel of both, digests alone',
    role: 'part',
    child: false,
    run: async () => {
      const [first, second] = [await readModel(before.path), await readModel(after.path)]
      return first.weights.hex + second.weights.hex
    },
  }
  const commands = [before, after].map(({ files }) => `cat ${files.map((file) => `'${file}'`).join(' ')} & `)
  const read = {
    name: 'cat of both at the same time: reading alone',
    needs: ['sh'] as const,
    args: ['-c', `{ ${commands.join('')} wait; } > /dev/null`],
  }
  const complete = entry(before.bytes + after.bytes, [derive], [read], peers, [digests])
  return { ...complete, missing: [...complete.missing, GGUFPACKER] }
}
