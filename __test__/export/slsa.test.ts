import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { slsaStatement } from '../../src/export/slsa.ts'
import { sourceOf } from '../../src/export/source.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { makeRun } from './slsa-run.ts'

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
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
  expect(warnings).toEqual([expect.stringMatching(/^no SHA-256 is known for out folder,/)])
  expect(JSON.stringify(statement)).not.toContain('hunter2')
})

test('files without a SHA-256 are a warning, and the subject of a run without outputs is its record', async () => {
  const { warnings } = slsaStatement(sourceOf(await makeRun('blake3')))
  expect(warnings).toEqual([expect.stringMatching(/^no SHA-256 is known for out, out folder,/)])
  const empty = await finished(folderOf())
  const { statement, warnings: none } = slsaStatement(sourceOf(empty))
  expect(none).toEqual([])
  expect(statement['subject']).toEqual([{ name: 'run.json', digest: { sha256: sha256(empty.recordBytes) } }])
})
