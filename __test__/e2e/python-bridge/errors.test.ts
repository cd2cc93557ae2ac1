/** Errors of the Python package that cross from one process to another. */
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { plainPython } from './support.ts'

const SOURCE = `import concurrent.futures, pickle, lineaprint
from _lineaprint import _errors
made = [
    lineaprint.LineaprintError("ERR_LINEAPRINT_STORE", "m"), _errors.StateNotFound("a"), _errors.StateCorrupt("b"),
    _errors.StateIncomplete("c"), lineaprint.TensorMismatch("f", [("w", "x", "y"), ("v", "1", "2")]),
]
kinds = {kind for kind in vars(_errors).values() if isinstance(kind, type) and issubclass(kind, lineaprint.LineaprintError)}
def fails():
    raise made[-1]
`

test('every error is restored as it was, also by a pool of processes', () => {
  const source = `${SOURCE}
if __name__ == "__main__":
    again = [pickle.loads(pickle.dumps(error)) for error in made]
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        caught = pool.submit(fails).exception(60)
    print(json.dumps([
        kinds == {type(error) for error in made},
        all(type(a) is type(b) and str(a) == str(b) and a.args == b.args and vars(a) == vars(b) for a, b in zip(made, again)),
        type(caught).__name__, caught.code, caught.tensor, str(caught) == str(made[-1]),
    ]))
`
  const [all] = plainPython(`import json\n${source}`, folderOf())
  expect(all).toEqual([true, true, 'TensorMismatch', 'ERR_LINEAPRINT_MISMATCH', 'w', true])
})
