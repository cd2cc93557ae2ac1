/** Names of metrics that measure how long something took. No two runs have the same values. */

/** Last words of such names, such as `train_runtime`. */
const LAST_WORDS: ReadonlySet<string> = new Set([
  'duration',
  'elapsed',
  'eta',
  'fps',
  'ms',
  'runtime',
  'throughput',
  'time',
  'timestamp',
])

const UNITS: ReadonlySet<string> = new Set(['second', 'seconds', 'sec', 'secs', 'minute', 'hour'])

/** Check whether the name of a metric says that it is a duration or a rate: `eval_samples_per_second`. */
export function isDurationName(name: string): boolean {
  const words = name.toLowerCase().match(/[a-z]+/g) ?? []
  const [before = '', last = ''] = words.slice(-2)
  const only = words.length === 1 ? before : last
  return LAST_WORDS.has(only) || (UNITS.has(only) && words.length > 1 && before === 'per')
}
