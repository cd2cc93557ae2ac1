/** The bridge with a real PyTorch: seeds, states, tensors, and the capture of its build. */
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { objectAt, textAt } from '../capture/fixture.ts'
import { captureFrameworks } from '../capture/environment/fakes.ts'
import { restoresEverywhere } from '../e2e/python-bridge/restoring.ts'
import { programsOf, python, targetsOf } from '../e2e/python-bridge/support.ts'
import { FRAMEWORKS, PYTHON, SLOW } from './support.ts'
import type { JsonObject } from '../../src/core/json-value.ts'

test('save, draw, restore, draw the same, in a new process too', SLOW, async () => {
  const { first, next } = await restoresEverywhere({
    options: { interpreter: [PYTHON] },
    head: 'import torch, random\n',
    draw: '[torch.rand(3).tolist(), torch.randn(5).tolist(), torch.randperm(9).tolist(), random.random()]',
    names: ['torch', 'random'],
  })
  expect(next).toEqual([first, first])
})

test('the effective seed is the initial seed, however it was set', SLOW, async () => {
  for (const line of ['torch.manual_seed(1009)', 'torch.default_generator.manual_seed(1009)']) {
    const run = await python(`import torch\n${line}\ntorch.rand(1)`, {
      interpreter: [PYTHON],
      options: ['--seed', '77'],
    })
    expect(programsOf(run.record)[0]).toMatchObject({ ownSeeds: [{ name: 'torch', seed: '1009' }] })
  }
})

test.each([
  ['a moment', 'with torch.random.fork_rng(): torch.manual_seed(1); torch.rand(1)\ntorch.rand(1)'],
  ['a saved state', 's = torch.get_rng_state(); torch.rand(1); torch.set_rng_state(s); torch.rand(1)'],
  ['a generator of its own', 'torch.rand(1, generator=torch.Generator().manual_seed(3))'],
  [
    'another thread',
    'import threading; t = threading.Thread(target=torch.rand, args=(1,)); t.start(); t.join()',
  ],
])('what is no seed of the program: %s', SLOW, async (_, lines) => {
  const options = { interpreter: [PYTHON], options: ['--seed', '77'] }
  const { record } = await python(`import torch\n${lines}`, options)
  expect(record.warnings).toEqual([])
  expect(programsOf(record)[0]).not.toHaveProperty('ownSeeds')
  // Without a device, and unseeded by it, CUDA is not said to be seeded.
  expect(targetsOf(programsOf(record)[0])).toMatchObject({ torch: 'seeded', 'torch cuda': 'not-used' })
})

test('forked children that draw from one state are a warning', SLOW, async () => {
  // Both children work at the same time: one alone could take every task.
  const source = `import torch, multiprocessing
def work(_):
    both.wait()
    return torch.rand(1).item()
if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.rand(1)
    context = multiprocessing.get_context("fork")
    both = context.Barrier(2)
    with context.Pool(2) as pool:
        say(pool.map(work, range(8), chunksize=1))`
  const { record } = await python(source, { interpreter: [PYTHON], options: ['--seed', '77'] })
  expect(record.warnings).toEqual([
    expect.stringMatching(/^2 forked processes drew the same numbers from torch/),
  ])
})

test('seeded on import, deterministic on request', SLOW, async () => {
  const source = `import lineaprint, torch
say(torch.rand(1).item(), torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark)
lineaprint.set_seeds(42)
say(torch.rand(1).item())`
  const options = { interpreter: [PYTHON], options: ['--seed', '42', '--deterministic'] }
  const { said, record } = await python(source, options)
  expect(said).toEqual([0.8822692632675171, true, false, 0.8822692632675171])
  expect(targetsOf(programsOf(record)[0])).toMatchObject({ torch: 'seeded' })
})

test('BF16, buffers, ties, views and float8 as in the safetensors file', SLOW, async () => {
  const { said, stderr } = await python(
    `import lineaprint, torch
from safetensors.torch import save_file
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.tied = torch.nn.Linear(3, 4)
        self.tied.weight = self.a.weight
        self.brain = torch.nn.Parameter(torch.randn(5, 6).to(torch.bfloat16).t())
        self.register_buffer("empty", torch.zeros(0, 3))
        self.register_buffer("scalar", torch.tensor(2.5))
        self.register_buffer("small", torch.randn(4).to(torch.float8_e4m3fn))
        self.register_buffer("seen", torch.arange(3), persistent=False)
net = Net()
state = net.state_dict()
save_file({name: tensor.clone().contiguous() for name, tensor in state.items()}, "net.safetensors")
file = lineaprint.track_model("net.safetensors", "file")
def both(report): return [report["weights"], report["architecture"]]
say(both(file), both(lineaprint.track_model(net, "live")), both(lineaprint.track_model(state, "state")))
say(sorted(file["dtypes"]), file["tensorCount"], len(state))
with torch.no_grad(): net.norm.running_mean += 1
say(lineaprint.track_model(net, "changed buffer")["weights"] == file["weights"])
z = torch.tensor([1 + 2j, 3 - 4j])
say(lineaprint.track_dataset(z.conj(), "conj")["digest"] == lineaprint.track_dataset(z.conj().resolve_conj().clone(), "same")["digest"])
say(lineaprint.track_dataset(torch.arange(6).reshape(2, 3).t(), "view")["digest"] == lineaprint.track_dataset(torch.arange(6).reshape(2, 3).t().numpy(), "numpy")["digest"])
for bad in (torch.zeros(2, dtype=torch.complex128), torch.zeros(2, 2).to_sparse(), torch.empty(2, device="meta"), torch.zeros(2).as_subclass(type("Spread", (torch.Tensor,), {"full_tensor": None}))):
    try:
        lineaprint.track_dataset(bad, "bad")
    except lineaprint.LineaprintError as error:
        say(error.code)`,
    { interpreter: [PYTHON], env: { LINEAPRINT_STRICT: '1' } },
  )
  expect(stderr).not.toContain('Traceback')
  expect(said[1]).toEqual(said[0])
  expect(said[2]).toEqual(said[0])
  expect(said[3]).toEqual(['BF16', 'F32', 'F8_E4M3', 'I64'])
  expect(said[4]).toBe(said[5])
  expect(said.slice(6)).toEqual([
    false,
    true,
    true,
    ...(Array(4).fill('ERR_LINEAPRINT_UNSUPPORTED') as string[]),
  ])
})

test('the capture says what PyTorch itself says once it is loaded', SLOW, async () => {
  const program =
    'import json, torch; print(json.dumps([torch.__version__, torch.version.cuda, torch.backends.cudnn.version()]))'
  const shown = execFileSync(PYTHON, ['-c', program], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [release, cuda, cudnn] = JSON.parse(shown.toString()) as [string, string | null, number | null]
  const value = await captureFrameworks({ ...process.env, VIRTUAL_ENV: FRAMEWORKS }, undefined, 60_000)
  const torch = objectAt(objectAt({ value }, 'value'), 'python')['torch'] as JsonObject
  expect(torch).toMatchObject({ build: { release, cuda: cuda ?? 'none' } })
  const [major = 0, minor = 0, patch = 0] = textAt(torch, 'cudnn').split('.').map(Number)
  // PyTorch says it as one number, and nothing where it was built without.
  const number = cudnn === null ? 'none' : major * 10_000 + minor * 100 + patch
  expect(number).toBe(cudnn ?? textAt(torch, 'cudnn'))
})
