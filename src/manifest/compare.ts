/** Comparison of a recorded entry with the present one. */
import { targetOf } from './roots.ts'
import type { LineaprintError } from '../core/errors.ts'
import type { ManifestEntry } from './document.ts'

/** Describe the difference in a few words; `undefined` if there is none. */
export function differenceOf(recorded: ManifestEntry, present: ManifestEntry): string | undefined {
  if (recorded.type !== present.type)
    return recorded.type === 'file' ? 'was a file and is a link' : 'was a link and is a file'
  if (recorded.type === 'link') {
    if (targetOf(recorded).equals(targetOf(present))) return undefined
    return `its target was ${JSON.stringify(recorded.target)} and is ${JSON.stringify(present.target)}`
  }
  if (recorded.size !== present.size) return `it had ${recorded.size} bytes and has ${present.size}`
  const equal = (['blake3', 'sha256'] as const).every(
    (name) => recorded.digests[name]?.hex === present.digests[name]?.hex,
  )
  return equal ? undefined : 'its content differs'
}

/** Return the message of an error without the path, which the finding has as a field. */
export function messageWithoutPath({ path, message }: LineaprintError): string {
  return path !== undefined && message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message
}
