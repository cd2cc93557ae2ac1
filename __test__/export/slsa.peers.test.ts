import { expect, test } from 'vitest'
import { slsaStatement } from '../../src/export/slsa.ts'
import { sourceOf } from '../../src/export/source.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { hasPeer, runPeer } from './peers.ts'
import { makeRun } from './slsa-run.ts'

const VALIDATOR = `
import json, sys
from google.protobuf.json_format import MessageToDict, ParseDict
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
given = json.load(open(sys.argv[1]))
statement = ParseDict(given, statement_pb2.Statement())
Statement.copy_from_pb(statement).validate()
predicate = ParseDict(given["predicate"], provenance_pb2.Provenance())
print("FOUND" + json.dumps([MessageToDict(statement)["subject"], MessageToDict(predicate)]))
`

test.skipIf(!hasPeer('validators')).each(['both', 'blake3', undefined] as const)(
  "in-toto's own types take the statement, and nothing is lost in them (%s)",
  { timeout: 120_000 },
  async (algorithm) => {
    const run = await (algorithm === undefined ? finished(folderOf()) : makeRun(algorithm))
    const { statement } = slsaStatement(sourceOf(run))
    const cwd = folderOf({ 'statement.json': JSON.stringify(statement) })
    const { code, output } = await runPeer('validators', ['-c', VALIDATOR, 'statement.json'], { cwd })
    expect(code, output).toBe(0)
    expect(JSON.parse(output.slice(output.indexOf('FOUND') + 5))).toEqual([
      statement['subject'],
      statement['predicate'],
    ])
  },
)
