// The declarations of a package: those that its public types need, and no others. What only the inside needs would name
// packages that a user may not have.
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Remove the declarations that the public ones do not reach. */
export function keepPublicTypes(dist) {
  const reached = new Set([resolve(dist, 'index.d.ts')])
  for (const file of reached) {
    const imports = readFileSync(file, 'utf8').matchAll(/\b(?:from|import)\s*\(?['"](\.[^'"]+)\.[jt]s['"]/g)
    for (const [, target] of imports) {
      const path = `${resolve(dirname(file), target)}.d.ts`
      // The addon's are not there yet.
      if (path.startsWith(resolve(dist)) || existsSync(path)) reached.add(path)
    }
  }
  for (const name of readdirSync(dist, { recursive: true })) {
    const path = join(dist, name)
    if (name.endsWith('.d.ts') && !reached.has(resolve(path))) rmSync(path)
  }
}
