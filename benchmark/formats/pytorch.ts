/** PyTorch checkpoints: a `state_dict` as `torch.save` writes it, as zip and in the form of before 1.6. */
import { Output, uint } from './output.ts'
import { ZipWriter } from './zip.ts'
import type { TensorPlan } from './output.ts'

const PROTO = Buffer.from([0x80, 2])
const STOP = Buffer.from('.')

/** Write `model.pt`: a zip archive with a member for each storage. */
export function writePyTorchZip(path: string, plans: readonly TensorPlan[]): void {
  const zip = new ZipWriter(path)
  zip.add('model/data.pkl', stateDict(plans, []))
  zip.add('model/byteorder', Buffer.from('little'))
  for (const [index, plan] of plans.entries())
    zip.add(`model/data/${index}`, plan.content(), { alignment: 64 })
  zip.add('model/version', Buffer.from('3\n'))
  zip.close()
}

/** Write `model.pt` as PyTorch did before 1.6: pickles one after the other, then the storages. */
export function writePyTorchLegacy(path: string, plans: readonly TensorPlan[]): void {
  const output = new Output(path)
  const magic = Buffer.from([0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19])
  const system = [
    dictionary([
      [text('little_endian'), Buffer.from([0x88])],
      [text('protocol_version'), Buffer.concat([Buffer.from('M'), uint(1001, 2)])],
      [
        text('type_sizes'),
        dictionary(['short', 'int', 'long'].map((name, at) => [text(name), small([2, 4, 4][at] ?? 0)])),
      ],
    ]),
  ]
  const keys = plans.map((_, index) => text(String(index)))
  output.write(PROTO, magic, STOP)
  output.write(PROTO, Buffer.from('M'), uint(1001, 2), STOP)
  output.write(PROTO, ...system, STOP)
  output.write(stateDict(plans, [Buffer.from('N')]))
  output.write(PROTO, Buffer.concat([Buffer.from(']('), ...keys, Buffer.from('e'), STOP]))
  for (const plan of plans) output.write(uint(plan.bytes / 4, 8), plan.content())
  output.close()
}

/** Return the pickle of an `OrderedDict` of tensors; `view` is what ends the identifier of a storage in the old form. */
function stateDict(plans: readonly TensorPlan[], view: readonly Buffer[]): Buffer {
  const known = new Map<string, number>()
  /** Name a global; as in the pickles of Python, each later time by its number in the memo. */
  const global = (module: string, name: string): Buffer => {
    const line = `c${module}\n${name}\n`
    const number = known.get(line)
    if (number !== undefined) return Buffer.from([0x68, number])
    known.set(line, known.size)
    return Buffer.concat([Buffer.from(line), Buffer.from([0x71, known.size - 1])])
  }
  const parts = [PROTO, global('collections', 'OrderedDict'), Buffer.from(')R(')]
  for (const [index, { name, shape, bytes }] of plans.entries()) {
    const strides = shape.map((_, axis) =>
      shape.slice(axis + 1).reduce((product, length) => product * length, 1),
    )
    parts.push(
      text(name),
      global('torch._utils', '_rebuild_tensor_v2'),
      Buffer.from('(('),
      text('storage'),
      global('torch', 'FloatStorage'),
      text(String(index)),
      text('cpu'),
      integer(bytes / 4),
      ...view,
      Buffer.from('tQ'),
      integer(0),
      tuple(shape),
      tuple(strides),
      Buffer.from([0x89]),
      global('collections', 'OrderedDict'),
      Buffer.from(')RtR'),
    )
  }
  return Buffer.concat([...parts, Buffer.from('u.')])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from('X'), uint(bytes.length, 4), bytes])
}

function small(value: number): Buffer {
  return Buffer.concat([Buffer.from('K'), uint(value, 1)])
}

function integer(value: number): Buffer {
  return Buffer.concat([Buffer.from('J'), uint(value, 4)])
}

function tuple(values: readonly number[]): Buffer {
  return Buffer.concat([Buffer.from('('), ...values.map((value) => integer(value)), Buffer.from('t')])
}

function dictionary(items: readonly (readonly [Buffer, Buffer])[]): Buffer {
  return Buffer.concat([Buffer.from('}('), ...items.flat(), Buffer.from('u')])
}
