/** The programs that run, to kill if this process exits first. Otherwise a program that hangs would outlive it. */
const running = new Set<() => void>()

/**
 * Kill a program if this process exits before it ends.
 *
 * @param kill Kills it. Called at the exit of the process, so it must not wait.
 * @returns The function to call when the program has ended.
 */
export function killAtExit(kill: () => void): () => void {
  if (running.size === 0) process.on('exit', killAll)
  running.add(kill)
  return () => {
    running.delete(kill)
    if (running.size === 0) process.off('exit', killAll)
  }
}

function killAll(): void {
  for (const kill of running) kill()
}
