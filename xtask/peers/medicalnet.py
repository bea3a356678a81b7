"""MedicalNet's segmentation network in PyTorch, under its own tensor names; written from the paper and the names.

Source: Chen, Ma and Zheng, "Med3D: Transfer Learning for 3D Medical Image Analysis", 2019.
"""

import torch
from torch import nn
from torch.nn import functional

BLOCKS = {
    10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3),
    101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3),
}
# Width, stride and dilation of the four stages: the last two dilate instead of striding.
STAGES = ((64, 1, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4))
HEAD_WIDTH = 32


def convolution(inputs, outputs, size, stride=1, dilation=1):
    padding = dilation * (size - 1) // 2
    return nn.Conv3d(inputs, outputs, size, stride=stride, padding=padding, dilation=dilation, bias=False)


class Subsample(nn.Module):
    """Shortcut A: every stride-th voxel, channels filled up with zeros, cut off from the gradient."""

    def __init__(self, outputs, stride):
        super().__init__()
        self.outputs, self.stride = outputs, stride

    def forward(self, x):
        kept = x[:, :, :: self.stride, :: self.stride, :: self.stride].detach()
        return functional.pad(kept, (0, 0, 0, 0, 0, 0, 0, self.outputs - kept.shape[1]))


class Block(nn.Module):
    def __init__(self, inputs, width, stride, dilation, bottleneck, shortcut):
        super().__init__()
        self.outputs = 4 * width if bottleneck else width
        if bottleneck:
            plan = [(inputs, width, 1, 1, 1), (width, width, 3, stride, dilation), (width, self.outputs, 1, 1, 1)]
        else:
            plan = [(inputs, width, 3, stride, dilation), (width, width, 3, 1, dilation)]
        self.steps = len(plan)
        for number, layer in enumerate(plan, 1):
            setattr(self, f"conv{number}", convolution(*layer))
            setattr(self, f"bn{number}", nn.BatchNorm3d(layer[1]))
        if stride == 1 and inputs == self.outputs:
            self.downsample = None
        elif shortcut == "A":
            self.downsample = Subsample(self.outputs, stride)
        else:
            self.downsample = nn.Sequential(
                convolution(inputs, self.outputs, 1, stride), nn.BatchNorm3d(self.outputs)
            )

    def forward(self, x):
        residual = x if self.downsample is None else self.downsample(x)
        for number in range(1, self.steps + 1):
            x = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(x))
            if number < self.steps:
                x = functional.relu(x)
        return functional.relu(x + residual)


class MedicalNet(nn.Module):
    def __init__(self, depth, classes, channels=1, shortcut=None):
        super().__init__()
        shortcut = shortcut or ("A" if depth in (18, 34) else "B")
        self.conv1 = convolution(channels, 64, 7, 2)
        self.bn1 = nn.BatchNorm3d(64)
        inputs = 64
        for stage, ((width, stride, dilation), count) in enumerate(zip(STAGES, BLOCKS[depth]), 1):
            blocks = []
            for index in range(count):
                block = Block(inputs, width, stride if index == 0 else 1, dilation, depth >= 50, shortcut)
                blocks.append(block)
                inputs = block.outputs
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.conv_seg = nn.Sequential(
            nn.ConvTranspose3d(inputs, HEAD_WIDTH, 2, stride=2), nn.BatchNorm3d(HEAD_WIDTH), nn.ReLU(),
            convolution(HEAD_WIDTH, HEAD_WIDTH, 3), nn.BatchNorm3d(HEAD_WIDTH), nn.ReLU(),
            convolution(HEAD_WIDTH, classes, 1),
        )

    def forward(self, x):
        x = functional.max_pool3d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.conv_seg(x)


def with_statistics(depth, classes, seed):
    """A network in evaluation mode whose running statistics are not those of a beginning."""
    torch.manual_seed(seed)
    network = MedicalNet(depth, classes)
    for name, value in network.state_dict().items():
        if name.endswith("running_mean"):
            value.copy_(0.1 * torch.randn_like(value))
        elif name.endswith("running_var"):
            value.copy_(0.5 + torch.rand_like(value))
    return network.eval()
