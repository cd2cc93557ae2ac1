import { expect, test } from 'vitest'
import { verifyCommand } from '../../src/verify/command.ts'
import type { RunRecord } from '../../src/record/record.ts'

/** A record of a run of this command. */
function recordOf(argv: readonly string[]): RunRecord {
  return { command: { argv } } as unknown as RunRecord
}

test.each<[readonly string[], readonly string[], readonly string[]]>([
  [['a', '--lr', '1'], ['a', '--lr', '1'], ['argv same']],
  [['a', '--lr', '1'], ['a', '--lr', '2'], ['argv changed']],
  [
    ['a', '--auth', '<redacted>'],
    ['a', '--auth', 'hunter2'],
    ['argv same', 'secrets not-checked'],
  ],
  // A run with --no-redact, or of a version that recognised fewer secrets.
  [['a', '--auth', 'hunter2'], ['a', '--auth', 'hunter2'], ['argv same']],
  [['a', '--auth', 'hunter2'], ['a', '--auth', 'hunter3'], ['argv changed']],
])('%j recorded, %j now', (recorded, current, answer) => {
  const items = verifyCommand(recordOf(recorded), current)
  expect(items.map(({ name, status }) => `${name} ${status}`)).toEqual(answer)
  expect(JSON.stringify(items)).not.toContain('hunter3')
})
