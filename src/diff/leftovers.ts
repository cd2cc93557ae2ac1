/** Files that a run wrote below its work tree without declaring them, and that another run then found there. */
import type { RunRecord } from '../record/record.ts'

const PREFIX = 'git.untracked.'

/**
 * Return a function that says who wrote the untracked file of a field; `undefined` if neither run lists it among the
 * files that appeared while it ran. It is then as likely a result as a cause: somebody may have made it meanwhile.
 */
export function leftoverFiles(
  before: RunRecord,
  after: RunRecord,
): (field: string) => 'first' | 'second' | undefined {
  const [first, second] = [undeclaredOutputs(before), undeclaredOutputs(after)]
  return (field) => {
    if (!field.startsWith(PREFIX)) return undefined
    const path = field.slice(PREFIX.length)
    if (first.has(path)) return 'first'
    return second.has(path) ? 'second' : undefined
  }
}

function undeclaredOutputs({ flags = [] }: RunRecord): ReadonlySet<string> {
  return new Set(flags.flatMap(({ kind, paths = [] }) => (kind === 'undeclared-output' ? paths : [])))
}
