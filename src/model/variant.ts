/** The names that diffusers and transformers give to the weights of a component, and to variants of them. */

/** Names without suffix, in the order in which they are tried. */
const STEMS = ['diffusion_pytorch_model', 'model', 'pytorch_model', 'diffusion_flax_model', 'flax_model']

/** Suffixes of weights files, in the order of their families, and whether a shard index can stand for several. */
const SUFFIXES = [
  { suffix: 'safetensors', hasIndex: true },
  { suffix: 'bin', hasIndex: true },
  { suffix: 'msgpack', hasIndex: false },
] as const

/**
 * Return the one file of weights, or shard index, that a component has of a variant.
 *
 * @param names The names in its folder.
 * @param variant For example `fp16`; absent for weights that are no variant.
 * @returns `undefined` if there is none, or more than one.
 */
export function variantWeights(names: readonly string[], variant: string | undefined): string | undefined {
  const inName = variant === undefined ? '' : `.${variant}`
  for (const { suffix, hasIndex } of SUFFIXES) {
    const wanted = STEMS.flatMap((stem) => [
      `${stem}${inName}.${suffix}`,
      ...(hasIndex ? [`${stem}.${suffix}.index${inName}.json`] : []),
    ])
    const present = wanted.filter((name) => names.includes(name))
    if (present.length > 0) return present.length === 1 ? present[0] : undefined
  }
  return undefined
}
