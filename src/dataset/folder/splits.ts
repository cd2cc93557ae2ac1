/** Names of splits in the paths of files, as people and the writers of datasets give them. */

/** A shard as `datasets` and TensorFlow Datasets name it: split, number, and number of shards. */
const SHARD = /(?:^|\/)([A-Za-z][A-Za-z0-9_.-]*?)[-_.]([0-9]{5})-of-([0-9]{5})\.[^/]+$/

/** Words that name a split, with the name it then has. */
const WORDS: Readonly<Record<string, string>> = {
  train: 'train',
  training: 'train',
  valid: 'validation',
  validation: 'validation',
  val: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
  eval: 'test',
  evaluation: 'test',
}

/** The split of a file: none, one, or the several that its path names. */
export type SplitOfPath =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly name: string }
  | { readonly kind: 'several'; readonly names: readonly string[] }

/**
 * Return the split that a path below the folder names.
 *
 * A shard `NAME-00000-of-00002.parquet` is of the split that its name contains as a word, or of `NAME`. In any
 * other path the words {@link WORDS} count where they stand alone between separators: `train/a.csv`,
 * `data/test.csv`, `my-dev_2.csv`. `testimony.csv` names none.
 */
export function splitOfPath(path: string): SplitOfPath {
  const words = path.split(/[^A-Za-z]+/).map((word) => WORDS[word.toLowerCase()])
  const names = [...new Set(words.filter((name) => name !== undefined))]
  const [name] = names
  if (names.length > 1) return { kind: 'several', names }
  if (name !== undefined) return { kind: 'one', name }
  const shard = SHARD.exec(path)?.[1]
  return shard === undefined ? { kind: 'none' } : { kind: 'one', name: shard }
}
