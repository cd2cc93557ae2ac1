/** The folders in which programs are searched that lineaprint starts to look at a folder of somebody else. */
import { delimiter, isAbsolute } from 'node:path'

/**
 * Return the variables with only the absolute folders of `PATH`. An empty or relative part is a folder of the working
 * directory, which may have a `git` of its own.
 */
export function withAbsolutePath(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH: path, ...rest } = variables
  if (path === undefined) return variables
  const parts = path.split(delimiter)
  const kept = parts.filter((part) => isAbsolute(part))
  if (kept.length === parts.length) return variables
  // An empty value would be the working directory. Without the variable the system searches its own folders.
  return kept.length === 0 ? rest : { ...rest, PATH: kept.join(delimiter) }
}
