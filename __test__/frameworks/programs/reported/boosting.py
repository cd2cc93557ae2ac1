"""XGBoost and LightGBM: training with evaluations, estimators, and cross-validation."""

import lightgbm
import numpy
import xgboost

random = numpy.random.RandomState(0)
inputs = random.rand(200, 4)
targets = (inputs.sum(1) > 2).astype(int)

train = xgboost.DMatrix(inputs[:150], targets[:150])
test = xgboost.DMatrix(inputs[150:], targets[150:])
results = {}
settings = {"objective": "binary:logistic", "nthread": 1, "seed": 0}
xgboost.train(settings, train, 4, evals=[(train, "train"), (test, "test")], evals_result=results, verbose_eval=False)
print(results["test"]["logloss"][-1])
model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1, random_state=0)
model.fit(inputs[:150], targets[:150], eval_set=[(inputs[150:], targets[150:])], verbose=False)
print(model.evals_result()["validation_0"]["logloss"][-1])
print(list(xgboost.cv(settings, train, 2, nfold=3, seed=0, as_pandas=False).items()))

rows = lightgbm.Dataset(inputs[:150], targets[:150])
held = rows.create_valid(inputs[150:], targets[150:])
settings = {"objective": "binary", "num_threads": 1, "verbose": -1, "seed": 0, "deterministic": True, "metric": "binary_logloss"}
found = {}
lightgbm.train(
    settings, rows, 5, valid_sets=[held], valid_names=["held"],
    callbacks=[lightgbm.record_evaluation(found), lightgbm.early_stopping(2, verbose=False)],
)
print(found["held"]["binary_logloss"][-1])
# No callback is told of these.
lightgbm.train(settings, rows, 2, valid_sets=[held], valid_names=["quiet"])
print(sorted(lightgbm.cv(settings, lightgbm.Dataset(inputs, targets), 3, nfold=3, seed=0).items()))
