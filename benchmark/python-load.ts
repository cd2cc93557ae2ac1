/**
 * The cost of checking a model while Python loads and saves it: `lineaprint.load_file` and `lineaprint.save_file` beside the
 * functions of safetensors. `npm run bench:load -- [--size MEBIBYTES] [--rounds N]`.
 *
 * All contestants load the same file of 16 tensors from the page cache, in one process and in turn; the processor time is
 * that of the process and of the command that it starts. With PyTorch (in the environment of `npm run test:frameworks`) the
 * function of safetensors maps the file and reads nothing, so a contestant also reads one byte of each page of it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './measure.ts'

/** Measures the contestants in turn; prints a line of JSON for each: its name, and ms of time and processor time. */
const DRIVER = `
import gc, json, os, resource, sys, time
root, size, rounds, framework = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
os.chdir(root)
import lineaprint
import numpy
random = numpy.random.default_rng(0)
arrays = {"layer.%d" % at: random.integers(0, 256, size // 16, dtype="u1") for at in range(16)}
if framework == "torch":
    import torch
    from safetensors.torch import load_file, save_file
    tensors = {name: torch.from_numpy(array).view(torch.bfloat16) for name, array in arrays.items()}
else:
    from safetensors.numpy import load_file, save_file
    tensors = {name: array.view("f2") for name, array in arrays.items()}
weights = {}
for algorithm in ("blake3", "sha256"):
    weights[algorithm] = lineaprint.save_file(tensors, "model.safetensors", manifest=algorithm + ".json", algorithm=algorithm)["weights"]

def mapped():
    return load_file("model.safetensors")

def read():
    loaded = mapped()
    for tensor in loaded.values():
        int(tensor.view(torch.uint8)[::4096].sum())
    return loaded

def checked(algorithm):
    return lambda: lineaprint.load_file("model.safetensors", algorithm + ".json", framework=framework)

def saved():
    save_file(tensors, "other.safetensors")
    descriptor = os.open("other.safetensors", os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)

def digested(algorithm):
    def save():
        assert lineaprint.save_file(tensors, "other.safetensors", algorithm=algorithm)["weights"] == weights[algorithm]
    return save

loads = {"safetensors load_file": mapped, "lineaprint load_file, BLAKE3": checked("blake3"), "lineaprint load_file, SHA-256": checked("sha256")}
if framework == "torch":
    loads = {"safetensors load_file, which maps": mapped, "safetensors load_file, and each page": read, **{name: loads[name] for name in loads if name.startswith("lineaprint")}}
saves = {"safetensors save_file, and fsync": saved, "lineaprint save_file, BLAKE3": digested("blake3"), "lineaprint save_file, SHA-256": digested("sha256")}

def spent():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

for name, work in loads.items():
    loaded = work()
    assert sorted(loaded) == sorted(tensors) and all(bytes(loaded[key].view(torch.uint8).numpy() if framework == "torch" else loaded[key].view("u1")) == arrays[key].tobytes() for key in tensors), name
    del loaded
for group in (loads, saves):
    times = {name: [] for name in group}
    for round in range(rounds):
        # Backwards in every other round, so that a change of the machine's speed affects all alike.
        for name in list(group) if round % 2 == 0 else reversed(list(group)):
            gc.collect()
            before, start = spent(), time.perf_counter()
            result = group[name]()
            wall = time.perf_counter() - start
            times[name].append([wall * 1000, (spent() - before) * 1000])
            del result
    print(json.dumps(times), flush=True)
`

/** The built command, on the Node of this process. */
const COMMAND = `${process.execPath} ${resolve('dist/cli/main.js')}`

main()

function main(): void {
  const { values } = parseArgs({
    options: { size: { type: 'string', default: '1024' }, rounds: { type: 'string', default: '7' } },
  })
  const [mebibytes, rounds] = [Number(values.size), Number(values.rounds)]
  if (!Number.isInteger(mebibytes) || mebibytes < 1 || !Number.isInteger(rounds) || rounds < 1)
    throw new Error('usage: npm run bench:load -- [--size MEBIBYTES] [--rounds N]')
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${mebibytes} MiB, ${rounds} rounds`,
  )
  for (const [framework, environment] of [
    ['numpy', '.peers/python'],
    ['torch', '.peers/frameworks'],
  ] as const) {
    const python = resolve(environment, 'bin/python')
    if (existsSync(python)) measure(python, framework, mebibytes << 20, rounds)
    else console.log(`\n${framework}: not measured, there is no ${environment}`)
  }
}

function measure(python: string, framework: string, size: number, rounds: number): void {
  const root = mkdtempSync(join(process.env['LINEAPRINT_BENCH_DIRECTORY'] ?? tmpdir(), 'lineaprint-bench-'))
  try {
    const { status, stdout, stderr } = spawnSync(
      python,
      ['-c', DRIVER, root, String(size), String(rounds), framework],
      {
        encoding: 'utf8',
        env: { ...process.env, PYTHONPATH: resolve('python'), LINEAPRINT_COMMAND: COMMAND },
      },
    )
    if (status !== 0) throw new Error(`the program failed: ${stderr}`)
    for (const line of stdout.trim().split('\n')) print(framework, JSON.parse(line) as Times, size)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** For each contestant and round: ms of time, and of processor time. */
type Times = Readonly<Record<string, readonly (readonly [wall: number, cpu: number])[]>>

function print(framework: string, times: Times, size: number): void {
  console.log(`\n${framework.padEnd(36)}      ms    GB/s   ratio  cpu ms   ratio`)
  const [first = []] = Object.values(times)
  for (const [name, rounds] of Object.entries(times)) {
    const [wall, cpu] = [0, 1].map((at) => median(rounds.map((round) => round[at] ?? NaN))) as [
      number,
      number,
    ]
    const [wallRatio, cpuRatio] = [0, 1].map((at) =>
      median(rounds.map((round, index) => (round[at] ?? NaN) / (first[index]?.[at] ?? NaN))),
    ) as [number, number]
    const columns = [
      wall.toFixed(0),
      (size / wall / 1e6).toFixed(2),
      wallRatio.toFixed(2),
      cpu.toFixed(0),
      cpuRatio.toFixed(2),
    ]
    console.log(`${name.padEnd(36)}${columns.map((column) => column.padStart(8)).join('')}`)
  }
}
