"""Train a small network with NumPy and record it. Training it again gives the same bits.

    lineaprint run --seed 42 -- python train.py
    lineaprint show @latest
    lineaprint reproduce @latest

The program also runs outside of `lineaprint run` if Python finds the package `lineaprint`; then nothing is recorded.
NumPy multiplies matrices with a library that may add in another order with another number of threads or on another
processor. So the bits are the same only on the same machine.
"""

import lineaprint
import numpy as np

EPOCHS = 30
RATE = 0.5
HIDDEN = 8

# With --seed, the seed of this generator is derived from it. `lineaprint show` lists the generator under "seeded".
rng = np.random.default_rng()

# Two spirals that no straight line separates.
turn = np.linspace(0.5, 3, 60)
spiral = np.stack([turn * np.cos(2 * turn), turn * np.sin(2 * turn)], axis=1) / 3
points = np.concatenate([spiral, -spiral]) + rng.normal(0, 0.02, (120, 2))
labels = np.repeat([0.0, 1.0], 60)[:, None]
lineaprint.track_dataset(points, "points")

model = {
    "hidden": {"weight": rng.normal(0, 1, (2, HIDDEN)), "bias": np.zeros(HIDDEN)},
    "output": {"weight": rng.normal(0, 1, (HIDDEN, 1)), "bias": np.zeros(1)},
}
hidden, output = model["hidden"], model["output"]

for epoch in range(EPOCHS):
    loss = 0.0
    for rows in np.array_split(rng.permutation(len(points)), 8):
        x, y = points[rows], labels[rows]
        activity = np.tanh(x @ hidden["weight"] + hidden["bias"])
        guess = 1 / (1 + np.exp(-(activity @ output["weight"] + output["bias"])))
        loss -= np.sum(y * np.log(guess) + (1 - y) * np.log(1 - guess))
        error = (guess - y) / len(rows)
        back = (error @ output["weight"].T) * (1 - activity**2)
        output["weight"] -= RATE * activity.T @ error
        output["bias"] -= RATE * error.sum(axis=0)
        hidden["weight"] -= RATE * x.T @ back
        hidden["bias"] -= RATE * back.sum(axis=0)
    lineaprint.log_metric("loss", loss / len(points), step=epoch)
    # `lineaprint diff` names the epoch at which two runs diverge.
    lineaprint.log_digest("hidden", hidden["weight"], step=epoch)

lineaprint.checkpoint("trained")
lineaprint.track_model(model, "network")
print(f"loss {loss / len(points):.4f} after {EPOCHS} epochs")
