/** Comparison of a recorded entry with the present one. */
import { targetOf } from './roots.ts'
import type { LineaprintError } from '../core/errors.ts'
import type { ManifestEntry } from './document.ts'

/** Describe the difference in a few words; `undefined` if there is none. */
export function differenceOf(was: ManifestEntry, is: ManifestEntry): string | undefined {
  if (was.type !== is.type)
    return was.type === 'file' ? 'a link stands where a file was' : 'a file stands where a link was'
  if (was.type === 'link') {
    if (targetOf(was).equals(targetOf(is))) return undefined
    return `it led to ${JSON.stringify(was.target)} and leads to ${JSON.stringify(is.target)}`
  }
  if (was.size !== is.size) return `it had ${was.size} bytes and has ${is.size}`
  const equal = (['blake3', 'sha256'] as const).every(
    (name) => was.digests[name]?.hex === is.digests[name]?.hex,
  )
  return equal ? undefined : 'its content differs'
}

/** Return the message of an error without the path, which is shown next to it. */
export function reasonOf({ path, message }: LineaprintError): string {
  return path !== undefined && message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message
}
