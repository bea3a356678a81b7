#!/usr/bin/env python3
"""MedicalNet's segmentation network in PyTorch on the CPU, timed as `lacuna bench` times its own.

Usage: pytorch_step.py {train|infer} DEPTH DxHxW [--classes 2] [--batch 1] [--threads N] [--repeats 7]

A training step is forward, cross-entropy, backward, SGD with momentum and weight decay. The one JSON
object that is printed has the names of `lacuna bench --json`. `cargo xtask bench --peer PYTHON` runs it.
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn

BLOCKS = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}
# Width, stride and dilation of the four stages: the last two dilate instead of striding.
STAGES = ((64, 1, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4))
WARM_UP = 2


def normalised(convolution):
    return [convolution, nn.BatchNorm3d(convolution.out_channels)]


def three(inputs, outputs, stride, dilation):
    return nn.Conv3d(inputs, outputs, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)


class Residual(nn.Module):
    """Basic or bottleneck block with shortcut B."""

    def __init__(self, inputs, width, stride, dilation, bottleneck):
        super().__init__()
        self.outputs = 4 * width if bottleneck else width
        relu = nn.ReLU(inplace=True)
        if bottleneck:
            layers = [
                *normalised(nn.Conv3d(inputs, width, 1, bias=False)), relu,
                *normalised(three(width, width, stride, dilation)), relu,
                *normalised(nn.Conv3d(width, self.outputs, 1, bias=False)),
            ]
        else:
            layers = [
                *normalised(three(inputs, width, stride, dilation)), relu,
                *normalised(three(width, width, 1, dilation)),
            ]
        self.layers = nn.Sequential(*layers)
        plain = stride == 1 and inputs == self.outputs
        self.skip = nn.Identity() if plain else nn.Sequential(*normalised(nn.Conv3d(inputs, self.outputs, 1, stride=stride, bias=False)))

    def forward(self, x):
        return nn.functional.relu(self.layers(x) + self.skip(x), inplace=True)


def medicalnet(depth, classes):
    layers = [*normalised(nn.Conv3d(1, 64, 7, stride=2, padding=3, bias=False)), nn.ReLU(inplace=True), nn.MaxPool3d(3, 2, 1)]
    channels = 64
    for (width, stride, dilation), count in zip(STAGES, BLOCKS[depth]):
        for index in range(count):
            block = Residual(channels, width, stride if index == 0 else 1, dilation, depth >= 50)
            layers.append(block)
            channels = block.outputs
    layers += [
        *normalised(nn.ConvTranspose3d(channels, 32, 2, stride=2)), nn.ReLU(inplace=True),
        *normalised(nn.Conv3d(32, 32, 3, padding=1, bias=False)), nn.ReLU(inplace=True),
        nn.Conv3d(32, classes, 1, bias=False),
    ]
    return nn.Sequential(*layers)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("train", "infer"))
    parser.add_argument("depth", type=int, choices=sorted(BLOCKS))
    parser.add_argument("size")
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=7)
    return parser.parse_args()


def main():
    given = parse()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    network = medicalnet(given.depth, given.classes)
    volume = torch.randn(given.batch, 1, *(int(side) for side in given.size.split("x")))
    with torch.no_grad():
        grid = network.eval()(volume).shape[2:]
    labels = torch.randint(0, given.classes, (given.batch, *grid))
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-3)

    def train():
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(volume), labels).backward()
        optimiser.step()

    def infer():
        with torch.no_grad():
            network(volume)

    network.train(given.mode == "train")
    step = train if given.mode == "train" else infer
    seconds = []
    for _ in range(WARM_UP + given.repeats):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    seconds = seconds[WARM_UP:]
    print(json.dumps({
        "peer": f"PyTorch {torch.__version__}", "mode": given.mode, "depth": given.depth, "size": given.size,
        "classes": given.classes, "batch": given.batch, "threads": given.threads,
        "seconds_min": min(seconds), "seconds_median": statistics.median(seconds), "seconds": seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    main()
