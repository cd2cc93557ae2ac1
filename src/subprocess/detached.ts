/** Programs that go on by themselves. */
import { spawn } from 'node:child_process'

/**
 * Start a program that goes on by itself, without input and output.
 *
 * @returns False if it cannot be started.
 */
export async function startDetached(program: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(program, args, { stdio: 'ignore', detached: true })
  const isStarted = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(true))
    child.once('error', () => resolve(false))
  })
  child.unref()
  return isStarted
}
