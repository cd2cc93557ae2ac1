"""Keras: two models, one of them trained twice."""

import keras
import numpy

keras.utils.set_random_seed(0)
inputs = numpy.random.RandomState(0).rand(32, 3).astype("float32")
targets = inputs.sum(1, keepdims=True)


def made():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    return model


first, second = made(), made()
history = first.fit(inputs, targets, epochs=2, verbose=0, validation_split=0.25)
first.fit(inputs, targets, epochs=3, initial_epoch=2, verbose=0)
other = second.fit(inputs, targets, epochs=1, verbose=0)
print(history.history["loss"], history.history["val_mae"], other.history["loss"])
