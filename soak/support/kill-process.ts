/** Ending a process as the system ends one that has too much memory. */
import type { ChildProcess } from 'node:child_process'

/** Kill a process, unless there is none or it has ended, and wait until its streams are closed. */
export async function killProcess(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((done) => child.once('close', done))
  child.kill('SIGKILL')
  await ended
}
