"""Exports small networks over volumes N x C x D x H x W, as medical imaging has them, with random weights.

usage: export_volumes.py FOLDER [WIDTH]
writes FOLDER/unet.onnx, unet_open.onnx (any N, D, H and W), vnet.onnx and instance.onnx. They read one volume
[1,1,16,24,32]. WIDTH (8) is the number of channels at full size.
"""
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional


def norm_relu(channels):
    return [nn.BatchNorm3d(channels), nn.ReLU()]


def twice(inputs, channels):
    return nn.Sequential(nn.Conv3d(inputs, channels, 3, padding=1), *norm_relu(channels),
                         nn.Conv3d(channels, channels, 3, padding=1), *norm_relu(channels))


class UNet(nn.Module):
    """3D U-Net (Cicek et al. 2016): doubled convolutions, pools, transposed convolutions, skips."""

    def __init__(self, width):
        super().__init__()
        self.down = nn.ModuleList([twice(1, width), twice(width, 2 * width), twice(2 * width, 4 * width)])
        self.up = nn.ModuleList([nn.ConvTranspose3d(4 * width, 2 * width, 2, 2), nn.ConvTranspose3d(2 * width, width, 2, 2)])
        self.join = nn.ModuleList([twice(4 * width, 2 * width), twice(2 * width, width)])
        self.head = nn.Conv3d(width, 3, 1)

    def forward(self, x):
        x0 = self.down[0](x)
        x1 = self.down[1](functional.max_pool3d(x0, 2))
        x2 = self.down[2](functional.max_pool3d(x1, 2))
        x1 = self.join[0](torch.cat([self.up[0](x2), x1], 1))
        return self.head(self.join[1](torch.cat([self.up[1](x1), x0], 1)))


class VNet(nn.Module):
    """V-Net (Milletari et al. 2016): 5x5x5 convolutions, residual stages, strided convolutions, PReLU."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv3d(1, width, 5, padding=2)
        self.down = nn.Conv3d(width, 2 * width, 2, 2)
        self.deep = nn.Conv3d(2 * width, 2 * width, 5, padding=2)
        self.up = nn.ConvTranspose3d(2 * width, width, 2, 2)
        self.last = nn.Conv3d(2 * width, 2 * width, 5, padding=2)
        self.head = nn.Conv3d(2 * width, 2, 1)
        self.slopes = nn.ModuleList([nn.PReLU(c) for c in (width, 2 * width, 2 * width, width, 2 * width)])
        self.norms = nn.ModuleList([nn.BatchNorm3d(c) for c in (width, 2 * width, 2 * width, width, 2 * width)])

    def forward(self, x):
        x0 = self.slopes[0](self.norms[0](self.first(x)) + x)
        x1 = self.slopes[1](self.norms[1](self.down(x0)))
        x1 = self.slopes[2](self.norms[2](self.deep(x1)) + x1)
        x2 = torch.cat([self.slopes[3](self.norms[3](self.up(x1))), x0], 1)
        x2 = self.slopes[4](self.norms[4](self.last(x2)) + x2)
        return torch.softmax(self.head(x2), 1)


class Instance(nn.Module):
    """What else is found: instance normalisation, flat kernels, channels by themselves, gates, trilinear enlarging."""

    def __init__(self, width):
        super().__init__()
        self.flat = nn.Conv3d(1, width, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
        self.norm = nn.InstanceNorm3d(width, affine=True)
        self.apart = nn.Conv3d(width, width, 3, 2, 1, groups=width)
        self.groups = nn.ConvTranspose3d(width, 2 * width, (3, 4, 4), (2, 2, 2), (1, 1, 1), (1, 0, 0), groups=2)
        self.group_norm = nn.GroupNorm(2, 2 * width)
        self.wide = nn.Conv3d(2 * width, width, (3, 1, 1), padding=(2, 0, 0), dilation=(2, 1, 1))
        self.gate = nn.Conv3d(width, width, 1)
        self.head = nn.Conv3d(width, 3, 1)

    def forward(self, x):
        size = x.shape[2:]
        x0 = functional.leaky_relu(self.norm(self.flat(x)), 0.01)
        x1 = functional.silu(self.group_norm(self.groups(self.apart(x0))))
        x1 = functional.avg_pool3d(functional.elu(self.wide(x1)), 3, 1, 1)
        x1 = x1 * torch.sigmoid(self.gate(functional.adaptive_avg_pool3d(x1, 1))) + x0
        x1 = functional.pad(x1, (1, 0, 2, 1, 0, 1), mode="replicate")
        x1 = functional.interpolate(self.head(x1), size=size, mode="trilinear", align_corners=False)
        return x1, x1.argmax(1)


def enliven(network):
    """Normalisations as after some training; those that are alike would become one in the file."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            for tensor, low, high in ((module.weight, 0.5, 1.5), (module.bias, -0.3, 0.3),
                                      (module.running_mean, -0.3, 0.3), (module.running_var, 0.5, 1.5)):
                nn.init.uniform_(tensor, low, high)


def export(network, path, **options):
    enliven(network)
    torch.onnx.export(network.eval(), torch.rand(1, 1, 16, 24, 32), path, input_names=["volume"],
                      opset_version=13, **options)


def main():
    warnings.filterwarnings("ignore")
    torch.manual_seed(5)
    folder, width = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with torch.no_grad():
        unet = UNet(width)
        export(unet, folder + "/unet.onnx")
        axes = {0: "n", 2: "d", 3: "h", 4: "w"}
        export(unet, folder + "/unet_open.onnx", output_names=["logits"],
               dynamic_axes={"volume": axes, "logits": axes})
        export(VNet(width), folder + "/vnet.onnx")
        export(Instance(width), folder + "/instance.onnx")


main()
