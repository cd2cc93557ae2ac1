import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { slsaStatement } from '../../src/export/slsa.ts'
import { sourceOf } from '../../src/export/source.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { hasPeer, runPeer } from './peers.ts'
import { repositoryOf } from './repository.ts'
import type { AlgorithmChoice } from '../../src/core/digest.ts'
import type { StoredRun } from '../../src/store/runs.ts'

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

async function makeRun(algorithm: AlgorithmChoice): Promise<StoredRun> {
  const root = repositoryOf({
    'data.csv': 'a\n1\n',
    'folder/x': 'x',
    'model/model.safetensors': safetensors({ w: floats([1]) }),
  })
  writeFileSync(join(root, 'data.csv'), 'a\n2\n')
  const options = { algorithm, enableGitTracking: true, experimentName: 'e', metadata: { lr: NaN } }
  return finished(root, options, async (tracker) => {
    await tracker.trackDataset('data.csv', 'data')
    await tracker.trackDataset('folder', 'folder')
    await tracker.trackModel('model', 'base')
    await tracker.setSeeds(42)
    writeFileSync(join(root, 'out.bin'), 'result')
    await tracker.trackOutput('out.bin', 'out')
    await tracker.trackOutput('folder', 'out folder')
  })
}

test('outputs are the subjects, inputs and code the dependencies', async () => {
  const run = await makeRun('both')
  const { statement, warnings } = slsaStatement(sourceOf(run))
  const place = run.record.command.workingDirectory
  const git = run.record.captures['git']
  const commit = git?.status === 'captured' ? git.value['commit'] : undefined
  expect(statement).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      { name: 'out', uri: `file://${place}/out.bin`, digest: { sha256: sha256('result') } },
      { name: 'out folder', digest: { 'tree.v1.sha256': expect.any(String) as string } },
    ],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        externalParameters: { command: run.record.command.argv, metadata: { lr: 'NaN' }, experiment: 'e' },
        resolvedDependencies: [
          {
            name: 'code',
            uri: 'git+https://git.example/repo.git@refs/heads/trunk',
            digest: { gitCommit: commit },
            annotations: { clean: false },
          },
          { name: 'datasets/data', digest: { sha256: sha256('a\n2\n') } },
          { name: 'datasets/folder' },
          { name: 'models/base', digest: { 'weights.v1.sha256': expect.any(String) as string } },
          { name: 'captures/git' },
        ],
      },
      runDetails: {
        metadata: {
          invocationId: run.id,
          startedOn: run.record.startedAt,
          finishedOn: run.record.finishedAt,
        },
        byproducts: expect.arrayContaining([
          { name: 'run.json', digest: { sha256: sha256(run.recordBytes) } },
          expect.objectContaining({
            name: 'events.jsonl',
            digest: expect.objectContaining({
              sha256: sha256(readFileSync(join(run.folder, 'events.jsonl'))),
            }) as object,
          }),
        ]) as unknown[],
      },
    },
  })
  expect(warnings).toEqual([expect.stringMatching(/^no SHA-256 is known of out folder,/)])
  expect(JSON.stringify(statement)).not.toContain('hunter2')
})

test('what has no SHA-256 is said, and a run without outputs stands for itself', async () => {
  const { warnings } = slsaStatement(sourceOf(await makeRun('blake3')))
  expect(warnings).toEqual([expect.stringMatching(/^no SHA-256 is known of out, out folder,/)])
  const empty = await finished(folderOf())
  const { statement, warnings: none } = slsaStatement(sourceOf(empty))
  expect(none).toEqual([])
  expect(statement['subject']).toEqual([{ name: 'run.json', digest: { sha256: sha256(empty.recordBytes) } }])
})

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
