/** What differs between an entry as it was and as it is. */
import { targetOf } from './roots.ts'
import type { LineaprintError } from '../core/errors.ts'
import type { ManifestEntry } from './document.ts'

/** What differs, in a few words; `undefined` if nothing does. */
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

/** Return the message of an error without the path, which the finding has as a field. */
export function messageWithoutPath({ path, message }: LineaprintError): string {
  return path !== undefined && message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message
}
