"""Writes a text of made-up sentences as numbers of letters: train.bin and val.bin, and the alphabet."""

import os
import pickle

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
text = "".join("the %d cats saw %d dogs.\n" % (i % 7, i % 11) for i in range(400))
letters = sorted(set(text))
number = {letter: i for i, letter in enumerate(letters)}
ids = np.array([number[letter] for letter in text], dtype=np.uint16)
cut = int(len(ids) * 0.9)
ids[:cut].tofile(os.path.join(here, "train.bin"))
ids[cut:].tofile(os.path.join(here, "val.bin"))
with open(os.path.join(here, "meta.pkl"), "wb") as file:
    pickle.dump({"size": len(letters), "letters": letters}, file)
