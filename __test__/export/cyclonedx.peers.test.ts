import { expect, test } from 'vitest'
import { cyclonedxBill } from '../../src/export/cyclonedx.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { makeRecord } from './cyclonedx-record.ts'
import { hasPeer, runPeer } from './peers.ts'

const VALIDATOR = `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)
`

test.skipIf(!hasPeer('validators'))(
  "CycloneDX's own strict validator finds no fault",
  { timeout: 120_000 },
  async () => {
    const empty = (await finished(folderOf())).record
    for (const record of [await makeRecord(), empty]) {
      const cwd = folderOf({ 'bill.json': JSON.stringify(cyclonedxBill(record)) })
      const { code, output } = await runPeer('validators', ['-c', VALIDATOR, 'bill.json'], { cwd })
      expect({ code, output }).toEqual({ code: 0, output: '' })
    }
    const cwd = folderOf({
      'bill.json': JSON.stringify({ ...cyclonedxBill(empty), components: [{ type: 'model' }] }),
    })
    expect((await runPeer('validators', ['-c', VALIDATOR, 'bill.json'], { cwd })).code).toBe(1)
  },
)
