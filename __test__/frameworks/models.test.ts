/** Models in the memory of their real libraries have the digests of the files that these libraries write. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../src/hash/file.ts'
import { python } from '../e2e/python-bridge/support.ts'
import { PYTHON, SLOW } from './support.ts'
import type { JsonObject } from '../../src/core/json-value.ts'

const ENV = {
  LINEAPRINT_STRICT: '1',
  JAX_PLATFORMS: 'cpu',
  CUDA_VISIBLE_DEVICES: '',
  OMP_NUM_THREADS: '1',
}

const HEAD = `import io, pickle, warnings, zipfile
import lineaprint, numpy as np
warnings.simplefilter("ignore")
def weights(source, name): return lineaprint.track_model(source, name)["weights"]
def unchanged(model, name):
    "The digest, and whether the model and the generator of NumPy are as before."
    before = pickle.dumps(model), np.random.get_state()[1].tobytes()
    found = weights(model, name)
    return found, before == (pickle.dumps(model), np.random.get_state()[1].tobytes())
`

test.each(['jax', 'torch'])('Keras on %s: the tensors of the .keras file', SLOW, async (backend) => {
  const { said, record, stderr } = await python(
    `${HEAD}
import h5py, keras
from safetensors.numpy import save_file
import ml_dtypes
def stored(file):
    "The datasets of an HDF5 file, as h5py reads them."
    found = {}
    def visit(name, entry):
        if isinstance(entry, h5py.Dataset):
            values = np.asarray(entry[()])
            found[name] = values.view(ml_dtypes.bfloat16) if entry.attrs.get("dtype") == "bfloat16" else values
    file.visititems(visit)
    return found
def compare(model, file, name):
    save_file(stored(file), name + ".safetensors")
    before = [np.array(keras.ops.convert_to_numpy(weight)).tobytes() for weight in model.weights]
    found = weights(model, name)
    after = [np.array(keras.ops.convert_to_numpy(weight)).tobytes() for weight in model.weights]
    say(found == weights(name + ".safetensors", name + " file"), before == after)
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4, name="hidden"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), keras.layers.Dense(2, dtype="bfloat16")])
model.compile("adam", "mse")
model.optimizer.build(model.trainable_variables)
model.save("model.keras")
compare(model, h5py.File(io.BytesIO(zipfile.ZipFile("model.keras").read("model.weights.h5"))), "compiled")
class Blocks(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(3), keras.layers.Dense(3)]
        self.named = {"a": keras.layers.Dense(2)}
    def call(self, x):
        for block in self.blocks: x = block(x)
        return self.named["a"](x)
blocks = Blocks()
blocks(np.zeros((1, 3), "f4"))
blocks.save_weights("blocks.weights.h5")
compare(blocks, h5py.File("blocks.weights.h5"), "blocks")
say(sorted(stored(h5py.File("blocks.weights.h5")))[0])`,
    { interpreter: [PYTHON], env: { ...ENV, KERAS_BACKEND: backend } },
  )
  expect(said, stderr).toEqual([true, true, true, true, 'blocks/dense/vars/0'])
  expect(record.models['compiled']).not.toHaveProperty('ignored')
})

test('JAX: nested containers and its own classes of containers, with joined names', SLOW, async () => {
  const { said, record, stderr } = await python(
    `${HEAD}
import dataclasses, jax, jax.numpy as jnp
from safetensors.numpy import save_file
@jax.tree_util.register_dataclass
@dataclasses.dataclass
class State:
    params: dict
    step: jax.Array
kernel, bias = jnp.arange(12.0).reshape(3, 4).T, jnp.ones(4, jnp.bfloat16)
state = State({"dense": {"kernel": kernel, "bias": bias}, "blocks": [{"scale": jnp.ones(2)}, (jnp.zeros(1, jnp.int8),)]}, jnp.array(3))
save_file({"params.dense.kernel": np.ascontiguousarray(kernel), "params.dense.bias": np.asarray(bias), "params.blocks.0.scale": np.ones(2, "f4"), "params.blocks.1.0": np.zeros(1, "i1"), "step": np.array(3, "i4")}, "state.safetensors")
say(weights(state, "state") == weights("state.safetensors", "file"))
say(weights({"params": state.params, "step": state.step, "rng": jax.random.key(0)}, "dict") == weights("state.safetensors", "again"))
def traced(x):
    try:
        lineaprint.track_model({"x": x}, "traced")
    except lineaprint.LineaprintError as error:
        say(error.code)
    return x
jax.jit(traced)(jnp.ones(2))`,
    { interpreter: [PYTHON], env: ENV },
  )
  expect(said, stderr).toEqual([true, true, 'ERR_LINEAPRINT_UNSUPPORTED'])
  expect(record.models['dict']).toMatchObject({ ignored: ['rng'], ignoredCount: 1 })
})

test('JAX: arrays over several devices are gathered one by one', SLOW, async () => {
  const { said, stderr } = await python(
    `${HEAD}
import jax, jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("x", "y"))
whole = jnp.arange(64.0).reshape(8, 8)
parts = jax.device_put(whole, NamedSharding(mesh, PartitionSpec("x", "y")))
copies = jax.device_put(whole, NamedSharding(mesh, PartitionSpec()))
say(len(parts.devices()), {weights({"w": array}, name) for array, name in ((whole, "whole"), (parts, "parts"), (copies, "copies"))} == {weights({"w": np.arange(64.0, dtype="f4").reshape(8, 8)}, "array")})
say(parts._npy_value is None)`,
    {
      interpreter: [PYTHON],
      env: { ...ENV, XLA_FLAGS: '--xla_force_host_platform_device_count=4' },
    },
  )
  expect(said, stderr).toEqual([4, true, true])
})

test(
  'scikit-learn: the same after use, pickling and another fit; other data, other weights',
  SLOW,
  async () => {
    const { said, record, stderr } = await python(
      `${HEAD}
import pandas
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
x = np.random.RandomState(0).rand(60, 3)
y = np.where(x[:, 0] > 0.6, "yes", "no")
frame = pandas.DataFrame({"a": x[:, 0], "b": x[:, 1], "kind": np.where(x[:, 2] > 0.5, "p", "q")})
models = {
    "forest": RandomForestClassifier(3, random_state=1),
    "boosting": GradientBoostingClassifier(n_estimators=3, random_state=1),
    "histograms": HistGradientBoostingClassifier(max_iter=3, random_state=1),
    "neighbours": KNeighborsClassifier(),
    "vectors": SVC(),
    "network": MLPClassifier(max_iter=3, random_state=1),
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}),
    "voting": VotingClassifier([("lr", LogisticRegression()), ("rf", RandomForestClassifier(2, random_state=1))]),
}
for name, model in models.items():
    found, same = unchanged(model.fit(x, y), name)
    model.predict(x)
    again = [weights(model, name + " used"), weights(pickle.loads(pickle.dumps(model)), name + " pickled"), weights(clone(model).fit(x, y), name + " fitted again")]
    other = x.copy()
    other[::2] *= 1.01
    say([name, same, again == [found] * 3, weights(clone(model).fit(other, y), name + " other") != found])
pipeline = make_pipeline(ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(), ["kind"])]), LogisticRegression()).fit(frame, y)
first = lineaprint.track_model(pipeline, "pipeline")
second = lineaprint.track_model(clone(pipeline).set_params(logisticregression__C=0.5).fit(frame, y), "weaker")
say(first["architecture"] != second["architecture"])
attempt = TfidfVectorizer().fit(["one two", "two three"])
lineaprint.track_model(attempt, "words")`,
      { interpreter: [PYTHON], env: ENV },
    )
    expect(said.slice(0, 8), stderr).toEqual(
      ['forest', 'boosting', 'histograms', 'neighbours', 'vectors', 'network', 'search', 'voting'].map(
        (name) => [name, true, true, true],
      ),
    )
    expect(said.slice(8)).toEqual([true])
    const { pipeline, words, forest } = record.models as unknown as Record<string, JsonObject>
    expect(forest).not.toHaveProperty('ignored')
    expect(pipeline?.['remarks']).toEqual([expect.stringMatching(/^the attributes are those of sklearn 1\./)])
    expect(words).toMatchObject({ ignored: ['vocabulary_'], ignoredCount: 1 })
  },
)

test('XGBoost and LightGBM: the bytes of the files that they save', SLOW, async () => {
  const { said, record, root, folder, stderr } = await python(
    `${HEAD}
import lightgbm, xgboost
x = np.random.RandomState(0).rand(60, 3)
y = (x[:, 0] > 0.6).astype(int)
trees = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, xgboost.DMatrix(x, y), 3)
trees.save_model("model.ubj")
leaves = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 4}, lightgbm.Dataset(x, y), 3)
leaves.save_model("model.txt")
before = bytes(trees.save_raw("json")), leaves.model_to_string()
found = [weights(trees, "xgboost"), weights(leaves, "lightgbm")]
say(before == (bytes(trees.save_raw("json")), leaves.model_to_string()))
loaded = xgboost.Booster(model_file="model.ubj")
say(found == [weights(loaded, "xgboost loaded"), weights(lightgbm.Booster(model_file="model.txt"), "lightgbm loaded")])
say(lineaprint.track_model(loaded, "xgboost again")["architecture"] == lineaprint.track_model(trees, "xgboost trained")["architecture"])
for kind in (xgboost.XGBClassifier, lightgbm.LGBMClassifier):
    model = kind(n_estimators=3, n_jobs=1).fit(x, y)
    name = kind.__name__
    say(weights(model, name) == weights(pickle.loads(pickle.dumps(model)), name + " pickled"))
    lineaprint.track_model(kind(n_estimators=4, n_jobs=1).fit(x, y), name + " 4")`,
    { interpreter: [PYTHON], env: ENV },
  )
  expect(said, stderr).toEqual([true, true, true, true, true])
  for (const [name, file] of [
    ['xgboost', 'model.ubj'],
    ['lightgbm', 'model.txt'],
  ] as const) {
    const { tensorsFile } = record.models[name] as unknown as { tensorsFile: string }
    const list = JSON.parse(readFileSync(join(folder, tensorsFile), 'utf8')) as {
      tensors: { name: string; digest: string }[]
    }
    const { digest } = await hashFile(join(root, file))
    expect(list.tensors).toMatchObject([{ name: 'booster', digest: digest.toString() }])
    expect(record.models[name]).toMatchObject({ remarks: [expect.stringContaining(name)] })
  }
  const weightsOf = (name: string): unknown => (record.models[name] as unknown as { weights: string }).weights
  for (const name of ['XGBClassifier', 'LGBMClassifier'])
    expect(weightsOf(name)).not.toBe(weightsOf(`${name} 4`))
})
