/** Field numbers, and records, as the real descriptors of the installed package wandb have them. */
import { expect, test } from 'vitest'
import { WANDB_PROTO } from '../../../src/export/wandb/proto.ts'
import { TIMESTAMP } from '../../../src/export/wandb/protobuf.ts'
import { RecordMaker } from '../../../src/export/wandb/records.ts'
import { folderOf } from '../../support/folder.ts'
import { hasPeer, runPeer } from '../peers.ts'

/** Prints the version, the field numbers of every message, the policies, and the records of the first argument. */
const DESCRIBE = `
import base64, json, sys
from google.protobuf import json_format, timestamp_pb2
import wandb
from wandb.proto import wandb_internal_pb2 as proto

def numbers(descriptor):
    return {field.name: field.number for field in descriptor.fields}

def decode(text):
    record = proto.Record.FromString(base64.b64decode(text))
    return json_format.MessageToDict(record, preserving_proto_field_name=True)

print(json.dumps({
    "version": wandb.__version__,
    "file": proto.DESCRIPTOR.name,
    "messages": {name: numbers(one) for name, one in proto.DESCRIPTOR.message_types_by_name.items()},
    "timestamp": numbers(timestamp_pb2.Timestamp.DESCRIPTOR),
    "policies": dict(proto.FilesItem.PolicyType.items()),
    "records": [decode(text) for text in json.loads(sys.argv[1])],
}))
`

interface Described {
  readonly version: string
  readonly file: string
  readonly messages: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly timestamp: Readonly<Record<string, number>>
  readonly policies: Readonly<Record<string, number>>
  readonly records: readonly unknown[]
}

async function describeProto(records: readonly Buffer[]): Promise<Described> {
  const encoded = JSON.stringify(records.map((bytes) => bytes.toString('base64')))
  const { code, output } = await runPeer('wandb', ['-c', DESCRIBE, encoded], { cwd: folderOf({}) })
  expect({ code, output }).toMatchObject({ code: 0 })
  return JSON.parse(output) as Described
}

test.skipIf(!hasPeer('wandb'))(
  'each field number is that of the installed package, and each record reads back as what it says',
  async () => {
    const maker = new RecordMaker()
    const found = await describeProto([
      maker.header('lineaprint 1'),
      maker.run({
        id: 'run-1',
        project: 'p',
        entity: 'e',
        name: 'n',
        notes: 'two\nlines',
        tags: ['a', 'ä'],
        host: 'h',
        startTime: 1500,
        commit: 'c'.repeat(40),
        remote: 'https://example.org/r',
        config: { lr: 0.1 },
      }),
      maker.environment({
        writer: 'w',
        os: 'Linux',
        python: '3.12.1',
        startTime: 2000,
        program: 'train.py',
        args: ['--lr', '1'],
        directory: '/d',
        host: 'h',
        commit: 'c'.repeat(40),
        remote: undefined,
      }),
      maker.history(-7, { loss: NaN }),
      maker.summary({ loss: 0.5 }),
      maker.files(['metrics.svg']),
      maker.exit(1, 12),
      maker.final(),
      maker.footer(),
    ])

    expect({ version: found.version, file: found.file }).toEqual({
      version: WANDB_PROTO.version,
      file: WANDB_PROTO.file,
    })
    for (const [message, fields] of Object.entries(WANDB_PROTO.messages))
      expect({ message, fields: found.messages[message] }).toMatchObject({ message, fields })
    expect(found.policies).toMatchObject(WANDB_PROTO.policies)
    expect(found.timestamp).toEqual(TIMESTAMP)

    expect(found.records).toEqual([
      { num: '1', header: { version_info: { producer: 'lineaprint 1' } } },
      {
        num: '2',
        run: {
          run_id: 'run-1',
          entity: 'e',
          project: 'p',
          config: { update: [{ key: 'lr', value_json: '0.1' }] },
          display_name: 'n',
          notes: 'two\nlines',
          tags: ['a', 'ä'],
          host: 'h',
          start_time: '1970-01-01T00:00:01.500Z',
          git: { remote_url: 'https://example.org/r', commit: 'c'.repeat(40) },
        },
      },
      {
        num: '3',
        environment: {
          os: 'Linux',
          python: '3.12.1',
          started_at: '1970-01-01T00:00:02Z',
          args: ['--lr', '1'],
          program: 'train.py',
          git: { commit: 'c'.repeat(40) },
          root: '/d',
          host: 'h',
          writer_id: 'w',
        },
      },
      {
        num: '4',
        history: { item: [{ key: 'loss', value_json: 'NaN' }], step: { num: '-7' } },
      },
      { num: '5', summary: { update: [{ key: 'loss', value_json: '0.5' }] } },
      { num: '6', files: { files: [{ path: 'metrics.svg', policy: 'END' }] } },
      { num: '7', exit: { exit_code: 1, runtime: 12 } },
      { num: '8', final: {} },
      { num: '9', footer: {} },
    ])
  },
  120_000,
)
