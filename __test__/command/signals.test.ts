import { afterEach, expect, test, vi } from 'vitest'
import { SignalRelay, signalExitCode } from '../../src/command/signals.ts'

/** A command whose witness has received what `counts` says. */
class Command {
  readonly counts: Record<string, number> = {}
  readonly passed: string[] = []

  kill(signal: string): void {
    this.passed.push(signal)
  }

  received(signal: string): Promise<number | undefined> {
    return Promise.resolve(this.counts[signal] ?? 0)
  }
}

const relays: SignalRelay[] = []
afterEach(() => relays.splice(0).forEach((relay) => relay.close()))

function start(): { relay: SignalRelay; command: Command } {
  const [relay, command] = [new SignalRelay(), new Command()]
  relays.push(relay)
  relay.forwardTo(command)
  return { relay, command }
}

function send(signal: NodeJS.Signals): void {
  process.emit(signal, signal)
}

const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 100))

test('a signal to this process alone is passed on, each time', async () => {
  const { relay, command } = start()
  for (const signal of ['SIGUSR1', 'SIGTERM', 'SIGTERM'] as const) {
    send(signal)
    await settle()
  }
  expect(command.passed).toEqual(['SIGUSR1', 'SIGTERM', 'SIGTERM'])
  expect(relay.ending).toBe('SIGTERM')
  expect(relay.work.aborted).toBe(false)
})

test('a signal to the group is not passed on, and one to this process after it is', async () => {
  const { command } = start()
  command.counts['SIGINT'] = 1
  send('SIGINT')
  await settle()
  expect(command.passed).toEqual([])
  send('SIGINT')
  await settle()
  expect(command.passed).toEqual(['SIGINT'])
})

test('a signal that reaches the witness a moment later was for all as well', async () => {
  const { command } = start()
  const received = vi.spyOn(command, 'received').mockResolvedValueOnce(0).mockResolvedValueOnce(1)
  send('SIGTERM')
  await settle()
  expect(received).toHaveBeenCalledTimes(2)
  expect(command.passed).toEqual([])
})

test('signals that are sent to the group and to this process at once are one', async () => {
  const { command } = start()
  command.counts['SIGTERM'] = 1
  send('SIGTERM')
  send('SIGTERM')
  await settle()
  expect(command.passed).toEqual([])
})

test('a command that has ended gets nothing', async () => {
  const { command } = start()
  vi.spyOn(command, 'received').mockResolvedValue(undefined)
  send('SIGTERM')
  await settle()
  expect(command.passed).toEqual([])
})

test('signals of terminals and timers are listened to only beside a witness', () => {
  const before = process.listenerCount('SIGTSTP')
  const { relay } = start()
  expect(process.listenerCount('SIGTSTP')).toBe(before + 1)
  relay.forwardTo(undefined)
  expect(process.listenerCount('SIGTSTP')).toBe(before)
})

test('before and after the command a signal stops the work', () => {
  const { relay } = start()
  relay.forwardTo(undefined)
  send('SIGHUP')
  expect(relay.work.reason).toMatchObject({ signal: 'SIGHUP' })
})

test('the exit code of a signal is that of a shell', () => {
  expect(signalExitCode('SIGTERM')).toBe(143)
})
