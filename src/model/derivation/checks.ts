/** Checks of hypotheses by the addon, and the rules that apply between two dtypes. */
import { runJob } from '../../native/job.ts'
import { native } from '../../native/load.ts'
import type { JobOptions } from '../../core/options.ts'
import type {
  NativeDerivationCheck,
  NativeDerivationFiles,
  NativeDerivationOutcome,
  NativeDerivationRule,
  NativeDerivedForm,
  NativeKnownFile,
} from '../../native/load.ts'
import type { Hypothesis, TensorForm } from './hypotheses.ts'

/** A rule by which elements of one dtype become those of another. */
export interface DtypeRule {
  readonly native: NativeDerivationRule
  readonly verdict?: 'cast' | 'offset' | 'quantised'
  /** In plain words; empty for a copy. */
  readonly words: readonly string[]
  /** The largest error of a block as a share of its length, if bits are not compared. */
  readonly bound?: number
}

/** Bits of the mantissa and of the exponent of each float type that is cast. */
const FLOATS: Readonly<Record<string, readonly [mantissa: number, exponent: number]>> = {
  F64: [52, 11],
  F32: [23, 8],
  F16: [10, 5],
  BF16: [7, 8],
  F8_E4M3: [3, 4],
  F8_E5M2: [2, 5],
}

const INTEGER = /^(?:[IU](?:8|16|32|64)|BOOL)$/

/** Block types whose quantisation is recomputed; those that multiply and add have a second form. */
const RECIPES: Readonly<Record<string, boolean>> = {
  GGML_Q4_0: true,
  GGML_Q4_1: true,
  GGML_Q5_0: true,
  GGML_Q5_1: true,
  GGML_Q8_0: false,
  GGML_MXFP4: false,
}

/**
 * The largest error of a block, as a share of its length, of block types whose recipe is not recomputed. The addon has the
 * same table (`near_bound` in `rule.rs`).
 */
const BOUNDS: Readonly<Record<string, number>> = {
  GGML_IQ1_S: 0.95,
  GGML_IQ1_M: 0.95,
  GGML_IQ2_XXS: 0.95,
  GGML_Q2_K: 0.75,
  GGML_IQ2_XS: 0.75,
  GGML_IQ2_S: 0.75,
  GGML_Q3_K: 0.5,
  GGML_IQ3_XXS: 0.5,
  GGML_IQ3_S: 0.5,
  GGML_Q4_K: 0.25,
  GGML_IQ4_NL: 0.25,
  GGML_IQ4_XS: 0.25,
  GGML_NVFP4: 0.25,
  GGML_Q5_K: 0.125,
  GGML_Q6_K: 0.0625,
  GGML_TQ1_0: 0.0625,
  GGML_TQ2_0: 0.0625,
  GGML_Q8_1: 0.03125,
  GGML_Q8_K: 0.03125,
}

/** Return the rules between two dtypes, in the order in which they are tried; none if no rule is known. */
export function rulesBetween(from: string, to: string, offset: number | undefined): readonly DtypeRule[] {
  const floats = FLOATS[from] !== undefined && FLOATS[to] !== undefined
  if (offset !== undefined) {
    if (!floats) return []
    const added = `${offset} added in F32`
    const cast = from === to ? [] : castWords(from, to)
    return [
      { native: 'offset', verdict: 'offset', words: [added, ...cast] },
      ...(from === 'F16' || from === 'BF16'
        ? [
            {
              native: 'offset-narrow',
              verdict: 'offset',
              words: [`${offset} added in ${from}`, ...cast],
            } as const,
          ]
        : []),
    ]
  }
  if (from === to) return [{ native: 'copy', words: [] }]
  if (floats) {
    const through = from === 'F64' && to !== 'F32'
    const rules: DtypeRule[] = [{ native: 'cast', verdict: 'cast', words: castWords(from, to) }]
    return through
      ? [
          ...rules,
          {
            native: 'cast-through-single',
            verdict: 'cast',
            words: [`cast ${from} to F32`, ...castWords('F32', to)],
          },
        ]
      : rules
  }
  if (INTEGER.test(from) && INTEGER.test(to))
    return [{ native: 'cast', verdict: 'cast', words: [`cast ${from} to ${to}, the same numbers`] }]
  if (from.startsWith('GGML_') && FLOATS[to] !== undefined)
    return [
      {
        native: 'dequantise',
        verdict: 'cast',
        words: [`dequantised ${from.slice(5)} to ${to}, as ggml does it`],
      },
    ]
  if (FLOATS[from] === undefined) return []
  const bound = BOUNDS[to]
  if (bound !== undefined) {
    const words = [`quantised ${from} to ${to.slice(5)}, dequantised and compared`]
    return [{ native: 'near', verdict: 'quantised', words, bound }]
  }
  const fused = RECIPES[to]
  if (fused === undefined) return []
  const words = `quantised ${from} to ${to.slice(5)}, recomputed bit by bit`
  return [
    { native: 'quantise', verdict: 'quantised', words: [words] },
    ...(fused
      ? [
          {
            native: 'quantise-fused',
            verdict: 'quantised',
            words: [`${words} (products and sums rounded once)`],
          } as const,
        ]
      : []),
  ]
}

function castWords(from: string, to: string): string[] {
  const [a = [0, 0], b = [0, 0]] = [FLOATS[from], FLOATS[to]]
  const exact = a[0] <= b[0] && a[1] <= b[1]
  return [`cast ${from} to ${to}, ${exact ? 'exact' : 'rounded to nearest even'}`]
}

/** Why no rule is known between two dtypes. */
export function noRule(from: string, to: string): string {
  return to.startsWith('GGML_') && RECIPES[to] === undefined && BOUNDS[to] === undefined
    ? `the recipe of ${to.slice(5)} is not recomputed`
    : `no rule from ${from} to ${to} is known`
}

/** The tensors beside codes, and what the configuration says of them. */
export interface CodesBy {
  readonly scales: string
  readonly zeros?: string
  readonly order?: string
  /** Stated bits of a code. Absent where nothing is stated. */
  readonly bits?: number
  /** Stated inputs of a group. Absent where nothing is stated, and for one group of all inputs. */
  readonly group?: number
}

/** One check: a tensor, where its elements come from, and how. */
export interface CheckRequest {
  readonly target: TensorForm
  readonly hypothesis: Hypothesis<TensorForm>
  readonly rule: NativeDerivationRule
  readonly adapter?: { readonly down: string; readonly up: string; readonly scaling: number }
  readonly codes?: CodesBy
}

/** Outcomes by the check that they are of, as JSON. */
export type MadeChecks = ReadonlyMap<string, NativeDerivationOutcome>

/** The files of the models that take part. */
export interface DerivationFiles {
  readonly before: readonly string[]
  readonly after: readonly string[]
  readonly adapter: readonly string[]
  readonly lenient: boolean
}

/** Make checks, but those that are made; the outcomes are in their order. */
export async function runChecks(
  files: DerivationFiles,
  requests: readonly CheckRequest[],
  options: JobOptions,
  made: MadeChecks = new Map(),
): Promise<readonly NativeDerivationOutcome[]> {
  const all = requests.map((request) => {
    const check = toNative(request)
    return { check, known: made.get(JSON.stringify(check)) }
  })
  const checks = all.flatMap(({ check, known }) => (known === undefined ? [check] : []))
  if (checks.length === 0) return all.flatMap(({ known }) => known ?? [])
  const { outcomes } = await runJob(options, (job, threads) =>
    native.checkDerivations(job, toPaths(files), checks, threads),
  )
  const rest = outcomes.values()
  return all.flatMap(({ known }) => known ?? rest.next().value ?? [])
}

/** Digests of two models, and the outcomes of checks that were made in the same read. */
export interface HashedAndChecked {
  readonly known: readonly NativeKnownFile[]
  readonly made: MadeChecks
}

/** Hash both models, and make the checks that the same read allows. */
export async function hashAndCheck(
  files: DerivationFiles,
  requests: readonly CheckRequest[],
  options: JobOptions,
): Promise<HashedAndChecked> {
  const checks = requests.map(toNative)
  const { known, made, outcomes } = await runJob(options, (job, threads) =>
    native.hashAndCheck(job, toPaths(files), checks, threads),
  )
  const entries = made.flatMap((index, at) => {
    const outcome = outcomes[at]
    return outcome === undefined ? [] : [[JSON.stringify(checks[index]), outcome] as const]
  })
  return { known, made: new Map(entries) }
}

function toNative({ target, hypothesis, rule, adapter, codes }: CheckRequest): NativeDerivationCheck {
  return {
    target: target.name,
    sources: hypothesis.layout,
    rule,
    constant: adapter?.scaling ?? hypothesis.offset ?? 0,
    adapterDown: adapter?.down ?? '',
    adapterUp: adapter?.up ?? '',
    scales: codes?.scales ?? '',
    zeros: codes?.zeros ?? '',
    order: codes?.order ?? '',
    bits: codes?.bits ?? 0,
    group: codes?.group ?? 0,
  }
}

function toPaths({ before, after, adapter, lenient }: DerivationFiles): NativeDerivationFiles {
  return { before: [...before], after: [...after], adapter: [...adapter], lenient }
}

/** A form of tensors of the first model whose digest is looked for in the second. */
export interface Form {
  readonly hypothesis: Pick<Hypothesis, 'layout' | 'offset'>
  readonly rule: NativeDerivationRule
  readonly dtype: string
}

/** Compute the digests of forms as hexadecimal digits; `undefined` for one that cannot be made. */
export async function hashForms(
  files: DerivationFiles,
  forms: readonly Form[],
  algorithm: 'blake3' | 'sha256',
  options: JobOptions,
): Promise<readonly (string | undefined)[]> {
  if (forms.length === 0) return []
  const wanted = forms.map(({ hypothesis, rule, dtype }): NativeDerivedForm => ({
    sources: hypothesis.layout,
    rule,
    constant: hypothesis.offset ?? 0,
    dtype,
  }))
  const { digests, known } = await runJob(options, (job, threads) =>
    native.hashDerived(job, [...files.before], files.lenient, wanted, algorithm, threads),
  )
  return forms.map((_, index) =>
    known[index] === 1
      ? Buffer.from(digests.subarray(index * 32, index * 32 + 32)).toString('hex')
      : undefined,
  )
}
