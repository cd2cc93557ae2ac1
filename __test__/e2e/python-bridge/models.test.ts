/** Models of libraries, recognised by their shape: classes of the same shape stand for the libraries here. */
import { expect, test } from 'vitest'
import { lineaprint } from '../../support/program.ts'
import { FAST } from '../runs/support.ts'
import { python } from './support.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

const SLOW = { timeout: 120_000 }

const STRICT = { env: { LINEAPRINT_STRICT: '1' } }

/** A line for the weights and the architecture of a report, and one for those of a dict of tensors. */
const BOTH = `import lineaprint, numpy as np, types
def both(report): return [report["weights"], report["architecture"]]
def weights(source, name): return lineaprint.track_model(source, name)["weights"]
def attempt(source):
    try:
        lineaprint.track_model(source, "bad")
        say("tracked")
    except lineaprint.LineaprintError as error:
        say([error.code, str(error)])
`

test('containers: lists, named tuples and modules in dicts have joined names', SLOW, async () => {
  const { said } = await python(
    `${BOTH}
import collections
a, b = np.arange(3.0), np.arange(2, dtype="i4")
class Module:
    def state_dict(self): return {"weight": a}
    def named_parameters(self): return iter(())
State = collections.namedtuple("State", "mu nu")
class Variable:
    __module__ = "flax.nnx.variablelib"
    def get_value(self): return a
class Keys:
    shape, dtype = (), "key<fry>"
class Tensor:
    def __init__(self, value): self.value = value
    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: types.SimpleNamespace(as_numpy_dtype=self.value.dtype.type))
    def __array__(self, *_, **__): return self.value
say(weights([a, [b]], "list") == weights({"0": a, "1.0": b}, "names"))
say(weights({"s": State(a, b)}, "fields") == weights({"s.mu": a, "s.nu": b}, "joined"))
say(weights({"net": Module()}, "inside") == weights({"net.weight": a}, "flat"))
say(weights({"v": Variable(), "rng": Keys()}, "variable") == weights({"v": a}, "value"))
say(weights({"t": Tensor(a)}, "tensor") == weights({"t": a}, "array"))
tf = type("Module", (), {"__module__": "tensorflow.python.module", "variables": [Tensor(a)]})()
Tensor.name = "w:0"
say(weights(tf, "tf") == weights({"w:0": a}, "tf names"))
cycle = []
cycle.append(cycle)
for bad in (a, np.float64, cycle, object()): attempt(bad)`,
    STRICT,
  )
  expect(said.slice(0, 6)).toEqual(Array(6).fill(true))
  expect(said.slice(6).map((line) => (line as string[])[0])).toEqual(Array(4).fill('ERR_LINEAPRINT_ARGUMENT'))
})

test('Keras: the names are those that its own writer gives', SLOW, async () => {
  const { said, record } = await python(
    `${BOTH}
saving = types.ModuleType("keras.src.saving.saving_lib")
class H5IOStore:
    def __init__(self, path): raise AssertionError("a file would be written")
def _save_state(model, weights_store, assets_store, inner_path, visited):
    assert isinstance(weights_store, H5IOStore) and weights_store and assets_store is None
    for at, layer in enumerate(model.layers):
        entry = weights_store.make("layers/dense%s" % ("_%d" % at if at else ""), metadata={"name": "any"})
        for key, value in enumerate(layer): entry[str(key)] = value
    weights_store.make("")["steps"] = 3
saving.H5IOStore, saving._save_state = H5IOStore, _save_state
class Model:
    __module__ = "keras.src.models.model"
    def state_dict(self): raise AssertionError("this is not asked")
    def _flatten_layers(self): return [types.SimpleNamespace(name="words", save_assets=None)]
class Variable:
    __module__ = "keras.src.backend"
    def __init__(self, value): self.value, self.shape, self.dtype = value, value.shape, "float32"
model = Model()
model.layers = [[Variable(np.ones((3, 4), "f4")), np.zeros(4, "f4")], [Variable(np.ones(2, "f4"))]]
attempt(model)
sys.modules[saving.__name__] = saving
flat = {"layers/dense/vars/0": model.layers[0][0].value, "layers/dense/vars/1": model.layers[0][1], "layers/dense_1/vars/0": model.layers[1][0].value, "vars/steps": np.array(3)}
say(both(lineaprint.track_model(model, "model")) == both(lineaprint.track_model(flat, "flat")))`,
    STRICT,
  )
  expect(said).toEqual([['ERR_LINEAPRINT_UNSUPPORTED', expect.stringContaining('track the file')], true])
  expect(record.models['model']).toMatchObject({ ignored: ['assets of words'], ignoredCount: 1 })
})

/** A library of estimators. */
const LIBRARY = `${BOTH}
import functools
NAMES, KEPT = {}, []
class Estimator:
    __module__ = "sklearn.fake"
    def __init__(self, **params): self.__dict__.update(params); NAMES[id(self)] = sorted(params); KEPT.append(self)
    def get_params(self, deep=True): return {name: getattr(self, name) for name in NAMES[id(self)]}
    def set_params(self, **_): raise AssertionError("nothing is set")
    def fit(self, *_): raise AssertionError("nothing is fitted")
    predict = transform = fit
    def learn(self, **learned):
        self.__dict__.update(learned)
        return self
class Tree:
    __module__ = "sklearn.tree._tree"
    def __init__(self, nodes): self.nodes = nodes
    def __reduce__(self): return (Tree, (2, np.array([3])), {"nodes": self.nodes, "max_depth": 4})
sys.modules["sklearn"] = types.SimpleNamespace(__version__="9.9.9")
nodes = np.array([(1, 2.5), (2, 3.5)], dtype=np.dtype([("left", "i1"), ("value", "f8")], align=True))
`

test(
  'estimators: what was learned is the weights, class and parameters are the architecture',
  SLOW,
  async () => {
    const { said, record, root } = await python(
      `${LIBRARY}
def forest(seed, depth=3, left=1, jobs=1):
    filled = nodes.copy()
    filled.view("u1").reshape(2, -1)[:, 1:8] = seed
    filled["left"][0] = left
    trees = [Estimator(random_state=seed * at).learn(tree_=Tree(filled)) for at in (1, 2)]
    return Estimator(max_depth=depth, random_state=seed, n_jobs=jobs, missing=float("nan"), dtype=np.float32, fun=len).learn(
        estimators_=trees, classes_=np.array(["a", "b"]), n_features_in_=2, score_=np.float64(0.5), curve_=[0.5, 0.25], solver_="lbfgs", nothing_=None)
first = lineaprint.track_model(forest(1), "first")
say(sorted(first["dtypes"]), first["tensorCount"])
say(both(first) == both(lineaprint.track_model(forest(2, jobs=4), "padding and seed")))
deeper, other = lineaprint.track_model(forest(1, depth=4), "deeper"), lineaprint.track_model(forest(1, left=7), "other")
say([deeper[kind] == first[kind] for kind in ("weights", "architecture")], [other[kind] == first[kind] for kind in ("weights", "architecture")])
flat = {"n_features_in_": np.array(2), "score_": np.array(0.5), "curve_": np.array([0.5, 0.25])}
for at in "01":
    tree = "estimators_.%s.tree_." % at
    flat.update({tree + "given.0": np.array(2), tree + "given.1": np.array([3]), tree + "nodes.left": nodes["left"], tree + "nodes.value": nodes["value"], tree + "max_depth": np.array(4)})
say(weights(flat, "flat") == first["weights"])
vocabulary = Estimator(memory="/tmp/x", verbose=True).learn(vocabulary_={"secret word": 1}, stop_words_={"and"}, idf_=np.ones(2), _rng=np.random.RandomState(3), mean_fit_time_=0.3, mixed_=np.array([1, "x"], dtype=object))
steps = [("words", vocabulary), ("drop", "passthrough"), ("last", Estimator(C=1.0, solver=functools.partial(len)).learn(coef_=np.ones((1, 2)).T))]
columns = Estimator(transformers=[("num", Estimator(), [0, 1]), ("cat", Estimator(), slice(2, None))]).learn(transformers_=[("num", Estimator().learn(mean_=np.zeros(2)), [0, 1])])
say(weights(Estimator(steps=[("columns", columns)] + steps), "pipeline") == weights({"steps.words.idf_": np.ones(2), "steps.last.coef_": np.ones((2, 1)), "steps.columns.transformers_.num.mean_": np.zeros(2), "steps.columns.transformers_.num.2": np.array([0, 1])}, "pipeline flat"))
attempt(Estimator(C=1.0))
attempt(Estimator().learn(vocabulary_={"a": 1}))`,
      STRICT,
    )
    expect(said.slice(0, 2)).toEqual([['F64', 'I64', 'I8'], 13])
    expect(said.slice(2, 7)).toEqual([true, [true, false], [false, true], true, true])
    expect(said.slice(7)).toEqual([
      ['ERR_LINEAPRINT_ARGUMENT', expect.stringContaining('fit it first, or save it to a file')],
      ['ERR_LINEAPRINT_ARGUMENT', expect.stringContaining('vocabulary_')],
    ])
    const { first, pipeline } = record.models as unknown as Record<string, JsonObject>
    expect(first).toMatchObject({
      config: {
        name: 'parameters of sklearn.fake.Estimator',
        ignored: ['estimators_.*.random_state', 'n_jobs', 'random_state', 'params.dtype'],
      },
      remarks: ['the attributes are those of sklearn 9.9.9'],
      warnings: ['parameter fun is recorded by its name only: builtins.len'],
    })
    expect(pipeline).toMatchObject({
      ignored: ['mean_fit_time_', 'mixed_', 'stop_words_', 'vocabulary_'].map(
        (name) => `steps.words.${name}`,
      ),
      ignoredCount: 4,
    })
    expect(pipeline?.['warnings']).toEqual([
      'parameter steps.3.1.solver is recorded by its name only: functools.partial',
      'no digest covers what could not be read: steps.words.mean_fit_time_, steps.words.mixed_, steps.words.stop_words_, steps.words.vocabulary_',
    ])
    const shown = await lineaprint(['show', '@latest'], { cwd: root, env: FAST })
    expect(shown.stdout.replaceAll(/\s+/g, ' ')).toContain('not read: steps.words.mean_fit_time_,')
    expect(JSON.stringify(record)).not.toContain('secret word')
  },
)

test('boosters are the bytes that they save', SLOW, async () => {
  const { said, record } = await python(
    `${LIBRARY}
import json as js
sys.modules["xgboost"] = types.SimpleNamespace(__version__="1.2.3")
class Booster:
    __module__ = "xgboost.core"
    def save_raw(self, raw_format): assert raw_format == "ubj"; return bytearray(b"raw model")
    def save_config(self): return js.dumps({"learner": {"objective": {"name": "binary:logistic"}, "learner_model_param": {"num_class": "0", "base_score": "1"}, "gradient_booster": {"name": "gbtree"}}, "version": [1]})
class Text:
    __module__ = "lightgbm.basic"
    def model_to_string(self): return "tree\\nversion=v4\\nnum_class=1\\nobjective=regression\\n\\nTree=0\\nobjective=none\\n"
    def num_trees(self): return 1
raw, written = np.frombuffer(b"raw model", "u1"), np.frombuffer(Text().model_to_string().encode(), "u1")
say(weights(Booster(), "xgboost") == weights({"booster": raw}, "raw"), weights(Text(), "lightgbm") == weights({"booster": written}, "text"))
say(weights(Estimator(max_depth=2).learn(_Booster=Booster(), n_classes_=2), "wrapper") == weights({"booster": raw, "n_classes_": np.array(2)}, "wrapper flat"))
say(weights(Estimator(steps=[("m", Estimator().learn(_Booster=Text()))]), "in pipeline") == weights({"steps.m.booster": written}, "in pipeline flat"))
say(lineaprint.track_model(Booster(), "xgboost")["architecture"] == lineaprint.track_model({"booster": raw}, "raw")["architecture"])`,
    STRICT,
  )
  expect(said).toEqual([true, true, true, true, false])
  expect(record.models['xgboost']).toMatchObject({
    config: { name: 'booster of xgboost' },
    remarks: [
      'booster: the bytes that xgboost 1.2.3 saves; another version can save the same model in other bytes',
    ],
  })
  expect(record.models['lightgbm']).toMatchObject({ remarks: [expect.stringContaining('lightgbm')] })
})
