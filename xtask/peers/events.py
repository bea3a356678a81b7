"""TensorBoard's own reader on the event file of `lacuna train --tensorboard`, against metrics.jsonl.

    python events.py LACUNA FOLDER
"""

import json
import os
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from command import lacuna

TAGS = ("loss", "learning_rate", "gradient_norm", "passes")


def main():
    program, folder = sys.argv[1:]
    lacuna(program, "phantom", "--out", "heads", "--subjects", "3", "--dims", "16x18x12", folder=folder)
    words = ("--data", "heads", "--labels", "tissue", "--preprocess", "canonical", "--size", "16x16x16", "--depth", "10")
    record = lacuna(program, "train", *words, "--epochs", "5", "--tensorboard", folder=folder)
    run = os.path.join(folder, record["run"])
    with open(os.path.join(run, "metrics.jsonl")) as file:
        epochs = [json.loads(line) for line in file]
    events = EventAccumulator(run)
    events.Reload()
    for tag in TAGS:
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        expected = [(epoch["epoch"], float(np.float32(epoch[tag]))) for epoch in epochs]
        assert found == expected, (tag, found, expected)
    print(json.dumps({"epochs": len(epochs), "tags": sorted(events.Tags()["scalars"]), "equal": True}))


main()
