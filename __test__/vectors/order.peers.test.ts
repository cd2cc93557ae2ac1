import { expect, test } from 'vitest'
import { isKept } from '../../src/tracking/sample-order.ts'
import { runPython } from './python.ts'

// The program that a run loads is compared with the same file.
const SCRIPT = `
import base64, json, sys
sys.path.insert(0, "python")
import numpy
from lineaprint._batches import Order
def value(written):
    if isinstance(written, list):
        return [value(item) for item in written]
    if not isinstance(written, dict):
        return written
    if "map" in written:
        return {key: value(item) for key, item in written["map"].items()}
    if "float" in written:
        return float(written["float"])
    if "bytes" in written:
        return base64.b64decode(written["bytes"])
    array = written["array"]
    kind = {"U8": "u1", "I16": "<i2", "F32": "<f4", "I64": "<i8"}[array["dtype"]]
    return numpy.frombuffer(base64.b64decode(array["data"]), kind).reshape(array["shape"])
for case in json.load(open("vectors/order.json"))["cases"]:
    order = Order(None, case.get("samples"))
    chain = []
    for batch in case["batches"]:
        order.add(value(batch))
        chain.append(order.chain.hex())
    found = [chain, order.samples, order.is_separated, order.content().hex()]
    expected = [case["order"], case["count"], case["separated"], case["content"]]
    assert found == expected, (case["name"], found, expected)
print("every case agrees")
`

test('Python has the same digests', () => {
  expect(runPython(['-c', SCRIPT])).toEqual({ status: 0, output: 'every case agrees\n' })
})

test('Python keeps the digests of the same batches of a long epoch', () => {
  const program =
    'import sys; sys.path.insert(0, "python"); from lineaprint._batches import is_kept; print([k for k in range(1, 70000) if is_kept(k)])'
  const kept = Array.from({ length: 69_999 }, (_, index) => index + 1).filter(isKept)
  expect(runPython(['-c', program])).toEqual({ status: 0, output: `[${kept.join(', ')}]\n` })
})
